//! See `unlapse_fuzz::endpoint`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::endpoint(data));
