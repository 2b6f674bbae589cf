//! See `unlapse_fuzz::duration`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::duration(data));
