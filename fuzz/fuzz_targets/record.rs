//! See `unlapse_fuzz::record`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::record(data));
