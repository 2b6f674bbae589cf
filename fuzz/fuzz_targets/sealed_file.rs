//! See `unlapse_fuzz::sealed_file`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::sealed_file(data));
