//! See `unlapse_fuzz::metadata`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::metadata(data));
