//! What a cable does when it is stalled, cut and mended.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use unlapse_parts::Cable;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(30);

/// Says back whatever it hears.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its own").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut to = stream.try_clone().expect("a second handle");
                let _ = std::io::copy(&mut &stream, &mut to);
            });
        }
    });
    port
}

fn client(cable: &Cable) -> TcpStream {
    let client = TcpStream::connect(("127.0.0.1", cable.port())).expect("it listens");
    client.set_read_timeout(Some(LONG)).expect("set");
    client
}

/// What comes back; `None`: nothing within the read timeout.
fn say(client: &mut TcpStream, word: [u8; 4]) -> Option<[u8; 4]> {
    client.write_all(&word).ok()?;
    hear(client)
}

fn hear(client: &mut TcpStream) -> Option<[u8; 4]> {
    let mut heard = [0; 4];
    client.read_exact(&mut heard).ok().map(|()| heard)
}

#[test]
fn what_a_stalled_cable_holds_up_arrives_when_it_is_mended() {
    let cable = Cable::to(echo());
    let mut one = client(&cable);
    assert_eq!(say(&mut one, *b"one "), Some(*b"one "));
    cable.stall();
    let mut two = client(&cable);
    for client in [&mut one, &mut two] {
        client.set_read_timeout(Some(SHORT)).expect("set");
        assert_eq!(say(client, *b"held"), None);
        client.set_read_timeout(Some(LONG)).expect("set");
    }
    cable.mend();
    assert_eq!((hear(&mut one), hear(&mut two)), (Some(*b"held"), Some(*b"held")));
}

#[test]
fn a_connection_that_is_held_up_hinders_none_that_is_made_later() {
    let cable = Cable::to(echo());
    let mut one = client(&cable);
    assert_eq!(say(&mut one, *b"one "), Some(*b"one "));
    cable.hold_up();
    one.set_read_timeout(Some(SHORT)).expect("set");
    assert_eq!(say(&mut one, *b"held"), None);
    assert_eq!(say(&mut client(&cable), *b"two "), Some(*b"two "));
    one.set_read_timeout(Some(LONG)).expect("set");
    cable.mend();
    assert_eq!(hear(&mut one), Some(*b"held"));
}

#[test]
fn a_cut_cable_closes_whatever_is_there_and_whatever_comes() {
    let cable = Cable::to(echo());
    let mut one = client(&cable);
    assert_eq!(say(&mut one, *b"one "), Some(*b"one "));
    cable.cut();
    assert_eq!(hear(&mut one), None, "closed long before the timeout");
    assert_eq!(say(&mut client(&cable), *b"two "), None);
    cable.mend();
    assert_eq!(say(&mut client(&cable), *b"new "), Some(*b"new "));
}
