//! What the data keys of tenants are wrapped under.

use aws_lc_rs::{cmac, hkdf};

use super::KeysAway;
use super::key_command::KeyCommand;
use super::xaes;
use crate::name::Name;

/// A master key: it wraps data keys, and nothing else.
#[derive(Clone)]
pub(super) enum MasterKey {
    /// Its bytes are here.
    Local { id: String, key: xaes::Key },
    /// A key management service has it, and is asked by a command.
    Command { id: String, command: KeyCommand },
}

/// Largest wrapped data key: what a key management service returns may be some hundred bytes.
pub(super) const MAX_WRAPPED: usize = 8 * 1024;

impl MasterKey {
    /// The key of these bytes, under a name that people give it.
    pub(super) fn local(name: &Name, key: xaes::Key) -> Self {
        // Two keys of one name are told apart by this, instead of being taken for damage.
        let mac = cmac::Key::new(cmac::AES_256, key.as_slice()).expect("a key of 32 bytes");
        let check = cmac::sign(&mac, b"unlapse master key check v1").expect("a short message");
        let check = u32::from_be_bytes(*check.as_ref().first_chunk().expect("16 bytes"));
        Self::Local { id: format!("{name}.{check:08x}"), key }
    }

    /// The key that `command` asks for.
    pub(super) fn command(name: &Name, command: KeyCommand) -> Self {
        Self::Command { id: format!("{name}.command"), command }
    }

    /// A key for one use of its own, from which nobody learns this one or that of another use
    /// (HKDF-Expand, RFC 5869 §2.3: the bytes are uniform already). `None`: they are not here.
    pub(super) fn derived(&self, label: &str) -> Option<xaes::Key> {
        let Self::Local { key, .. } = self else { return None };
        let uniform = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key.as_slice());
        let mut derived = xaes::Key::default();
        let info = [label.as_bytes()];
        let expanded =
            uniform.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut *derived));
        expanded.expect("32 bytes are one block of SHA-256");
        Some(derived)
    }

    /// As it stands beside what it has wrapped: its name, and a check where its bytes are here.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Local { id, .. } | Self::Command { id, .. } => id,
        }
    }

    /// `key`, the data key of that id, wrapped for its tenant.
    pub(super) async fn wrap(
        &self,
        tenant: &Name,
        id: &str,
        key: &xaes::Key,
    ) -> Result<Vec<u8>, KeysAway> {
        let associated = associated(tenant, id);
        match self {
            Self::Local { key: master, .. } => Ok(xaes::seal(master, &associated, key.as_slice())),
            Self::Command { command, .. } => {
                // The service wraps a key of our own, so that tenant and id are bound whatever the
                // command does with them.
                let own = xaes::draw();
                let wrapped = command.wrap(tenant, id, &own).await?;
                let len = u16::try_from(wrapped.len()).map_err(|_| KeysAway::BadReply)?;
                let sealed = xaes::seal(&own, &associated, key.as_slice());
                Ok([&len.to_be_bytes()[..], &wrapped, &sealed].concat())
            }
        }
    }

    /// What [`Self::wrap`] wrapped.
    pub(super) async fn unwrap(
        &self,
        tenant: &Name,
        id: &str,
        wrapped: &[u8],
    ) -> Result<xaes::Key, KeysAway> {
        let associated = associated(tenant, id);
        let damaged = || KeysAway::Damaged { tenant: tenant.clone() };
        let plain = match self {
            Self::Local { key, .. } => xaes::open(key, &associated, wrapped),
            Self::Command { command, .. } => {
                let (len, rest) = wrapped.split_first_chunk().ok_or_else(damaged)?;
                let len = usize::from(u16::from_be_bytes(*len));
                let (by_them, sealed) = rest.split_at_checked(len).ok_or_else(damaged)?;
                let own = command.unwrap(tenant, id, by_them).await?;
                xaes::open(&own, &associated, sealed)
            }
        };
        let plain = plain.map_err(|_| damaged())?;
        let bytes: [u8; xaes::KEY_LEN] = plain.as_slice().try_into().map_err(|_| damaged())?;
        Ok(bytes.into())
    }
}

fn associated(tenant: &Name, id: &str) -> Vec<u8> {
    super::associated("data key", tenant, &[id.as_bytes()])
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;

    use super::*;

    fn local(byte: u8) -> MasterKey {
        MasterKey::local(&"k1".parse().expect("a name"), [byte; xaes::KEY_LEN].into())
    }

    #[test]
    fn rfc5869_2_3_a_key_for_each_use_the_same_on_every_node() {
        let derived = |byte, label: &str| local(byte).derived(label).expect("its bytes are here");
        assert_eq!(derived(7, "a"), derived(7, "a"));
        assert_ne!(derived(7, "a"), derived(7, "b"));
        assert_ne!(derived(7, "a"), derived(8, "a"));
        // RFC 5869 §2.3: T(1) = HMAC-Hash(PRK, info | 0x01).
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; xaes::KEY_LEN]);
        assert_eq!(derived(7, "a").as_slice(), hmac::sign(&key, b"a\x01").as_ref());
        let command = KeyCommand::new("kms", Vec::<String>::new());
        let command = MasterKey::command(&"kms".parse().expect("a name"), command);
        assert_eq!(command.derived("a"), None);
    }
}
