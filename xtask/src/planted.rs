//! Races that the client does not have: what to change to plant each, and the test that finds it.

use anyhow::{Result, bail};

/// A race to be planted.
#[derive(Debug)]
pub(crate) struct Planted {
    pub(crate) what: &'static str,
    pub(crate) file: &'static str,
    from: &'static str,
    to: &'static str,
    pub(crate) found_by: &'static str,
}

impl Planted {
    /// The source with the race in it. What is replaced must stand there once: else the source has
    /// changed, and the race has to be thought of anew.
    pub(crate) fn apply(&self, source: &str) -> Result<String> {
        match source.matches(self.from).count() {
            1 => Ok(source.replacen(self.from, self.to, 1)),
            count => bail!("`{}` stands {count} times in {}", self.from, self.file),
        }
    }
}

const SHARED: &str = "crates/client/src/shared.rs";
const PUBLISH: &str = "crates/client/src/publish.rs";
const LOOK: &str = "crates/client/src/look.rs";
const SOURCE: &str = "crates/client/src/source.rs";
const PUBLISHED: &str = "crates/client/src/published.rs";
const WORLD: &str = "crates/client/src/world.rs";

pub(crate) const PLANTED: &[Planted] = &[
    Planted {
        what: "published without asking what is newer",
        file: PUBLISHED,
        from: "if newest.supersedes(mark) && seen != Some(*newest) {",
        to: "if false && seen != Some(*newest) {",
        found_by: "k9_nothing_that_was_cleared_is_served_again",
    },
    Planted {
        what: "cleared without a mark",
        file: PUBLISHED,
        from: "*newest = newest.then(cleared);",
        to: "let _ = (&mut newest, cleared);",
        found_by: "k9_nothing_that_was_cleared_is_served_again",
    },
    Planted {
        what: "a look that found nothing clears what came after it",
        file: LOOK,
        from: "self.current.replace(seen, None)",
        to: "{ let _ = seen; self.current.replace(self.current.newest(), None) }",
        found_by: "r10_a_look_that_found_nothing_takes_no_newer_token_away",
    },
    Planted {
        what: "the API key replaces a token that came after it was chosen",
        file: PUBLISH,
        from: "self.current.replace(seen, Some(current));",
        to: "let _ = seen; self.current.replace(self.current.newest(), Some(current));",
        found_by: "r14_the_api_key_takes_no_tokens_place",
    },
    Planted {
        what: "saved, and called unsaved by a look that began before",
        file: PUBLISHED,
        from: "let is_late = next.is_unsaved() && now.is_saved();",
        to: "let is_late = next.is_unsaved() && now.is_saved() && false;",
        found_by: "r5_what_was_saved_is_not_called_unsaved_again",
    },
    Planted {
        what: "the outcome is told before it is published",
        file: SHARED,
        from: "let ended = shared.run(demand, automatic).await;",
        to: "sender.send_replace(Some(Ok(()))); let ended = shared.run(demand, automatic).await;",
        found_by: "r1_k5_all_who_want_a_token_share_one_renewal",
    },
    Planted {
        what: "a renewal that died is joined",
        file: SHARED,
        from: "&& flight.outcome.has_changed().is_ok()",
        to: "",
        found_by: "r20_a_renewal_that_panics_strands_nobody",
    },
    Planted {
        what: "a renewal is no more counted before it has ended",
        file: SHARED,
        from: "let _under_way = under_way;",
        to: "drop(under_way);",
        found_by: "r6_settle_returns_when_what_its_caller_began_or_joined_has_ended",
    },
    Planted {
        what: "a renewal is counted after it can be joined",
        file: SHARED,
        from: "let under_way = UnderWay::begin(Arc::clone(self));\n        drop(flight);",
        to: "drop(flight);\n        let under_way = UnderWay::begin(Arc::clone(self));",
        found_by: "r6_settle_returns_when_what_its_caller_began_or_joined_has_ended",
    },
    Planted {
        what: "a 401 goes on sharing renewals that were made for less",
        file: SHARED,
        from: "let shares = if died == 0 { joins } else { alike };",
        to: "let _ = alike; let shares = joins;",
        found_by: "r13_r15_a_401_outlasts_renewals_that_were_made_for_less",
    },
    Planted {
        what: "a forced renewal fails, and nobody looks for others' sake",
        file: PUBLISH,
        from: "let _ = self.look().await;",
        to: "",
        found_by: "r10_a_forced_renewal_that_fails_withholds_no_valid_token_from_others",
    },
    Planted {
        what: "the keeper is not woken by a publication",
        file: PUBLISH,
        from: "= None;\n        }\n        self.think_again();",
        to: "= None;\n        }",
        found_by: "k2_the_keeper_hears_of_every_publication",
    },
    Planted {
        what: "the keeper is not woken by the last handle",
        file: WORLD,
        from: "agenda.wake();",
        to: "let _ = agenda;",
        found_by: "k2_the_keeper_ends_with_the_last_handle",
    },
    Planted {
        what: "a logout lets its lease go between reading and revoking",
        file: SOURCE,
        from: "let revoked = match &record.token {",
        to: "drop(hold);\n        let (mut hold, _) = self.shared.held().await?;\n        \
             let revoked = match &record.token {",
        found_by: "k9_r1_a_logout_beside_renewals_revokes_the_newest_token_and_ends_all",
    },
    Planted {
        what: "two looks at a time, by asking first and saying so later",
        file: LOOK,
        from: "if self.looking.swap(true, Ordering::AcqRel) {\n            return;\n        }",
        to: "if self.looking.load(Ordering::Acquire) {\n            return;\n        }\n        \
             self.looking.store(true, Ordering::Release);",
        found_by: "c7_one_look_at_a_time_and_the_next_when_it_is_due",
    },
    Planted {
        what: "a look that has ended makes no way for the next",
        file: LOOK,
        from: "self.0.looking.store(false, Ordering::Release);",
        to: "let _ = &self.0;",
        found_by: "c7_one_look_at_a_time_and_the_next_when_it_is_due",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_race_can_still_be_planted() {
        for planted in PLANTED {
            let source = match planted.file {
                SHARED => include_str!("../../crates/client/src/shared.rs"),
                PUBLISH => include_str!("../../crates/client/src/publish.rs"),
                LOOK => include_str!("../../crates/client/src/look.rs"),
                SOURCE => include_str!("../../crates/client/src/source.rs"),
                PUBLISHED => include_str!("../../crates/client/src/published.rs"),
                WORLD => include_str!("../../crates/client/src/world.rs"),
                other => panic!("{other} is read by no test"),
            };
            assert_ne!(planted.apply(source).expect(planted.what), source);
        }
    }

    #[test]
    fn what_stands_there_twice_or_never_is_not_replaced() {
        let planted = Planted { what: "", file: "a.rs", from: "x", to: "y", found_by: "" };
        assert_eq!(planted.apply("a x b").unwrap(), "a y b");
        assert!(planted.apply("x x").is_err());
        assert!(planted.apply("a").is_err());
    }
}
