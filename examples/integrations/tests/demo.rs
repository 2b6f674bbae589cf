//! The one command of the guide.

#[allow(dead_code, reason = "a test starts it in its own way")]
#[path = "../examples/integrations-demo.rs"]
mod demo;

#[tokio::test]
async fn the_demonstration_of_the_guide_shows_what_it_says() {
    let mut told = Vec::new();
    let tally = demo::demonstrate(&mut told).await.expect("nothing goes wrong for long");
    let told = String::from_utf8(told).expect("text");
    assert_eq!(tally.reuses, 0, "{told}");
    // Times differ from run to run, and how often the background was quicker.
    let guide = include_str!("../../../docs/recipes/integrations.md");
    let differs = |line: &str| line.starts_with(['{', 'f', 'm']);
    for line in told.lines().filter(|line| !differs(line)) {
        assert!(guide.lines().any(|known| known == line), "the guide lacks {line}");
    }
}
