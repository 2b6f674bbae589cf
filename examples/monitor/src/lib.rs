//! A monitoring client without a daemon: the recipe of `docs/recipes/monitor.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-monitor --example monitor-demo
//! ```
//!
//! | file | what |
//! | --- | --- |
//! | `metrics.rs`, `alerts.rs`, `watch.rs` | what the program is for: no line about tokens |
//! | `tokens.rs`, `session.rs`, `scope.rs`, `account.rs` | all that it says about tokens |
//! | `api.rs` | HTTP with the right token on it |
//! | `settings.rs`, `arguments.rs` | what it was told |
//! | `failure.rs`, `program.rs` | what went wrong, and how the process ends |

mod account;
mod alerts;
mod api;
mod arguments;
mod failure;
mod metrics;
mod program;
mod scope;
mod session;
mod settings;
mod tokens;
mod watch;

pub use program::main;
