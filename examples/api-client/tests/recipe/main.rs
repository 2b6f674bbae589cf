//! The recipe: killed, started again, its tokens expired, its server taken away and brought back.
#![allow(clippy::disallowed_methods, reason = "tests may")]

mod acme_server;
mod import;
mod methods;
mod survival;
mod world;
