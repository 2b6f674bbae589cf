//! What a node does: it is a broker, and answers what it is asked.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Mutex;
use unlapse_broker::{Broker, Problem, TokenWanted};
use unlapse_parts::LoggedIn;

use crate::node::{CONTROL, DATABASE, FOLDER, NAME, REUSE, TOKEN_ENDPOINT};
use crate::words::{Answer, Ask, Numbered};
use crate::world::{Place, brought, id, operator};

/// A node, if this process was started as one; it ends with whoever started it.
pub(crate) fn run() {
    let Ok(port) = std::env::var(CONTROL) else { return };
    let port: u16 = port.parse().expect("a port");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let broker = open().await;
        let node = broker.clone();
        tokio::spawn(async move { node.run(std::future::pending()).await });
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("a test waits");
        listen(broker, stream).await;
    });
    // Nobody is there any more who could ask for anything.
    std::process::exit(0);
}

fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("a node is told {name}"))
}

async fn open() -> Broker {
    let reuse = format!("reuse = \"{}\"", told(REUSE));
    let mut place = Place::new(told(DATABASE), told(TOKEN_ENDPOINT), &reuse);
    place.spool = Some(Path::new(&told(FOLDER)).join("spool"));
    loop {
        match place.open().await {
            Ok(broker) => return broker,
            // Its database may be out of reach just now.
            Err(bad) => eprintln!("{}: {bad}", told(NAME)),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Answers whatever comes, many at once.
async fn listen(broker: Broker, stream: TcpStream) {
    stream.set_nodelay(true).expect("set");
    let (from, to) = stream.into_split();
    let (mut lines, to) = (BufReader::new(from).lines(), Arc::new(Mutex::new(to)));
    while let Ok(Some(line)) = lines.next_line().await {
        let (broker, to) = (broker.clone(), Arc::clone(&to));
        tokio::spawn(async move {
            let asked: Numbered<Ask> = serde_json::from_str(&line).expect("a test's own words");
            let answer = answer(&broker, asked.word).await;
            say(&to, &Numbered { number: asked.number, word: answer }).await;
        });
    }
}

async fn say(to: &Mutex<OwnedWriteHalf>, answer: &Numbered<Answer>) {
    let mut line = serde_json::to_vec(answer).expect("plain words");
    line.push(b'\n');
    // A test that is gone hears nothing.
    let _ = to.lock().await.write_all(&line).await;
}

async fn answer(broker: &Broker, ask: Ask) -> Answer {
    let problem = |problem: Problem| Answer::Problem(problem.code.to_string(), problem.detail);
    let by = operator();
    let answered = match ask {
        Ask::Put { user, access_token, refresh_token, expires_in } => {
            let expires_in = Duration::from_secs(expires_in);
            let login = LoggedIn { family: 0, access_token, refresh_token, expires_in };
            broker.put(&id(&user), brought(&login), &by).await.map(|_| Answer::Done)
        }
        Ask::Token { user, min_ttl, force } => {
            let usual = TokenWanted { force, ..TokenWanted::default() };
            let min_ttl = min_ttl.map_or(usual.min_ttl, Duration::from_secs);
            let token = broker.token(&id(&user), TokenWanted { min_ttl, ..usual }, &by).await;
            token.map(|token| Answer::Token(token.access_token.expose().to_owned()))
        }
        Ask::State { user } => {
            let found = broker.connection(&id(&user)).await;
            found.map(|found| Answer::State(found.state.as_str().to_owned()))
        }
    };
    answered.unwrap_or_else(problem)
}
