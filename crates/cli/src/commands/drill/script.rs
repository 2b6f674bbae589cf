//! What happens in each row.

use std::time::Duration;

use axum::http::StatusCode;
use rustix::process::Signal;
use unlapse_core::Dice;

use super::authority::Goaway;
use super::bout::{Bout, Gym};
use super::row::Row;
use super::server::Kind;
use super::stand::Disk;
use super::tally::Tally;
use super::verdict::Verdict;
use super::{Failed, pause};
use crate::commands::embedded::{self, Fault};

/// What a network adds: without it, few processes would meet in a renewal.
const LATENCY: Fault = Fault::Slow(Duration::from_millis(60));
/// How long a server with a window answers a refresh token that was succeeded.
const WINDOW: Duration = Duration::from_secs(30);
/// A reply that is on its way for so long can be interrupted.
const HELD: Duration = Duration::from_millis(800);
/// How long a server is out of its mind.
const OUTAGE: Duration = Duration::from_secs(3);
const HOUR_MILLIS: i64 = 3_600_000;

/// Plays one row.
pub(super) async fn play(row: Row, gym: &mut Gym<'_>) -> Result<(Verdict, Tally), Failed> {
    gym.pace().await?;
    let gym = &*gym;
    let tally = match row {
        Row::Storm => storm(gym).await?,
        Row::Unavailable => answered(gym, &[Fault::Unavailable]).await?,
        Row::Firewall => {
            let pages = [StatusCode::OK, StatusCode::FORBIDDEN];
            answered(gym, &pages.map(Fault::Firewall)).await?
        }
        Row::Lost => lost(gym).await?,
        Row::Strict => strict(gym).await?,
        Row::Hang => answered(gym, &[Fault::Hang]).await?,
        Row::Kill => kill(gym).await?,
        Row::Terminate => terminate(gym).await?,
        Row::Disk => disk(gym).await?,
        Row::Clock => clock(gym).await?,
        Row::Goaway => return goaway(gym).await,
    };
    Ok((Verdict::of(row, &tally), tally))
}

pub(super) fn strictly(gym: &Gym<'_>) -> Kind {
    let confidential = gym.template.confidential;
    let tls = gym.template.tls;
    Kind { grace: Duration::ZERO, ahead: 0, lifetime: gym.lifetime, tls, confidential }
}

fn with_a_window(gym: &Gym<'_>) -> Kind {
    Kind { grace: WINDOW, ..strictly(gym) }
}

async fn storm(gym: &Gym<'_>) -> Result<Tally, Failed> {
    let mut bout = Bout::begin(gym, "server", strictly(gym)).await?;
    bout.server.desk.usual(LATENCY);
    for _ in 0..3 {
        bout.expire().await;
        bout.burst(gym.workers).await?;
    }
    bout.recover().await?;
    Ok(bout.finish())
}

/// A server that gives each of these instead of replies, for a while.
async fn answered(gym: &Gym<'_>, faults: &[Fault]) -> Result<Tally, Failed> {
    let mut bout = Bout::begin(gym, "server", strictly(gym)).await?;
    for fault in faults {
        bout.expire().await;
        bout.server.desk.usual(*fault);
        let crowd = bout.start(gym.workers, Disk::Well)?;
        if *fault != Fault::Hang {
            pause(OUTAGE).await;
            bout.server.desk.usual(Fault::None);
        }
        bout.end(crowd).await?;
        bout.recover().await?;
    }
    Ok(bout.finish())
}

async fn lost(gym: &Gym<'_>) -> Result<Tally, Failed> {
    let mut bout = Bout::begin(gym, "server", with_a_window(gym)).await?;
    for _ in 0..2 {
        bout.expire().await;
        bout.server.desk.next(Fault::LostReply);
        bout.burst(gym.workers).await?;
    }
    bout.recover().await?;
    Ok(bout.finish())
}

async fn strict(gym: &Gym<'_>) -> Result<Tally, Failed> {
    let mut bout = Bout::begin(gym, "server", strictly(gym)).await?;
    bout.expire().await;
    bout.server.desk.next(Fault::LostReply);
    bout.burst(gym.workers).await?;
    for _ in 0..3 {
        bout.one().await?;
    }
    Ok(bout.finish())
}

