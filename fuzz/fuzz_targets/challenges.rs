//! See `unlapse_fuzz::challenges`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::challenges(data));
