//! `hot`: what a valid token's header costs. `storm`: what an expired token costs. Both beside
//! other libraries, in one run and in turns.

mod contender;
mod hot;
mod peers;
mod server;
mod storm;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("hot") => hot::run(),
        Some("storm") => storm::run(),
        _ => {
            eprintln!("which? hot, storm");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
