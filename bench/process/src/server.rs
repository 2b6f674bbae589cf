//! A token endpoint on the loopback that answers at once, and knows how long that took.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Ends with the process.
pub(crate) struct Server {
    address: SocketAddr,
    spent: Arc<Mutex<Duration>>,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let spent = Arc::new(Mutex::new(Duration::ZERO));
        let shared = Arc::clone(&spent);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that goes away has what it wanted.
                thread::spawn(move || serve(&stream, &shared).ok());
            }
        });
        Ok(Self { address, spent })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Time from requests read to answers written, since this was last asked.
    pub(crate) fn take_spent(&self) -> Duration {
        std::mem::take(&mut self.spent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(stream: &TcpStream, spent: &Mutex<Duration>) -> std::io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;

        let start = Instant::now();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"access_token":"{number:0>1024}","token_type":"Bearer","expires_in":3600,"refresh_token":"{number:0>128}"}}"#
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // Counted before it is sent: whoever has the answer may ask at once.
        *spent.lock().unwrap_or_else(PoisonError::into_inner) += start.elapsed();
        (&mut &*stream).write_all((head + &body).as_bytes())?;
    }
}
