//! Messages: they take their time, and go on when whoever sent them is gone.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use unlapse::Revoked;
use unlapse_core::Reply;

use crate::database::{Query, Rows};
use crate::fault::Fault;
use crate::process::{Pid, Seat};
use crate::trace::Actor;
use crate::world::{Due, State, World};

/// What becomes of one message and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Both arrive.
    Plain,
    /// No connection: it never leaves.
    Unsent,
    /// It never arrives, and the connection breaks.
    LoseRequest,
    /// It arrives; the answer is lost, and the connection breaks.
    LoseReply,
    /// It arrives; the answer is lost, and nobody says so.
    Silence,
    /// It arrives after so long.
    LateRequest(Duration),
    /// The answer arrives after so long.
    LateReply(Duration),
    /// It arrives twice.
    TwiceRequested,
    /// The answer arrives twice.
    TwiceReplied,
}

/// A message that is about to arrive.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) call: u64,
    pub(crate) from: Pid,
    pub(crate) fate: Fate,
    pub(crate) message: Message,
}

/// What can be asked of others.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// The token endpoint: a refresh token, or a login without a person.
    Token(Option<String>),
    /// The revocation endpoint.
    Revoke(String),
    /// The database.
    Query(Query),
}

/// An answer that is about to be received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) call: u64,
    pub(crate) answer: Result<Answered, Missing>,
}

/// What others answer.
#[derive(Clone, Debug)]
pub(crate) enum Answered {
    Token(Box<Reply>),
    Revoked(Revoked),
    Rows(Rows),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Unsent,
    Lost,
}

/// The lines between hosts and the two servers, and the calls under way.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) lines: Vec<Cuts>,
    calls: BTreeMap<u64, Slot>,
    next: u64,
    /// What becomes of the next messages to the authorization server.
    pub(crate) fates: VecDeque<Fate>,
    /// Everything takes longer until then.
    pub(crate) slow_until: Duration,
}

/// Until when a host's ways to others are cut.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cuts {
    /// To the server.
    pub(crate) out: Duration,
    /// From the server.
    pub(crate) back: Duration,
    /// To the database.
    pub(crate) database: Duration,
}

#[derive(Debug)]
struct Slot {
    from: Pid,
    sent_at: Duration,
    is_token: bool,
    waker: Option<Waker>,
    answer: Option<Result<Answered, Missing>>,
}

impl Network {
    pub(crate) fn new(hosts: usize) -> Self {
        Self {
            lines: vec![Cuts::default(); hosts],
            calls: BTreeMap::new(),
            next: 0,
            fates: VecDeque::new(),
            slow_until: Duration::ZERO,
        }
    }

    /// Mends every line.
    pub(crate) fn heal(&mut self) {
        self.lines.fill(Cuts::default());
        self.fates.clear();
        self.slow_until = Duration::ZERO;
    }
}

/// A call under way. Dropping it gives the answer up, not the message.
pub(crate) struct Call {
    world: Arc<World>,
    id: u64,
    pid: Pid,
}

impl Seat {
    /// Sends a message; the call waits for its answer.
    pub(crate) fn call(&self, message: Message) -> Call {
        let mut state = self.world.state();
        let id = state.send(self.pid, message);
        Call { world: Arc::clone(&self.world), id, pid: self.pid }
    }
}

impl Future for Call {
    type Output = Result<Answered, Missing>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.world.state();
        let Some(slot) = state.network.calls.get_mut(&self.id) else {
            return Poll::Ready(Err(Missing::Lost));
        };
        if let Some(answer) = slot.answer.take() {
            return Poll::Ready(answer);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut state = self.world.state();
        let Some(slot) = state.network.calls.remove(&self.id) else { return };
        if slot.waker.is_some() && slot.is_token && state.is_alive(self.pid) {
            let after = state.now.saturating_sub(slot.sent_at);
            state.gave_up(self.id, self.pid, after);
        }
    }
}

