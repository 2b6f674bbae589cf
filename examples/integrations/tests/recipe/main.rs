//! The recipe: three providers, many users, and whatever goes wrong.
#![allow(clippy::disallowed_methods, reason = "tests may")]

mod access_token;
mod codes;
mod refresh;
mod service;
mod survival;
mod three_providers;
