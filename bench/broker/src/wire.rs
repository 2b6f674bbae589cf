//! A connection that is kept: HTTP/1.1 by hand, so that the client takes little of the machine.

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any reply here.
const LONGEST: usize = 16 * 1024;

/// A connection to a server on the loopback; one request at a time.
pub(crate) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let stream =
            TcpStream::connect(("127.0.0.1", port)).await.context("reaching the server")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(LONGEST) })
    }

    /// Sends a request, and returns the body of its answer, which has to be `200`.
    pub(crate) async fn demand(&mut self, request: &str) -> Result<&[u8]> {
        self.stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        loop {
            let read = self.stream.read_buf(&mut self.read).await?;
            ensure!(read > 0, "the server closed the connection");
            ensure!(self.read.len() < LONGEST, "a reply is too long");
            if let Some(body) = whole(&self.read) {
                let from = body.context("not a reply with a length")?;
                let text = || String::from_utf8_lossy(&self.read).into_owned();
                ensure!(self.read.starts_with(b"HTTP/1.1 200 "), "{}", text());
                return Ok(&self.read[from..]);
            }
        }
    }
}

/// Where the body begins, once all of it is there.
fn whole(read: &[u8]) -> Option<Result<usize>> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (length, from) = (length(&read[..head]), head + 4);
    match length {
        Some(length) if read.len() < from + length => None,
        Some(_) => Some(Ok(from)),
        None => Some(Err(anyhow::anyhow!("no length"))),
    }
}

fn length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let is_length = |name: &str| name.eq_ignore_ascii_case("content-length");
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(name, _)| is_length(name))?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_whole_when_its_length_is_there() {
        assert!(whole(b"HTTP/1.1 200 OK\r\nContent-Len").is_none());
        assert!(whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{").is_none());
        let found = whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        assert_eq!(found.expect("whole").expect("good"), 38);
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").expect("a head").is_err());
    }
}
