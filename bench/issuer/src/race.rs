//! One refresh token, shown by eight connections at once: who gets what, and who is logged out.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::future::join_all;
use http::StatusCode;
use tokio::time::sleep;

use crate::connection::Connection;
use crate::door::{Ask, Door, Granted};

/// How many show the token at once.
pub(crate) const RACERS: usize = 8;

/// What came of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Round {
    /// Answers that were grants.
    granted: usize,
    /// Different refresh tokens among them.
    successors: usize,
    /// Of those, how many can be used.
    alive: usize,
}

/// Asked again so often when a server says 503, as its clients do: that is no verdict.
const PATIENCE: usize = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// What came of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rounds: usize,
    /// Rounds in which all were granted one and the same successor, which lives.
    pub(crate) whole: usize,
    /// Requests that were refused.
    pub(crate) refused: usize,
    /// Most successors of one token.
    pub(crate) most: usize,
    /// Rounds with more than one living successor.
    pub(crate) forked: usize,
    /// Rounds after which no token of the session could be used: a logout.
    pub(crate) dead: usize,
}

impl Tally {
    fn add(&mut self, round: Round) {
        self.rounds += 1;
        self.whole += usize::from(round == Round { granted: RACERS, successors: 1, alive: 1 });
        self.refused += RACERS - round.granted;
        self.most = self.most.max(round.successors);
        self.forked += usize::from(round.alive > 1);
        self.dead += usize::from(round.alive == 0);
    }
}

/// Races so often, each time with the first token of a new session.
pub(crate) async fn run(door: Door, port: u16, rounds: usize) -> Result<Tally> {
    let mut racers = Vec::new();
    for _ in 0..RACERS {
        racers.push(Connection::open(port).await?);
    }
    let mut referee = Connection::open(port).await?;
    let mut tally = Tally::default();
    for _ in 0..rounds {
        tally.add(round(door, &mut racers, &mut referee).await?);
    }
    Ok(tally)
}

async fn round(door: Door, racers: &mut [Connection], referee: &mut Connection) -> Result<Round> {
    let token = granted_token(&patiently(referee, Door::session).await?.1)?;
    let ask = || door.refresh(&token);
    let answers = join_all(racers.iter_mut().map(|racer| patiently(racer, ask))).await;
    let mut granted = 0;
    let mut successors = BTreeSet::new();
    for answer in answers {
        let (status, body) = answer?;
        if status != StatusCode::OK {
            continue;
        }
        granted += 1;
        successors.insert(granted_token(&body)?);
    }
    let mut alive = 0;
    for next in &successors {
        let (status, _) = patiently(referee, || door.refresh(next)).await?;
        alive += usize::from(status == StatusCode::OK);
    }
    Ok(Round { granted, successors: successors.len(), alive })
}

async fn patiently(
    connection: &mut Connection,
    ask: impl Fn() -> Ask,
) -> Result<(StatusCode, Bytes)> {
    let mut answer = connection.ask(ask()).await?;
    for _ in 0..PATIENCE {
        if answer.0 != StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        sleep(PAUSE).await;
        answer = connection.ask(ask()).await?;
    }
    Ok(answer)
}

fn granted_token(body: &[u8]) -> Result<String> {
    let grant: Granted<'_> = serde_json::from_slice(body).context("reading a grant")?;
    Ok(grant.refresh_token.context("a grant without a refresh token")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_whole_only_when_all_have_the_one_living_successor() {
        let tally = |granted, successors, alive| {
            let mut tally = Tally::default();
            tally.add(Round { granted, successors, alive });
            (tally.whole, tally.refused, tally.forked, tally.dead)
        };
        assert_eq!(tally(8, 1, 1), (1, 0, 0, 0));
        assert_eq!(tally(8, 8, 8), (0, 0, 1, 0));
        assert_eq!(tally(1, 1, 1), (0, 7, 0, 0));
        assert_eq!(tally(1, 1, 0), (0, 7, 0, 1));
        assert_eq!(tally(0, 0, 0), (0, 8, 0, 1));
    }
}
