//! A port that stays its owner's, whether or not anybody listens on it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use axum::Router;
use tokio::net::TcpSocket;
use tokio::sync::oneshot;

use crate::wait::WAIT;

/// A free port of the loopback.
pub(crate) struct Port {
    number: u16,
    listening: Option<Listening>,
    /// Holds the port also while nobody listens: connections are refused then, and nobody else takes
    /// it. It never listens itself.
    _reserved: TcpSocket,
}

struct Listening {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let socket = bind(0);
        let number = socket.local_addr().expect("a bound socket has an address").port();
        Self { number, listening: None, _reserved: socket }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// Serves `routes`, on a thread and a runtime of its own. Nothing while it is served already.
    pub(crate) fn serve(&mut self, routes: Router) {
        if self.listening.is_some() {
            return;
        }
        let socket = bind(self.number);
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // Dropped with the runtime: what is under way ends, and connections break.
            runtime.expect("a runtime").block_on(async move {
                let listener = socket.listen(1024).expect("the port is ours");
                ready.send(()).expect("somebody waits");
                let service = routes.into_make_service_with_connect_info::<SocketAddr>();
                tokio::select! {
                    served = async { axum::serve(listener, service).await } => {
                        served.expect("it serves until it is stopped");
                    }
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv_timeout(WAIT).expect("it listens");
        self.listening = Some(Listening { stop, thread });
    }

    /// Breaks every connection, and refuses new ones.
    pub(crate) fn close(&mut self) {
        if let Some(Listening { stop, thread }) = self.listening.take() {
            let _ = stop.send(());
            thread.join().expect("the server did not panic");
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(Listening { stop, thread }) = self.listening.take() {
            let _ = stop.send(());
            // Whoever is dropped in a panic must not panic again.
            let _ = thread.join();
        }
    }
}

/// A socket on the port; on a free one for 0.
fn bind(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Connections that a closed server has left do not keep the next one off the port; nor does the
    // socket that holds it.
    socket.set_reuseaddr(true).expect("an option of every socket");
    socket.set_reuseport(true).expect("an option of every socket");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).expect("the port is ours");
    socket
}