async fn kill(gym: &Gym<'_>) -> Result<Tally, Failed> {
    let mut bout = Bout::begin(gym, "server", with_a_window(gym)).await?;
    bout.server.desk.usual(Fault::Slow(HELD / 4));
    let mut dice = Dice::new(embedded::random_seed());
    // From before the first line of the program to after its last.
    let span = (gym.slowest + HELD / 4).as_millis() + 50;
    let mut roll = || Duration::from_millis(dice.roll() % u64::try_from(span).unwrap_or(u64::MAX));
    for _ in 0..4 {
        bout.expire().await;
        let crowd = bout.start(gym.workers, Disk::Well)?;
        let mut moments: Vec<_> = crowd.groups.iter().map(|group| (roll(), group)).collect();
        moments.sort_by_key(|(moment, _)| *moment);
        let mut passed = Duration::ZERO;
        for (moment, group) in moments {
            pause(moment.saturating_sub(passed)).await;
            passed = moment;
            group.signal(Signal::KILL);
        }
        bout.end(crowd).await?;
    }
    bout.kill_daemon().await;
    bout.recover().await?;
    Ok(bout.finish())
}

async fn terminate(gym: &Gym<'_>) -> Result<Tally, Failed> {
    let mut bout = Bout::begin(gym, "server", strictly(gym)).await?;
    for _ in 0..2 {
        bout.expire().await;
        bout.server.desk.usual(Fault::Slow(HELD));
        let next = bout.server.desk.requests() + 1;
        let crowd = bout.start(gym.workers, Disk::Well)?;
        tokio::select! {
            () = bout.server.desk.until_requests(next) => {}
            // It asks for nothing: then there is nothing to interrupt.
            () = pause(gym.template.deadline) => {}
        }
        pause(HELD / 4).await;
        crowd.signal(Signal::TERM);
        bout.end(crowd).await?;
        bout.server.desk.usual(Fault::None);
    }
    bout.recover().await?;
    Ok(bout.finish())
}

async fn disk(gym: &Gym<'_>) -> Result<Tally, Failed> {
    let mut bout = Bout::begin(gym, "server", strictly(gym)).await?;
    for _ in 0..2 {
        bout.expire().await;
        bout.stand.limit_daemon(Disk::Full)?;
        let crowd = bout.start(gym.workers, Disk::Full)?;
        bout.end(crowd).await?;
        bout.stand.limit_daemon(Disk::Well)?;
    }
    if bout.stand.has_daemon() {
        // It has had a disk again for a renewal. What only its memory has now is lost with it.
        bout.recover().await?;
        bout.kill_daemon().await;
    }
    bout.recover().await?;
    Ok(bout.finish())
}

async fn clock(gym: &Gym<'_>) -> Result<Tally, Failed> {
    let mut sum: Option<Tally> = None;
    for (name, ahead) in [("ahead", HOUR_MILLIS), ("behind", -HOUR_MILLIS)] {
        let mut bout = Bout::begin(gym, name, Kind { ahead, ..strictly(gym) }).await?;
        bout.expire().await;
        bout.burst(gym.workers).await?;
        // With a token that has just been bought.
        bout.one().await?;
        bout.recover().await?;
        let tally = bout.finish();
        sum = Some(match sum {
            None => tally,
            Some(sum) => sum.plus(tally),
        });
    }
    Ok(sum.unwrap_or_default())
}

async fn goaway(gym: &Gym<'_>) -> Result<(Verdict, Tally), Failed> {
    let kind = Kind { tls: true, ..strictly(gym) };
    let mut bout = match Bout::begin(gym, "server", kind).await {
        Ok(bout) => bout,
        // A tool that takes no throw-away certificate cannot be drilled here.
        Err(error) if !gym.template.tls => {
            let why = format!("it gets no token over https: {error}");
            return Ok((Verdict::NotApplicable(why), Tally::default()));
        }
        Err(error) => return Err(error),
    };
    if let Some(why) = bout.server.without_http2() {
        return Ok((Verdict::NotApplicable(why.to_owned()), bout.finish()));
    }
    for farewell in [Goaway::Unread, Goaway::AfterThis] {
        bout.expire().await;
        bout.server.desk.usual(Fault::Slow(HELD / 4));
        bout.server.door.farewell.next(farewell);
        bout.burst(gym.workers).await?;
        bout.recover().await?;
    }
    let tally = bout.finish();
    Ok((Verdict::of(Row::Goaway, &tally), tally))
}
