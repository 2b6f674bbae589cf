//! What processes do: they start, and their callers ask for tokens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use unlapse::{Builder, Error, Event, Key, Observer, TokenSource};
use unlapse_core::{LoginReason, Policy, Rungs, Secret, Store};

use crate::checks::Handed;
use crate::database::RowStore;
use crate::disk::DiskStore;
use crate::exchange::Wire;
use crate::ledger::Access;
use crate::planted::{Planted, PlantedStore};
use crate::process::{Pid, Seat};
use crate::server::Deed;
use crate::strike::Struck;
use crate::trace::Actor;
use crate::world::{Role, Spawned, State, World};

/// The API key of profiles that have one.
pub(crate) const API_KEY: &str = "api-key-canary";

/// What all processes have in common.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) policy: Policy,
    pub(crate) rungs: Rungs,
    pub(crate) api_key: bool,
}

/// What a process does.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Whether it renews ahead of time.
    pub(crate) keeper: bool,
    /// What it does in its first life, each in a task of its own.
    pub(crate) first: Vec<Action>,
    /// Callers that ask again and again.
    pub(crate) callers: usize,
    /// About how often each asks.
    pub(crate) every: Duration,
    /// Whether they do more than ask.
    pub(crate) wild: bool,
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A header.
    Bearer,
    /// A token with so much life left.
    Token(Duration),
    /// A token for a process that is about to end.
    Once,
    /// A request to a resource, with its 401.
    Use,
    /// A 401 for a token.
    Reject,
    /// So many late 401s for one token.
    RejectMany(u32),
    Refresh,
    Force,
    Obtain,
    Info,
    LogOut,
    Clear,
    /// A person logs in.
    LogIn,
    /// The question at the end of a run.
    Final,
}

impl Action {
    /// Whether a valid token is all that it asks for.
    pub(crate) fn asks_for_any(self) -> bool {
        matches!(self, Self::Bearer | Self::Token(_) | Self::Once | Self::Use | Self::Final)
    }
}

/// Starts a process in its place.
pub(crate) fn start(world: &Arc<World>, state: &mut State, slot: usize) {
    let now = state.now;
    let process = &mut state.processes[slot];
    process.life += 1;
    process.alive = true;
    process.handed = None;
    process.callers_gone = false;
    process.said_unsaved = false;
    process.started_at = now;
    let pid = Pid { slot, life: process.life };
    let born_at = state.durable_for(pid).map_or(0, |record| record.generation);
    state.processes[slot].born_at = born_at;
    state.note(Actor::Process(slot), None, format_args!("starts"));
    let seat = Seat { world: Arc::clone(world), pid };
    let script = state.processes[slot].script.clone();
    let first = if pid.life == 1 { script.first.clone() } else { Vec::new() };
    let main = async move {
        let source = build(&seat, script.keeper).await;
        seat.world.state().processes[slot].source = Some(source.clone());
        for action in &first {
            spawn_once(&seat, &source, *action);
        }
        spawn_callers(&seat, &source, &script);
    };
    state.spawned.push(Spawned { owner: pid, role: Role::Main, future: Box::pin(main) });
}

/// Brings callers back to a process whose callers were cancelled.
pub(crate) fn recall(world: &Arc<World>, state: &mut State, slot: usize) {
    let process = &mut state.processes[slot];
    if !std::mem::take(&mut process.callers_gone) {
        return;
    }
    let (Some(source), true) = (process.source.clone(), process.alive) else { return };
    let seat = Seat { world: Arc::clone(world), pid: Pid { slot, life: process.life } };
    let script = process.script.clone();
    let again = async move { spawn_callers(&seat, &source, &script) };
    let owner = Pid { slot, life: process.life };
    state.spawned.push(Spawned { owner, role: Role::Main, future: Box::pin(again) });
}

/// Asks a process to end: its callers are gone, and it settles what is under way (R6).
pub(crate) fn stop(world: &Arc<World>, state: &mut State, slot: usize) -> Option<Struck> {
    let process = &state.processes[slot];
    let (Some(source), true) = (process.source.clone(), process.alive) else { return None };
    let owner = Pid { slot, life: process.life };
    let seat = Seat { world: Arc::clone(world), pid: owner };
    let settle = async move {
        let _ = source.settle().await;
        let mut state = seat.world.state();
        state.note(seat.actor(), None, format_args!("ends"));
        state.due.push(crate::strike::Strike::End(slot));
    };
    state.open.retain(|_, call| call.pid != owner);
    state.spawned.push(Spawned { owner, role: Role::Main, future: Box::pin(settle) });
    Some(Struck::Callers(owner))
}

