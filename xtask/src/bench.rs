//! Room for `cargo xtask bench`. The measurements live in `bench/`, a workspace of its own, so
//! that the crates of peers never slow a build of ours; the command comes with the first of them.
