//! See `unlapse_fuzz::configuration`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::configuration(data));