async fn build(seat: &Seat, keeper: bool) -> TokenSource {
    let (profile, planted, shares, host, seed) = {
        let mut state = seat.world.state();
        let host = state.host_of(seat.pid);
        let seed = state.chance.seed();
        (state.profile.clone(), state.planted, state.shares_database, host, seed)
    };
    let mut store: Arc<dyn Store> = if shares {
        Arc::new(RowStore { seat: seat.clone() })
    } else {
        Arc::new(DiskStore { seat: seat.clone(), host })
    };
    if let Some(bug) = planted {
        let seen = Arc::new(Mutex::new(None));
        store = Arc::new(PlantedStore { inner: store, seat: seat.clone(), bug, seen });
    }
    let key = match planted {
        Some(Planted::RerolledJitter) => Key::new("acme").account(format!("{seed}")),
        _ => key(),
    };
    let wire = Arc::new(Wire { seat: seat.clone(), rungs: profile.rungs });
    let effects = Arc::new(seat.clone());
    let mut builder = Builder::with_effects(
        key,
        store,
        wire,
        Arc::clone(&effects) as _,
        Arc::clone(&effects) as _,
        seed,
    )
    .policy(profile.policy)
    .breakers(effects)
    .observer(observer(seat.clone()))
    .ahead_of_time(keeper);
    if profile.api_key {
        builder = builder.api_key(Secret::new(API_KEY));
    }
    builder.build().await
}

/// The credential of every run.
pub(crate) fn key() -> Key {
    Key::new("acme")
}

fn observer(seat: Seat) -> Observer {
    Arc::new(move |_, event| {
        let mut state = seat.world.state();
        if let Event::Planned { row, .. } = event {
            state.ledger.planned.insert(*row);
            return;
        }
        let text = format!("{event:?}");
        state.check_canary(seat.pid, &text);
        state.note(seat.actor(), None, format_args!("· {text}"));
        match event {
            Event::Unsaved { .. } => state.processes[seat.pid.slot].said_unsaved = true,
            Event::Renewed { generation } => state.check_renewed(seat.pid, *generation),
            Event::Spending { spend, attempt: 1, .. } => state.check_moment(seat.pid, *spend),
            _ => {}
        }
    })
}

fn spawn_callers(seat: &Seat, source: &TokenSource, script: &Script) {
    for _ in 0..script.callers {
        let (seat_, source) = (seat.clone(), source.clone());
        let (every, wild) = (script.every, script.wild);
        let caller = async move { ask_again_and_again(&seat_, &source, every, wild).await };
        spawn(seat, Box::pin(caller));
    }
}

pub(crate) fn spawn_once(seat: &Seat, source: &TokenSource, action: Action) {
    let (seat_, source) = (seat.clone(), source.clone());
    spawn(seat, Box::pin(async move { perform(&seat_, &source, action).await }));
}

fn spawn(seat: &Seat, future: unlapse_core::BoxFuture<'static, ()>) {
    let spawned = Spawned { owner: seat.pid, role: Role::Caller, future };
    seat.world.state().spawned.push(spawned);
}

async fn ask_again_and_again(seat: &Seat, source: &TokenSource, every: Duration, wild: bool) {
    loop {
        let (pause, action) = {
            let mut state = seat.world.state();
            let pause = state.chance.between(every / 2, every * 3 / 2);
            (pause, choose(&mut state, seat.pid, wild))
        };
        perform(seat, source, action).await;
        seat.world.sleep(pause).await;
    }
}

fn choose(state: &mut State, pid: Pid, wild: bool) -> Action {
    let needs_login =
        matches!(state.processes[pid.slot].last_error, Some(Error::NeedsLogin { .. }));
    if needs_login && state.chance.of_10_000(2_000) {
        return Action::LogIn;
    }
    if !wild {
        return state.chance.pick(&[Action::Bearer, Action::Token(Duration::ZERO), Action::Use]);
    }
    match state.chance.below(40) {
        0 => Action::Clear,
        1 => Action::LogOut,
        2 => Action::Obtain,
        3 => Action::Force,
        4 | 5 => Action::Refresh,
        6 => Action::RejectMany(5),
        7 | 8 => Action::Info,
        9..=12 => Action::Once,
        13..=16 => Action::Token(Duration::from_secs(400)),
        17..=26 => Action::Bearer,
        _ => Action::Use,
    }
}

/// Makes one call, or a request to a resource, and holds what comes of it against the invariants.
pub(crate) async fn perform(seat: &Seat, source: &TokenSource, action: Action) {
    match action {
        Action::Use => use_token(seat, source).await,
        Action::RejectMany(times) => reject_many(seat, source, times).await,
        action => drop(call(seat, action, act(seat, source, action)).await),
    }
}

