//! See `unlapse_fuzz::token_reply`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::token_reply(data));
