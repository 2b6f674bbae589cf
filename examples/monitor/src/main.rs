//! `monitor`: see the library of that name.

fn main() -> std::process::ExitCode {
    monitor::main()
}
