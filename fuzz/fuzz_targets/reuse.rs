//! See `unlapse_fuzz::reuse`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::reuse(data));
