//! `code-search`: see the library of that name.

fn main() -> std::process::ExitCode {
    code_search::main()
}
