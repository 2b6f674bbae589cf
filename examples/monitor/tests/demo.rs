//! The one command of the guide.

#[allow(dead_code, reason = "a test starts it in its own way")]
#[path = "../examples/monitor-demo.rs"]
mod demo;

#[test]
fn the_demonstration_of_the_guide_shows_what_it_says() {
    let mut told = Vec::new();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_monitor"));
    let tally = demo::demonstrate(program, &mut told).expect("memory takes it");
    let told = String::from_utf8(told).expect("text");
    assert_eq!((tally.logins, tally.by_api_key, tally.reuses), (5, 1, 0), "{told}");
    // Only what cannot be otherwise: ports, places and counts differ from run to run.
    let guide = include_str!("../../../docs/recipes/monitor.md");
    for line in told.lines().filter(|line| line.starts_with(['$', '-', '['])) {
        assert!(guide.lines().any(|known| known == line), "the guide lacks {line}");
    }
}