/// One call, watched.
async fn call(
    seat: &Seat,
    action: Action,
    doing: impl Future<Output = Result<Option<Handed>, Error>>,
) -> Option<Handed> {
    let call = seat.world.state().call_begins(seat.pid, action);
    let result = doing.await;
    let handed = result.as_ref().ok().cloned().flatten();
    seat.world.state().call_ends(call, result);
    handed
}

/// A request to a resource; after a 401, the token is rejected and the request made again (R13).
async fn use_token(seat: &Seat, source: &TokenSource) {
    let handed = call(seat, Action::Bearer, act(seat, source, Action::Bearer)).await;
    let Some(handed) = handed else { return };
    seat.world.sleep(Duration::from_millis(30)).await;
    if seat.world.state().resource_takes(&handed) {
        return;
    }
    seat.world.state().was_rejected(handed.generation());
    reject(seat, source, handed.generation()).await;
}

async fn reject(seat: &Seat, source: &TokenSource, generation: u64) {
    let rejecting = async { source.reject(generation).await.map(|bearer| Handed::bearer(&bearer)) };
    call(seat, Action::Reject, rejecting).await;
}

/// Many requests come back with a 401 for the same token.
async fn reject_many(seat: &Seat, source: &TokenSource, times: u32) {
    let handed = call(seat, Action::Bearer, act(seat, source, Action::Bearer)).await;
    let Some(handed) = handed else { return };
    let generation = handed.generation();
    seat.world.state().was_rejected(generation);
    for _ in 0..times {
        let (seat_, source) = (seat.clone(), source.clone());
        spawn(seat, Box::pin(async move { reject(&seat_, &source, generation).await }));
    }
}

async fn act(seat: &Seat, source: &TokenSource, action: Action) -> Result<Option<Handed>, Error> {
    match action {
        Action::Bearer => source.bearer().await.map(|bearer| Handed::bearer(&bearer)),
        Action::Token(life) => {
            source.token_for(life).await.map(|token| Some(Handed::token(&token)))
        }
        Action::Final => source.token().await.map(|token| Some(Handed::token(&token))),
        Action::Once => {
            let token = source.token_once(Duration::ZERO, Duration::from_secs(2)).await;
            token.map(|token| Some(Handed::token(&token)))
        }
        Action::Refresh => source.refresh().await.map(|token| Some(Handed::token(&token))),
        Action::Force => source.force_refresh().await.map(|token| Some(Handed::token(&token))),
        Action::Obtain => source.obtain().await.map(|token| Some(Handed::token(&token))),
        Action::Info => source.info().await.map(|_| None),
        Action::Clear => {
            source.clear().await?;
            seat.world.state().was_cleared(seat.pid);
            Ok(None)
        }
        Action::LogOut => {
            let revoked = source.log_out().await?;
            if !matches!(revoked, unlapse::Revoked::Failed(_)) {
                seat.world.state().was_cleared(seat.pid);
            }
            Ok(None)
        }
        Action::LogIn => log_in(seat, source).await.map(|()| None),
        // Made of other calls.
        Action::Use | Action::RejectMany(_) | Action::Reject => Ok(None),
    }
}

/// A person logs in, unless somebody else has.
async fn log_in(seat: &Seat, source: &TokenSource) -> Result<(), Error> {
    if !matches!(
        source.token().await,
        Err(Error::NeedsLogin { reason, .. }) if reason != LoginReason::CredentialsRejected
    ) {
        return Ok(());
    }
    let (grant, refresh, access, granted) = {
        let mut state = seat.world.state();
        let now = state.now;
        let obtained = state.hosts[state.host_of(seat.pid)].clocks(now);
        let (grant, deed) = state.server.open(now);
        let Deed::Granted { family, refresh, access, .. } = deed else { return Ok(()) };
        let lifetime = state.server.lifetime;
        let ends_at = lifetime.map(|lifetime| now + lifetime);
        // It counts from when it is kept, which is after whatever was cleared meanwhile.
        let granted_at = Duration::MAX;
        (
            grant,
            refresh,
            access,
            Access { family, obtained, lifetime, ends_at, is_vague: false, granted_at },
        )
    };
    let sent = granted.obtained;
    seat.world.state().ledger.brought(seat.pid, &refresh, &access, granted);
    source.edit(|record, _| record.logged_in(grant, sent)).await?;
    seat.world.state().ledger.logins += 1;
    Ok(())
}
