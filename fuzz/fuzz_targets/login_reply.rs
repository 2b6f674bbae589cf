//! See `unlapse_fuzz::login_reply`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::login_reply(data));
