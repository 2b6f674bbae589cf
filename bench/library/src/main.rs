//! `hot`: what a valid token's header costs. `storm`: what an expired token costs. `window`: who waits
//! while a valid token is renewed. `independence`: who waits for another key's server. All beside
//! other libraries, in one run and in turns.

mod contender;
mod hot;
mod independence;
mod peers;
mod server;
mod storm;
mod window;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("hot") => hot::run(),
        Some("storm") => storm::run(),
        Some("window") => window::run(),
        Some("independence") => independence::run(),
        _ => {
            eprintln!("which? hot, storm, window, independence");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
