//! A cable between a process and its server, that can be cut.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{oneshot, watch};

use crate::Error;

/// A port of 127.0.0.1 behind which stands another, until the cable is cut.
///
/// ```
/// use unlapse_parts::Cable;
///
/// let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// let cable = Cable::to(server.local_addr().unwrap().port());
/// let client = std::net::TcpStream::connect(("127.0.0.1", cable.port())).unwrap();
/// let (heard, _) = server.accept().unwrap();
/// cable.stall();
/// ```
#[derive(Debug)]
pub struct Cable {
    port: u16,
    line: watch::Sender<Line>,
    /// So many connections were made.
    made: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Whole,
    /// Connections stay open, and nothing comes through: what was sent arrives later.
    Stalled,
    /// The same of the first so many; those that are made later are whole.
    HeldUp(u64),
    /// Connections are closed, and so is whoever connects anew.
    Cut,
}

impl Line {
    /// Whether nothing comes through on the connection of this number.
    fn holds_up(self, number: u64) -> bool {
        match self {
            Self::Stalled => true,
            Self::HeldUp(first) => number <= first,
            Self::Whole | Self::Cut => false,
        }
    }
}

impl Cable {
    /// A cable to this port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    pub fn to(server: u16) -> Self {
        Self::launch(server).unwrap_or_else(|error| panic!("the cable: {error}"))
    }

    fn launch(server: u16) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::io("laying a cable", &error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let (line, seen) = watch::channel(Line::Whole);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("cable".to_owned());
        let made = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&made);
        let thread = thread.spawn(move || run(listener, server, &seen, &count, stopped));
        let thread = Some(thread.map_err(failed)?);
        Ok(Self { port, line, made, stop: Some(stop), thread })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections stay open, and nothing comes through any more.
    pub fn stall(&self) {
        self.line.send_replace(Line::Stalled);
    }

    /// Nothing comes through any more on the connections that there are; those that are made from now on
    /// are whole. What a server heard late of somebody who has given up arrives when it is mended.
    pub fn hold_up(&self) {
        self.line.send_replace(Line::HeldUp(self.made.load(Ordering::SeqCst)));
    }

    /// Every connection is closed, and new ones are as soon as they are made.
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// As it was. What was held up arrives now.
    pub fn mend(&self) {
        self.line.send_replace(Line::Whole);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    listener: TcpListener,
    server: u16,
    line: &watch::Receiver<Line>,
    made: &AtomicU64,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system gives what a runtime needs");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener);
        let listener = listener.expect("the listener is new and does not block");
        tokio::select! {
            () = accept(&listener, server, line, made) => {}
            _ = stopped => {}
        }
    });
}

async fn accept(
    listener: &tokio::net::TcpListener,
    server: u16,
    line: &watch::Receiver<Line>,
    made: &AtomicU64,
) {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let line = line.clone();
        let number = made.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::spawn(async move {
            let mut seen = line.clone();
            // Nobody on the other side hears of a connection that is made to a stalled line.
            if seen.wait_for(|line| !line.holds_up(number)).await.is_err()
                || *seen.borrow() == Line::Cut
            {
                return;
            }
            let Ok(server) = TcpStream::connect(server).await else { return };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            // Both sides are closed with the first that ends.
            tokio::select! {
                () = carry(from_client, to_server, number, line.clone()) => {}
                () = carry(from_server, to_client, number, line) => {}
            }
        });
    }
}

/// Carries what comes from one side to the other, until a side closes or the line is cut.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    mut line: watch::Receiver<Line>,
) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut piece) => read,
            cut = line.wait_for(|line| *line == Line::Cut) => { drop(cut); return },
        };
        let Ok(count @ 1..) = read else { return };
        let now = line.wait_for(|line| !line.holds_up(number)).await.map(|line| *line);
        if matches!(now, Ok(Line::Cut) | Err(_)) || to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
