//! See `unlapse_fuzz::jwt`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::jwt(data));
