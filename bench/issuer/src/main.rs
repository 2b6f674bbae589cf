//! The issuer under load, beside other issuers: `oidc-provider` on Node and simplejwt on Django.
//! Each server is a process of its own; what counts is its processor time.

mod bars;
mod connection;
mod contest;
mod cpu;
mod database;
mod door;
mod load;
mod ours;
mod peers;
mod race;
mod report;
mod serve;
mod server;
mod signature;
mod work;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => report::print(&work::measure()?),
        [serve::MODE, rest @ ..] => return serve::run(rest),
        _ => bail!("it takes no arguments"),
    }
    Ok(())
}
