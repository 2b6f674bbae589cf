use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const PUBLISH: Duration = Duration::from_secs(600);
const ROTATE: Duration = Duration::from_secs(90 * 86_400);
const MILLI: Duration = Duration::from_millis(1);

use Algorithm::{EdDsa, Rs256};

fn ago(duration: Duration) -> UnixTime {
    NOW.minus(duration)
}

fn key(kid: &str, algorithm: Algorithm, stage: Stage) -> KeyLife<'_> {
    KeyLife { kid, algorithm, stage }
}

fn pending(kid: &str, since: UnixTime) -> KeyLife<'_> {
    key(kid, EdDsa, Stage::Pending { since })
}

fn active(kid: &str, since: UnixTime) -> KeyLife<'_> {
    key(kid, EdDsa, Stage::Active { since, due: false })
}

fn retiring(kid: &str, until: UnixTime) -> KeyLife<'_> {
    key(kid, EdDsa, Stage::Retiring { until })
}

fn make(algorithm: Algorithm, active: bool) -> Step {
    Step::Make { algorithm, active }
}

fn retire(kid: &str) -> Step {
    Step::Retire { kid: kid.to_owned() }
}

fn remove(kid: &str) -> Step {
    Step::Remove { kid: kid.to_owned() }
}

#[test]
fn j1_a_row_for_each_step_of_a_key() {
    let young = ago(PUBLISH).plus(MILLI);
    let known = ago(PUBLISH);
    let fresh = ago(ROTATE).plus(MILLI);
    let aged = ago(ROTATE);
    let revoked = |kid| key(kid, EdDsa, Stage::Revoked { since: aged });
    let due = |kid| key(kid, EdDsa, Stage::Active { since: fresh, due: true });
    let rows: Vec<(&str, Vec<KeyLife<'_>>, Vec<Step>)> = vec![
        ("nothing signs", vec![], vec![make(EdDsa, true)]),
        ("all was revoked", vec![revoked("a")], vec![make(EdDsa, true)]),
        (
            "what retires does not sign",
            vec![retiring("a", NOW.plus(MILLI))],
            vec![make(EdDsa, true)],
        ),
        (
            "another algorithm signs",
            vec![key("r", Rs256, Stage::Active { since: fresh, due: false })],
            vec![make(EdDsa, false)],
        ),
        ("the next is made ahead", vec![active("a", NOW)], vec![make(EdDsa, false)]),
        ("nothing to do", vec![active("a", fresh), pending("b", fresh)], vec![]),
        (
            "aged",
            vec![active("a", aged), pending("b", known)],
            vec![activate("b", NOW), retire("a")],
        ),
        ("aged, and the next not known yet", vec![active("a", aged), pending("b", young)], vec![]),
        ("aged, and no next", vec![active("a", aged)], vec![make(EdDsa, false)]),
        ("asked for", vec![due("a"), pending("b", known)], vec![activate("b", NOW), retire("a")]),
        ("asked for, and the next not known yet", vec![due("a"), pending("b", young)], vec![]),
        (
            "an imported one is the next",
            vec![due("a"), pending("b", known), pending("c", young)],
            vec![],
        ),
        (
            "in a hurry, the one most know",
            vec![pending("a", known), pending("b", young)],
            vec![activate("a", NOW)],
        ),
        ("in a hurry, any", vec![pending("a", NOW)], vec![activate("a", NOW)]),
        (
            "two of two nodes",
            vec![active("a", fresh), active("b", NOW), pending("c", NOW)],
            vec![retire("a")],
        ),
        (
            "at the same moment",
            vec![active("a", NOW), active("b", NOW), pending("c", NOW)],
            vec![retire("a")],
        ),
        (
            "still accepted",
            vec![active("a", NOW), pending("b", NOW), retiring("c", NOW.plus(MILLI))],
            vec![],
        ),
        (
            "nobody needs it",
            vec![active("a", NOW), pending("b", NOW), retiring("c", NOW)],
            vec![remove("c")],
        ),
    ];
    for (name, keys, expected) in rows {
        assert_eq!(plan(&keys, &[EdDsa], &KeyPolicy::default(), NOW), expected, "{name}");
    }
}