impl State {
    fn send(&mut self, from: Pid, message: Message) -> u64 {
        self.network.next += 1;
        let id = self.network.next;
        let to_server = !matches!(message, Message::Query(_));
        let host = self.host_of(from);
        let line = self.network.lines[host];
        let down = if to_server {
            line.out > self.now || self.server.down_until > self.now
        } else {
            line.database > self.now || self.database.down_until > self.now
        };
        let fate = if down {
            Fate::Unsent
        } else if to_server {
            let forced = self.network.fates.pop_front();
            forced.unwrap_or_else(|| self.weather.fate(&mut self.chance, self.now))
        } else {
            self.weather.query_fate(&mut self.chance, self.now)
        };
        let is_token = matches!(message, Message::Token(_));
        let slot = Slot { from, sent_at: self.now, is_token, waker: None, answer: None };
        self.network.calls.insert(id, slot);
        if fate != Fate::Plain && !down {
            self.fault(Fault::Message(fate), format_args!("message {id}: {fate:?}"));
        }
        let (actor, label) = match &message {
            Message::Token(_) => (Actor::Server, "the request leaves"),
            Message::Revoke(_) => (Actor::Server, "the revocation leaves"),
            Message::Query(query) => (Actor::Database, query.label()),
        };
        if let Message::Token(token) = &message {
            self.sends(from, id, token.as_deref(), fate == Fate::Unsent);
        }
        self.step(Actor::Process(from.slot), Some(actor), label);
        self.trace.about(id);
        let travel = self.travel(to_server);
        let missing = |why| Due::Receive(Received { call: id, answer: Err(why) });
        match fate {
            Fate::Unsent => self.enter(travel, missing(Missing::Unsent)),
            Fate::LoseRequest => self.enter(travel, missing(Missing::Lost)),
            _ => {
                let delay = match fate {
                    Fate::LateRequest(late) => late,
                    _ => travel,
                };
                let arrival = Arrival { call: id, from, fate, message };
                if fate == Fate::TwiceRequested {
                    let later = delay + self.travel(to_server);
                    self.enter(later, Due::Arrive(arrival.clone()));
                }
                self.enter(delay, Due::Arrive(arrival));
            }
        }
        id
    }

    /// How long a message travels.
    fn travel(&mut self, far: bool) -> Duration {
        let most = if far { 60 } else { 6 };
        let slow = if self.network.slow_until > self.now { 200 } else { 1 };
        let most = Duration::from_millis(most * slow);
        self.chance.between(Duration::from_millis(1), most)
    }

    /// A message arrives: it is acted on, and answered if the line still stands.
    pub(crate) fn arrive(&mut self, arrival: Arrival) {
        let Arrival { call, from, fate, message } = arrival;
        let line = self.network.lines[self.host_of(from)];
        let (answer, cut_until, far) = match message {
            Message::Token(token) => {
                let reply = self.serve(call, token.as_deref());
                (Answered::Token(Box::new(reply)), line.back, true)
            }
            Message::Revoke(token) => {
                let revoked = self.server.revoke(&token);
                self.step(Actor::Server, None, "the server revokes");
                (Answered::Revoked(revoked), line.back, true)
            }
            Message::Query(query) => {
                let rows = self.query(from, query);
                (Answered::Rows(rows), line.database, false)
            }
        };
        self.trace.about(call);
        let travel = self.travel(far);
        let received = Received { call, answer: Ok(answer) };
        match fate {
            _ if cut_until > self.now => {}
            Fate::Silence => {}
            Fate::LoseReply => {
                let lost = Received { call, answer: Err(Missing::Lost) };
                self.enter(travel, Due::Receive(lost));
            }
            Fate::LateReply(late) => self.enter(late, Due::Receive(received)),
            Fate::TwiceReplied => {
                self.enter(travel, Due::Receive(received.clone()));
                self.enter(travel * 2, Due::Receive(received));
            }
            _ => self.enter(travel, Due::Receive(received)),
        }
    }

    /// An answer is received, if somebody still waits for it.
    pub(crate) fn receive(&mut self, received: Received) -> Option<Waker> {
        let slot = self.network.calls.get_mut(&received.call)?;
        let (from, is_token) = (slot.from, slot.is_token);
        let waker = slot.waker.take();
        let answer = received.answer.clone();
        slot.answer = Some(received.answer);
        if is_token && self.is_alive(from) {
            self.hears(received.call, from, &answer);
        }
        let label = match answer {
            Ok(Answered::Token(_)) => "the reply arrives",
            Ok(Answered::Revoked(_)) => "the revocation's reply arrives",
            Ok(Answered::Rows(_)) => "rows arrive",
            Err(Missing::Unsent) => "no connection",
            Err(Missing::Lost) => "the connection breaks",
        };
        self.step(Actor::Process(from.slot), None, label);
        self.trace.about(received.call);
        waker
    }
}
