//! A key management service, asked by a command.

use core::time::Duration;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::KeysAway;
use super::master_key::MAX_WRAPPED;
use super::xaes;
use crate::name::Name;

/// How long a command may take; a service that is asked over the network may be slow, and a node that
/// starts must not wait for ever.
const PATIENCE: Duration = Duration::from_secs(15);

/// A program that wraps and unwraps keys: run as `program … wrap` and `program … unwrap`. What is to
/// be wrapped or unwrapped comes on its standard input, the result goes to its standard output; both
/// are bytes as they are. Arguments and environment hold no secret: `UNLAPSE_TENANT` and
/// `UNLAPSE_KEY_ID` say what the key is for, for services that bind a context to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCommand {
    program: PathBuf,
    arguments: Vec<String>,
    hidden: Vec<String>,
    patience: Duration,
}

impl KeyCommand {
    /// `program`, with `arguments` before the verb.
    pub fn new(program: impl Into<PathBuf>, arguments: Vec<String>) -> Self {
        Self { program: program.into(), arguments, hidden: Vec::new(), patience: PATIENCE }
    }

    /// The same, for 15 s at most unless said otherwise here.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The same, without this variable in its environment.
    #[must_use]
    pub fn without(mut self, variable: impl Into<String>) -> Self {
        self.hidden.push(variable.into());
        self
    }

    pub(super) async fn wrap(
        &self,
        tenant: &Name,
        id: &str,
        key: &xaes::Key,
    ) -> Result<Vec<u8>, KeysAway> {
        let wrapped = self.run("wrap", tenant, id, key.as_slice()).await?;
        // A command that only echoes would keep the key in clear.
        let echoed = wrapped.windows(key.len()).any(|part| part == key.as_slice());
        if wrapped.is_empty() || echoed {
            return Err(KeysAway::BadReply);
        }
        Ok(wrapped.to_vec())
    }

    pub(super) async fn unwrap(
        &self,
        tenant: &Name,
        id: &str,
        wrapped: &[u8],
    ) -> Result<xaes::Key, KeysAway> {
        let key = self.run("unwrap", tenant, id, wrapped).await?;
        let key: [u8; xaes::KEY_LEN] = key.as_slice().try_into().map_err(|_| KeysAway::BadReply)?;
        Ok(key.into())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "bounds a process, whose time no clock of ours keeps"
    )]
    async fn run(
        &self,
        verb: &'static str,
        tenant: &Name,
        id: &str,
        input: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeysAway> {
        match tokio::time::timeout(self.patience, self.asked(verb, tenant, id, input)).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => {
                tracing::warn!(program = %self.program.display(), verb, %error, "the key command failed");
                Err(KeysAway::CommandFailed)
            }
            Err(_) => {
                tracing::warn!(program = %self.program.display(), verb, "the key command took too long");
                Err(KeysAway::CommandFailed)
            }
        }
    }

    async fn asked(
        &self,
        verb: &str,
        tenant: &Name,
        id: &str,
        input: &[u8],
    ) -> std::io::Result<Zeroizing<Vec<u8>>> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(verb);
        command.env("UNLAPSE_TENANT", tenant.as_str()).env("UNLAPSE_KEY_ID", id);
        for variable in &self.hidden {
            command.env_remove(variable);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // Dropped when it takes too long: nothing is left behind.
        let mut child = command.kill_on_drop(true).spawn()?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        // Room for all of it from the start: growing would leave copies behind.
        let mut output = Zeroizing::new(Vec::with_capacity(MAX_WRAPPED + 1));
        let mut limited = stdout.take(MAX_WRAPPED as u64 + 1);
        let write = async {
            match stdin.write_all(input).await {
                // It may know enough without its input; what it says then is looked at.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error),
                _ => {}
            }
            drop(stdin);
            Ok(())
        };
        let (written, read) = tokio::join!(write, limited.read_to_end(&mut output));
        written?;
        read?;
        if output.len() > MAX_WRAPPED {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let status = child.wait().await?;
        if status.success() {
            Ok(output)
        } else {
            Err(std::io::Error::other(format!("it ended with {status}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> KeyCommand {
        KeyCommand::new("/bin/sh", vec!["-c".to_owned(), script.to_owned()])
    }

    fn acme() -> Name {
        "acme".parse().expect("a name")
    }

    // Reverses the bytes: enough to tell what was wrapped from what was not.
    const REVERSE: &str = r#"od -An -v -tx1 -w1 | tac | tr -d ' \n' | sed 's/../\\x&/g' | { read -r hex; printf "$hex"; }"#;

    #[tokio::test]
    async fn c2_a_key_goes_through_a_command_and_comes_back() {
        let key = xaes::draw();
        let command = shell(&format!("printf '' ; {REVERSE}"));
        // `printf` of a shell may know no `\x`: bash does everywhere.
        let command = KeyCommand { program: "/bin/bash".into(), ..command };
        let wrapped = command.wrap(&acme(), "k1", &key).await.expect("wrapped");
        assert_ne!(wrapped, key.as_slice());
        assert_eq!(command.unwrap(&acme(), "k1", &wrapped).await.expect("unwrapped"), key);
    }

    #[tokio::test]
    async fn c2_a_command_that_fails_is_no_damage() {
        let key = xaes::draw();
        for (script, error) in [
            ("exit 3", KeysAway::CommandFailed),
            ("sleep 60", KeysAway::CommandFailed),
            ("head -c 100000 /dev/zero", KeysAway::CommandFailed),
            ("true", KeysAway::BadReply),
            ("cat", KeysAway::BadReply),
        ] {
            let command = shell(script).within(Duration::from_secs(2));
            assert_eq!(command.wrap(&acme(), "k1", &key).await, Err(error.clone()), "{script}");
        }
        let missing = KeyCommand::new("/nonexistent/kms", Vec::new());
        assert_eq!(missing.wrap(&acme(), "k1", &key).await, Err(KeysAway::CommandFailed));
        let short = shell("echo short");
        assert_eq!(short.unwrap(&acme(), "k1", b"x").await, Err(KeysAway::BadReply));
    }

    #[tokio::test]
    async fn c13_neither_arguments_nor_environment_hold_the_key() {
        let script =
            r"cat >/dev/null; tr '\0' ' ' < /proc/$$/cmdline; tr '\0' ' ' < /proc/$$/environ";
        let command = shell(script).without("CARGO_MANIFEST_DIR");
        let said = command.wrap(&acme(), "k1", &[b'k'; 32].into()).await.expect("it said");
        let said = String::from_utf8_lossy(&said);
        assert!(
            said.contains("UNLAPSE_TENANT=acme") && said.contains("UNLAPSE_KEY_ID=k1"),
            "{said}"
        );
        assert!(!said.contains("CARGO_MANIFEST_DIR"), "{said}");
    }
}