#[test]
fn j1_each_algorithm_has_its_own_succession() {
    let rsa = |kid, stage| key(kid, Rs256, stage);
    let known = ago(PUBLISH);
    let both = [EdDsa, Rs256];
    let policy = KeyPolicy::default();
    assert_eq!(plan(&[], &both, &policy, NOW), [make(EdDsa, true), make(Rs256, true)]);
    let keys = [active("a", NOW), pending("b", NOW), rsa("r", Stage::Pending { since: NOW })];
    assert_eq!(plan(&keys, &both, &policy, NOW), [], "the other algorithm signs meanwhile");
    let keys = [active("a", NOW), pending("b", NOW), rsa("r", Stage::Pending { since: known })];
    assert_eq!(plan(&keys, &both, &policy, NOW), [activate("r", NOW)]);
}

#[test]
fn j1_what_no_node_wants_fades_after_a_rotation() {
    let rsa = |kid, stage| key(kid, Rs256, stage);
    let aged = ago(ROTATE);
    let fresh = ago(ROTATE).plus(MILLI);
    let policy = KeyPolicy::default();
    let steps = |since| {
        let keys = [
            active("a", NOW),
            pending("b", NOW),
            rsa("r", Stage::Active { since, due: false }),
            rsa("s", Stage::Pending { since }),
        ];
        plan(&keys, &[EdDsa], &policy, NOW)
    };
    assert_eq!(steps(fresh), []);
    assert_eq!(steps(aged), [retire("r"), remove("s")]);
    let alone = [rsa("r", Stage::Active { since: aged, due: false })];
    assert_eq!(plan(&alone, &[EdDsa], &policy, NOW), [make(EdDsa, false)], "it still signs");
}

#[test]
fn j1_without_a_rotation_only_people_rotate() {
    let policy = KeyPolicy { rotate_every: None, ..KeyPolicy::default() };
    let old = UnixTime::from_secs(0);
    let keys = [active("a", old), pending("b", old)];
    assert_eq!(plan(&keys, &[EdDsa], &policy, NOW), []);
    let keys = [key("a", EdDsa, Stage::Active { since: old, due: true }), pending("b", old)];
    assert_eq!(plan(&keys, &[EdDsa], &policy, NOW), [activate("b", NOW), retire("a")]);
}

/// A node whose clock is behind makes a key the newest all the same.
#[test]
fn j1_a_later_key_is_newer_by_whatever_clock() {
    let ahead = NOW.plus(Duration::from_secs(30));
    let keys =
        [key("a", EdDsa, Stage::Active { since: ahead, due: true }), pending("b", ago(PUBLISH))];
    let steps = plan(&keys, &[EdDsa], &KeyPolicy::default(), NOW);
    assert_eq!(steps, [activate("b", ahead.plus(MILLI)), retire("a")]);
}

#[test]
fn j1_every_number_of_the_key_policy_has_its_range() {
    let policy = KeyPolicy::default();
    let secs = Duration::from_secs;
    let rows = [
        (policy, Ok(())),
        (KeyPolicy { rotate_every: None, ..policy }, Ok(())),
        (KeyPolicy { rotate_every: Some(secs(3600)), ..policy }, Ok(())),
        (KeyPolicy { rotate_every: Some(secs(3599)), ..policy }, Err(BadKeyPolicy::RotateEvery)),
        (KeyPolicy { rotate_every: Some(DAY * 3654), ..policy }, Err(BadKeyPolicy::RotateEvery)),
        (KeyPolicy { publish_for: secs(420), ..policy }, Ok(())),
        (KeyPolicy { publish_for: secs(419), ..policy }, Err(BadKeyPolicy::PublishFor)),
        (KeyPolicy { publish_for: secs(86_401), ..policy }, Err(BadKeyPolicy::PublishFor)),
    ];
    for (policy, expected) in rows {
        assert_eq!(policy.check(), expected, "{policy:?}");
    }
}
