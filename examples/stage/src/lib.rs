//! The world that the recipes' tests play in.
//!
//! [`Stage`] is a real issuer with a small protected API on it. Its refresh tokens are strict: whoever
//! uses one twice is logged out. It can be taken away and brought back on the same port, its tokens
//! can be expired and its sessions ended, and it counts what happened. [`Desk`] is a directory with a
//! home of its own, in which a recipe's binary runs as a [`Program`], which can be killed.
//!
//! ```no_run
//! # // A test has `env!("CARGO_BIN_EXE_code-search")`.
//! # let binary = "/bin/true";
//! use unlapse_example_stage::axum::{Router, routing::get};
//! use unlapse_example_stage::{Desk, Stage};
//!
//! let api = Router::new().route("/hello", get(|| async { "hello\n" }));
//! let mut stage = Stage::builder().scopes("read").api(api).start();
//! let desk = Desk::new(binary).env("SERVER", stage.url());
//!
//! desk.run_with(&["login", "ada"], "correct horse\n").ok();
//! let mut watching = desk.start(&["watch"]);
//! watching.line("hello");
//! watching.kill();                // kill -9
//! stage.expire();                 // every access token so far is refused
//! desk.run(&["hello"]).ok();
//! stage.down();                   // connections break, new ones are refused
//! assert_eq!(desk.run(&["hello"]).code, Some(1));
//! stage.up();                     // the same port, the same sessions
//! desk.run(&["hello"]).ok();
//!
//! let tally = stage.tally();
//! assert_eq!((tally.logins, tally.refreshes, tally.reuses), (1, 1, 0));
//! ```
//!
//! Whatever goes wrong on a stage is a panic: it fails the test.
//!
//! Only tests and examples may point here.
#![allow(
    clippy::disallowed_methods,
    reason = "a stage is processes, sockets and files, and whoever starts them waits for them"
)]
#![allow(clippy::return_self_not_must_use, reason = "an assertion is made for its own sake")]
#![allow(clippy::missing_panics_doc, reason = "everything here panics where a test would")]

mod api;
mod builder;
mod desk;
mod handed;
mod issuing;
mod port;
mod program;
mod stage;
mod tally;
mod wait;

pub use axum;
pub use builder::StageBuilder;
pub use desk::Desk;
pub use issuing::Issuing;
pub use program::{Program, Run};
pub use stage::Stage;
pub use tally::Tally;
pub use unlapse_issuer as issuer;
pub use wait::{WAIT, eventually};
