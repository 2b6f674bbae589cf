//! API keys, by their hashes.
//!
//! ```text
//! ulk_ <id, 12> <32 random bytes, 43> <checksum, 6>      base64url, nothing between them
//! ```
//!
//! The checksum lets whoever finds such a text in a repository tell that it is one, and a typing
//! error be told without a question to the database.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse_store::sql::{Row, Statement};
use zeroize::Zeroizing;

use super::limits::{SHORT, check};
use super::versions::bump;
use super::{Tables, unreadable};
use crate::name::Name;
use crate::problem::Problem;
use crate::random;
use crate::tenant::Speed;
use crate::verb::Verbs;

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it, in lists and in the audit log.
    pub id: String,
    /// Whose connections it may touch; `None`: it is an operator's, for whom there is no limit.
    pub tenant: Option<Name>,
    /// What people call it.
    pub label: String,
    /// What it may do.
    pub verbs: Verbs,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it ends by itself.
    pub expires_at: Option<UnixTime>,
    /// When it was revoked.
    pub revoked_at: Option<UnixTime>,
}

/// What every API key begins with.
const PREFIX: &str = "ulk_";
/// Characters of an id: nine bytes.
const ID: usize = 12;
/// Characters of the random part.
const RANDOM: usize = 43;
/// Characters of the checksum.
const SUM: usize = 6;

const MAKE: Statement = Statement::both(
    "INSERT INTO api_keys (id, tenant, label, verbs, hash, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, now_ms(), $6)",
);
/// Where nothing has begun.
macro_rules! make_first {
    ($hash:literal) => {
        concat!(
            "INSERT INTO api_keys (id, tenant, label, verbs, hash, created_at)
             SELECT $1, $2, $3, $4, ",
            $hash,
            ", now_ms() WHERE NOT EXISTS (SELECT 1 FROM tenants)
                 AND NOT EXISTS (SELECT 1 FROM api_keys)"
        )
    };
}
const MAKE_FIRST: Statement = Statement::each(make_first!("$5"), make_first!("$5::bytea"));
/// Of the key that was made: then there is no other tenant.
const FIRST_TENANT: Statement = Statement::both(
    "INSERT INTO tenants (name, speed, created_at)
     SELECT tenant, $2, now_ms() FROM api_keys WHERE id = $1",
);
const ONE: Statement = Statement::both(
    "SELECT id, tenant, label, verbs, created_at, expires_at, revoked_at, hash FROM api_keys
     WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now_ms())",
);
const BY_ID: Statement = Statement::both(
    "SELECT id, tenant, label, verbs, created_at, expires_at, revoked_at FROM api_keys WHERE id = $1",
);
/// One statement for key and session: every page of the dashboard asks it.
const OF_SESSION: Statement = Statement::both(
    "SELECT id, tenant, label, verbs, created_at, expires_at, revoked_at FROM api_keys
     WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now_ms())
     AND NOT EXISTS (SELECT 1 FROM sign_outs WHERE session = $2)",
);
const OF_TENANT: Statement = Statement::both(
    "SELECT id, tenant, label, verbs, created_at, expires_at, revoked_at FROM api_keys
     WHERE tenant = $1 ORDER BY created_at, id",
);
const ALL: Statement = Statement::both(
    "SELECT id, tenant, label, verbs, created_at, expires_at, revoked_at FROM api_keys
     ORDER BY created_at, id",
);
const REVOKE: Statement = Statement::both(
    "UPDATE api_keys SET revoked_at = now_ms()
     WHERE id = $1 AND revoked_at IS NULL AND (tenant = $2 OR $2 = '')",
);

impl Tables {
    /// Makes an API key. Its secret is given here, and is nowhere afterwards.
    pub async fn make_api_key(
        &self,
        tenant: Option<Name>,
        label: &str,
        verbs: Verbs,
        expires_at: Option<UnixTime>,
    ) -> Result<(ApiKey, Secret), Problem> {
        check("a label", label, SHORT)?;
        let (id, secret) = draw();
        let params = vec![
            id.as_str().into(),
            tenant.as_ref().map(Name::as_str).into(),
            label.into(),
            verbs.to_string().into(),
            hash(&secret).into(),
            expires_at.into(),
        ];
        self.database.together(vec![bump("api_keys"), (MAKE, params)]).await?;
        let rows = self.database.query(BY_ID, vec![id.into()]).await?;
        let key = read(rows.first().ok_or_else(|| unreadable("an API key"))?)?;
        Ok((key, secret))
    }

    /// Makes the first tenant and its first API key, both or neither; `None` where there is a tenant or
    /// a key. Of nodes that begin at the same moment, one makes them.
    pub async fn make_first_api_key(
        &self,
        tenant: &Name,
        label: &str,
        verbs: Verbs,
    ) -> Result<Option<Secret>, Problem> {
        check("a label", label, SHORT)?;
        self.envelope().ready(tenant).await?;
        let (id, secret) = draw();
        let key = vec![
            id.as_str().into(),
            tenant.as_str().into(),
            label.into(),
            verbs.to_string().into(),
            hash(&secret).into(),
        ];
        let tenant = vec![id.into(), Speed::Eager.as_str().into()];
        // Whoever makes a tenant or a key changes its version first: who waits for that sees, in the
        // statement after it, what was made meanwhile.
        let versions = [bump("api_keys"), bump("tenants")];
        let made = [(MAKE_FIRST, key), (FIRST_TENANT, tenant)];
        let changed = self.database.together(versions.into_iter().chain(made).collect()).await?;
        Ok((changed.last() == Some(&1)).then_some(secret))
    }

