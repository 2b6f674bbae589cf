//! The one command of the guide.

#[allow(dead_code, reason = "a test starts it in its own way")]
#[path = "../examples/api-client-demo.rs"]
mod demo;

#[tokio::test]
async fn the_demonstration_of_the_guide_shows_what_it_says() {
    let mut told = Vec::new();
    let tally = demo::demonstrate(&mut told).await.expect("nothing goes wrong for long");
    let told = String::from_utf8(told).expect("text");
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (2, 3, 0), "{told}");
    // What is left of a token's life, and how many were refused, differ from run to run.
    let guide = include_str!("../../../docs/recipes/api-client.md");
    let differs = |line: &str| line.contains(" left") || line.contains(" refused at first");
    for line in told.lines().filter(|line| !differs(line)) {
        assert!(guide.lines().any(|known| known == line), "the guide lacks {line}");
    }
}
