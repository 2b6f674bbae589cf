//! See `unlapse_fuzz::providers`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::providers(data));
