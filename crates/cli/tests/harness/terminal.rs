//! What a person sits at.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::{Project, WAIT, eventually};

/// How wide it is.
pub const COLUMNS: u16 = 70;
/// How high it is.
pub const ROWS: u16 = 16;

/// A program as the foreground process of a terminal of its own.
pub struct Terminal {
    master: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// Hears of the end of the screen.
    dark: Receiver<()>,
    child: Child,
}

impl Terminal {
    /// Starts the binary, isolated in `project`, with these arguments.
    pub fn start(project: &Project, arguments: &[&str]) -> Self {
        Self::of(project, env!("CARGO_BIN_EXE_unlapse"), arguments)
    }

    /// Starts any program there.
    pub fn of(project: &Project, program: &str, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let master = master.expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("unlocked");
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("sized");
        let path = ptsname(&master, Vec::new()).expect("a name");
        let side = || {
            let noctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag");
            let mut options = File::options();
            options.read(true).write(true).custom_flags(noctty);
            options.open(path.to_str().expect("text")).expect("the other side")
        };
        // A session of its own, with this terminal: that needs a program of the system.
        let mut command = Command::new("setsid");
        project.isolate(&mut command);
        command
            .args(["--ctty", program])
            .args(arguments)
            .current_dir(project.root().join("work"))
            .stdin(side())
            .stdout(side())
            .stderr(side());
        if !project.env.iter().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let child = command.spawn().expect("setsid");
        // Its copies of our descriptors go with it: the end of the program ends the screen.
        drop(command);
        let (master, screen) = (File::from(master), Arc::<Mutex<Vec<u8>>>::default());
        let (mut reader, into) = (master.try_clone().expect("a copy"), Arc::clone(&screen));
        let (ends, dark) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut piece) {
                into.lock().expect("no panic before").extend_from_slice(&piece[..count]);
            }
            let _ = ends.send(());
        });
        Self { master, screen, dark, child }
    }

    /// All it has shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("no panic before")).into_owned()
    }

    /// Waits until it shows `text`.
    pub fn until(&self, text: &str) {
        eventually(text, || self.screen().contains(text));
    }

    /// Types.
    pub fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("typed");
    }

    /// Whether what is typed now would be shown.
    pub fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.master).expect("a terminal");
        modes.local_modes.contains(LocalModes::ECHO)
    }

    /// Its exit code (128 and more for a signal, as a shell has it), and all it has shown.
    pub fn wait(mut self) -> (i32, String) {
        use std::os::unix::process::ExitStatusExt as _;
        let mut status = None;
        eventually("it ends", || {
            status = self.child.try_wait().expect("waited");
            status.is_some()
        });
        // The rest of what it wrote may still be on its way.
        let _ = self.dark.recv_timeout(WAIT);
        let status = status.expect("ended");
        (status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
