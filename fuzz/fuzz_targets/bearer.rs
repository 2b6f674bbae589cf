//! See `unlapse_fuzz::bearer`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| unlapse_fuzz::bearer(data));
