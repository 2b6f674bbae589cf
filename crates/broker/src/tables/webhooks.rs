//! Who is told of events.

use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse_store::sql::{Row, Sealed, Statement};

use super::events::EventKind;
use super::limits::{LONG, SHORT, WEBHOOKS, check};
use super::versions::bump;
use super::{Tables, unreadable};
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;
use crate::seal::Purpose;

/// An address that a tenant's events are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Whose events.
    pub tenant: Name,
    /// What the tenant calls it.
    pub name: Name,
    /// Where to.
    pub url: String,
    /// Which kinds; empty: all.
    pub kinds: Vec<EventKind>,
    /// What the deliveries are signed with.
    pub secret: Secret,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it last changed.
    pub changed_at: UnixTime,
}

impl Webhook {
    /// What it is among those of all tenants: `acme/ops`.
    pub fn place(&self) -> String {
        format!("{}/{}", self.tenant, self.name)
    }
}

const ONE: Statement = Statement::both(
    "SELECT tenant, name, url, kinds, key_id, secret, created_at, changed_at FROM webhooks
     WHERE tenant = $1 AND name = $2",
);
const OF_TENANT: Statement = Statement::both(
    "SELECT tenant, name, url, kinds, key_id, secret, created_at, changed_at FROM webhooks
     WHERE tenant = $1 ORDER BY name",
);
const PUT: Statement = Statement::both(
    "INSERT INTO webhooks (tenant, name, url, kinds, key_id, secret, created_at, changed_at)
     VALUES ($1, $2, $3, $4, $5, $6, now_ms(), now_ms())
     ON CONFLICT (tenant, name) DO UPDATE SET url = EXCLUDED.url, kinds = EXCLUDED.kinds,
         key_id = EXCLUDED.key_id, secret = EXCLUDED.secret, changed_at = EXCLUDED.changed_at",
);
const OTHERS: Statement =
    Statement::both("SELECT count(*) FROM webhooks WHERE tenant = $1 AND name <> $2");
const REMOVE: Statement = Statement::both("DELETE FROM webhooks WHERE tenant = $1 AND name = $2");
const REMOVE_DELIVERIES: Statement =
    Statement::both("DELETE FROM deliveries WHERE tenant = $1 AND webhook = $2");

impl Tables {
    /// The webhook of this name, with its secret.
    pub async fn webhook(&self, tenant: &Name, name: &Name) -> Result<Option<Webhook>, Problem> {
        let params = vec![tenant.as_str().into(), name.as_str().into()];
        let rows = self.database.query(ONE, params).await?;
        match rows.first() {
            Some(row) => self.read_webhook(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The webhooks of a tenant, by name, with their secrets.
    pub async fn webhooks(&self, tenant: &Name) -> Result<Vec<Webhook>, Problem> {
        let rows = self.database.query(OF_TENANT, vec![tenant.as_str().into()]).await?;
        let mut webhooks = Vec::with_capacity(rows.len());
        for row in &rows {
            webhooks.push(self.read_webhook(row).await?);
        }
        Ok(webhooks)
    }

    /// Makes or changes a webhook; its times are not looked at. Three statements.
    pub async fn put_webhook(&self, webhook: &Webhook) -> Result<(), Problem> {
        check("url", &webhook.url, LONG)?;
        if webhook.secret.is_empty() || webhook.secret.len() > SHORT {
            let detail = format!("secret is 1 to {SHORT} bytes");
            return Err(Problem::new(Code::BadRequest, detail));
        }
        let Webhook { tenant, name, .. } = webhook;
        self.check_room(OTHERS, tenant, name, (WEBHOOKS, "webhooks")).await?;
        let secret = webhook.secret.expose().as_bytes();
        let place = name.as_str().as_bytes();
        let sealed = self.envelope().seal_secret(tenant, Purpose::Webhook, place, secret).await?;
        let kinds: Vec<_> = webhook.kinds.iter().map(|kind| kind.as_str()).collect();
        let params = vec![
            tenant.as_str().into(),
            name.as_str().into(),
            webhook.url.as_str().into(),
            kinds.join(" ").into(),
            sealed.key_id.into(),
            sealed.bytes.into(),
        ];
        self.database.together(vec![bump("webhooks"), (PUT, params)]).await?;
        Ok(())
    }

    /// Removes a webhook, and what was to be delivered to it; whether there was one.
    pub async fn remove_webhook(&self, tenant: &Name, name: &Name) -> Result<bool, Problem> {
        let params = || vec![tenant.as_str().into(), name.as_str().into()];
        let statements = vec![bump("webhooks"), (REMOVE_DELIVERIES, params()), (REMOVE, params())];
        Ok(self.database.together(statements).await?.last() == Some(&1))
    }

    pub(super) async fn read_webhook(&self, row: &Row) -> Result<Webhook, Problem> {
        let damaged = || unreadable("a webhook");
        let tenant: Name = row.text(0)?.parse().map_err(|_| damaged())?;
        let name: Name = row.text(1)?.parse().map_err(|_| damaged())?;
        let sealed = Sealed { key_id: row.text(4)?.to_owned(), bytes: row.bytes(5)?.to_vec() };
        let place = name.as_str().as_bytes();
        let secret = self.envelope().open_secret(&tenant, Purpose::Webhook, place, &sealed).await?;
        let secret = Secret::new(core::str::from_utf8(&secret).map_err(|_| damaged())?);
        let kinds = row.text(3)?.split_ascii_whitespace();
        Ok(Webhook {
            url: row.text(2)?.to_owned(),
            kinds: kinds
                .map(|kind| kind.parse().map_err(|_| damaged()))
                .collect::<Result<_, _>>()?,
            secret,
            created_at: row.time(6)?,
            changed_at: row.time(7)?,
            tenant,
            name,
        })
    }
}
