//! Who did what. Entries are never changed: the database itself refuses to.

use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Row, Statement};

use super::limits::page;
use super::{Tables, unreadable};
use crate::broker::Actor;
use crate::name::Name;
use crate::problem::Problem;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAudit {
    /// Whose data it was about; `None`: the broker's own.
    pub tenant: Option<Name>,
    /// Who did it.
    pub by: String,
    /// What, such as `app.put`.
    pub action: String,
    /// To what: the name of a connection, an app, a key.
    pub subject: Option<String>,
    /// More, and never a secret.
    pub detail: Option<String>,
}

impl NewAudit {
    /// `by` did `action` to `subject`, of `tenant`.
    pub fn new(
        by: &Actor,
        tenant: Option<&Name>,
        action: &str,
        subject: impl Into<String>,
    ) -> Self {
        Self {
            tenant: tenant.cloned(),
            by: by.name.clone(),
            action: action.to_owned(),
            subject: Some(subject.into()),
            detail: None,
        }
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Counts up.
    pub id: i64,
    /// When.
    pub at: UnixTime,
    /// What was done.
    pub what: NewAudit,
}

/// Which entries are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this tenant.
    pub tenant: Option<Name>,
    /// With this action.
    pub action: Option<String>,
}

/// Longest text of an entry; what is beyond is cut.
const MOST: usize = 2048;

const NOTE: Statement = Statement::both(
    "INSERT INTO audit (at, tenant, actor, action, subject, detail)
     VALUES (now_ms(), $1, $2, $3, $4, $5)",
);
const ALL: Statement = Statement::both(
    "SELECT id, at, tenant, actor, action, subject, detail FROM audit
     WHERE id < $1 AND ($2 = '' OR action = $2) ORDER BY id DESC LIMIT $3",
);
const OF_TENANT: Statement = Statement::both(
    "SELECT id, at, tenant, actor, action, subject, detail FROM audit
     WHERE id < $1 AND ($2 = '' OR action = $2) AND tenant = $4 ORDER BY id DESC LIMIT $3",
);

impl Tables {
    /// Keeps an entry.
    pub async fn note(&self, entry: NewAudit) -> Result<(), Problem> {
        let params = vec![
            entry.tenant.as_ref().map(Name::as_str).into(),
            plain(&entry.by).into(),
            plain(&entry.action).into(),
            entry.subject.as_deref().map(plain).into(),
            entry.detail.as_deref().map(plain).into(),
        ];
        self.database.execute(NOTE, params).await?;
        Ok(())
    }

    /// Entries before the id `before`, the newest first; `limit` is 1000 at most.
    pub async fn audits(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Audit>, Problem> {
        let action = filter.action.as_deref().map(plain).unwrap_or_default();
        let before = before.unwrap_or(i64::MAX);
        let mut params = vec![before.into(), action.into(), page(limit).into()];
        let rows = match &filter.tenant {
            Some(tenant) => {
                params.push(tenant.as_str().into());
                self.database.query(OF_TENANT, params).await?
            }
            None => self.database.query(ALL, params).await?,
        };
        rows.iter().map(read).collect()
    }
}

/// What a column takes: no control characters, and not without end.
fn plain(text: &str) -> String {
    let letters = text.chars().filter(|letter| !letter.is_control());
    letters
        .scan(0, |len, letter| {
            *len += letter.len_utf8();
            (*len <= MOST).then_some(letter)
        })
        .collect()
}

fn read(row: &Row) -> Result<Audit, Problem> {
    let tenant = row.maybe_text(2)?.map(|name| name.parse().map_err(|_| unreadable("an entry")));
    Ok(Audit {
        id: row.int(0)?,
        at: row.time(1)?,
        what: NewAudit {
            tenant: tenant.transpose()?,
            by: row.text(3)?.to_owned(),
            action: row.text(4)?.to_owned(),
            subject: row.maybe_text(5)?.map(str::to_owned),
            detail: row.maybe_text(6)?.map(str::to_owned),
        },
    })
}
