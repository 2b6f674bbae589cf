//! Requests that carry their token by themselves, through tower over hyper and through reqwest: the same
//! scenarios for both, over real sockets, with a token server that rotates refresh tokens and ends the
//! login when one is used twice.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

/// Makes a test of each scenario for each face.
macro_rules! for_both_faces {
    ($($(#[$meta:meta])* async fn $name:ident($face:ident: Face) $body:block)*) => {
        $($(#[$meta])* async fn $name($face: Face) $body)*

        mod with_tower {
            $(#[tokio::test] async fn $name() { super::$name(super::Face::Tower).await; })*
        }
        mod with_reqwest {
            $(#[tokio::test] async fn $name() { super::$name(super::Face::Reqwest).await; })*
        }
    };
}

mod api;
mod bound;
mod breaker;
mod canary;
mod client;
mod failures;
mod http2;
mod login;
mod origins;
mod places;
mod plain;
mod proxy;
mod refused;
mod trap;
mod world;