    /// The key that `secret` is, if it is one that lives. A text that is none costs no statement.
    pub async fn api_key(&self, secret: &Secret) -> Result<Option<ApiKey>, Problem> {
        let Some(id) = id_of(secret) else { return Ok(None) };
        let rows = self.database.query(ONE, vec![id.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let same = constant_time::verify_slices_are_equal(row.bytes(7)?, &hash(secret));
        if same.is_ok() { read(row).map(Some) } else { Ok(None) }
    }

    /// The key of this id, if it lives and nobody has signed out of the session of this hash: for
    /// whoever has proven before that they have both.
    pub async fn api_key_of_session(
        &self,
        id: &str,
        session: &[u8; 32],
    ) -> Result<Option<ApiKey>, Problem> {
        if id.len() != ID || id.contains('\0') {
            return Ok(None);
        }
        let rows = self.database.query(OF_SESSION, vec![id.into(), session[..].into()]).await?;
        rows.first().map(read).transpose()
    }

    /// The keys of a tenant, or of all, the oldest first; those that were revoked or have ended, too.
    pub async fn api_keys(&self, tenant: Option<&Name>) -> Result<Vec<ApiKey>, Problem> {
        let rows = match tenant {
            Some(tenant) => self.database.query(OF_TENANT, vec![tenant.as_str().into()]).await?,
            None => self.database.query(ALL, Vec::new()).await?,
        };
        rows.iter().map(read).collect()
    }

    /// Revokes a key, of `tenant` if one is named; whether it lived until now.
    pub async fn revoke_api_key(&self, id: &str, tenant: Option<&Name>) -> Result<bool, Problem> {
        if id.len() > SHORT || id.contains('\0') {
            return Ok(false);
        }
        let params = vec![id.into(), tenant.map_or("", Name::as_str).into()];
        let changed = self.database.together(vec![bump("api_keys"), (REVOKE, params)]).await?;
        Ok(changed.last() == Some(&1))
    }
}

fn draw() -> (String, Secret) {
    let mut bytes = Zeroizing::new([0; 9 + 32]);
    random::fill(&mut *bytes);
    let (id, random) = bytes.split_at(9);
    let id = URL_SAFE_NO_PAD.encode(id);
    // At its full size from the start: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + ID + RANDOM + SUM));
    text.push_str(PREFIX);
    text.push_str(&id);
    URL_SAFE_NO_PAD.encode_string(random, &mut text);
    let sum = sum(&text);
    text.push_str(&sum);
    (id, Secret::new(text.as_str()))
}

/// Whether a text is as an API key is, checksum and all: what is not is a typing error.
pub(crate) fn is_api_key(text: &Secret) -> bool {
    id_of(text).is_some()
}

/// The id of a text that is as an API key is.
fn id_of(secret: &Secret) -> Option<&str> {
    let text = secret.expose();
    if text.len() != PREFIX.len() + ID + RANDOM + SUM || !text.is_ascii() {
        return None;
    }
    let (body, end) = text.split_at(text.len() - SUM);
    let id = body.strip_prefix(PREFIX)?.get(..ID)?;
    (sum(body) == end).then_some(id)
}

fn sum(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut sum = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..6]);
    sum.truncate(SUM);
    sum
}

/// Of the whole text: 256 random bits need no salt and no stretching.
fn hash(secret: &Secret) -> Vec<u8> {
    let text = Zeroizing::new([b"unlapse api key v1\0", secret.expose().as_bytes()].concat());
    digest::digest(&digest::SHA256, &text).as_ref().to_vec()
}

fn read(row: &Row) -> Result<ApiKey, Problem> {
    let damaged = || unreadable("an API key");
    let tenant = row.maybe_text(1)?.map(|tenant| tenant.parse().map_err(|_| damaged()));
    Ok(ApiKey {
        id: row.text(0)?.to_owned(),
        tenant: tenant.transpose()?,
        label: row.text(2)?.to_owned(),
        verbs: row.text(3)?.parse().map_err(|_| damaged())?,
        created_at: row.time(4)?,
        expires_at: row.maybe_time(5)?,
        revoked_at: row.maybe_time(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_says_its_id_and_a_typing_error_is_noticed() {
        let (id, secret) = draw();
        assert_eq!(id_of(&secret), Some(id.as_str()));
        assert_eq!(secret.len(), 65);
        let text = secret.expose();
        for at in 0..text.len() {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let wrong = [&text[..at], other, &text[at + 1..]].concat();
            assert_eq!(id_of(&Secret::from(wrong)), None, "{at}");
        }
    }

    proptest! {
        #[test]
        fn hostile_texts_are_no_keys(text in "\\PC{0,80}") {
            let text = Secret::from(text);
            prop_assert_eq!(id_of(&text), None);
        }
    }
}
