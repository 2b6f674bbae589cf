//! A code-search client with a token file in each project: the recipe of
//! `docs/recipes/code-search.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-code-search --example code-search-demo
//! ```
//!
//! | file | what |
//! | --- | --- |
//! | `search.rs`, `index.rs` | what the program is for: no line about tokens |
//! | `session.rs` | all that it says about tokens |
//! | `api.rs` | HTTP with the project's token on it |
//! | `project.rs`, `settings.rs`, `arguments.rs` | where it stands and what it was told |
//! | `failure.rs`, `program.rs` | what went wrong, and how the process ends |

mod api;
mod arguments;
mod failure;
mod index;
mod program;
mod project;
mod search;
mod session;
mod settings;

pub use program::main;
