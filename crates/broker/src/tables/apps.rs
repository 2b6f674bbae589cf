//! Apps.

use std::collections::BTreeSet;

use unlapse::unlapse_core::Secret;
use unlapse_store::sql::{Row, Sealed, Statement, Value};

use super::limits::{APPS, LONG, check, check_all};
use super::versions::bump;
use super::{Tables, unreadable};
use crate::app::App;
use crate::name::Name;
use crate::problem::Problem;
use crate::seal::Purpose;

const COLUMNS_ONE: Statement = Statement::both(
    "SELECT tenant, name, provider, client_id, key_id, client_secret, scopes, params, return_to, changed_at
     FROM apps WHERE tenant = $1 AND name = $2",
);
const OF_TENANT: Statement = Statement::both(
    "SELECT tenant, name, provider, client_id, key_id, client_secret, scopes, params, return_to, changed_at
     FROM apps WHERE tenant = $1 ORDER BY name",
);
const ALL: Statement = Statement::both(
    "SELECT tenant, name, provider, client_id, key_id, client_secret, scopes, params, return_to, changed_at
     FROM apps ORDER BY tenant, name",
);
const PUT: Statement = Statement::both(
    "INSERT INTO apps (tenant, name, provider, client_id, key_id, client_secret, scopes, params,
                       return_to, changed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now_ms())
     ON CONFLICT (tenant, name) DO UPDATE SET
         provider = EXCLUDED.provider, client_id = EXCLUDED.client_id,
         key_id = EXCLUDED.key_id, client_secret = EXCLUDED.client_secret,
         scopes = EXCLUDED.scopes, params = EXCLUDED.params, return_to = EXCLUDED.return_to,
         changed_at = EXCLUDED.changed_at",
);
const OTHERS: Statement =
    Statement::both("SELECT count(*) FROM apps WHERE tenant = $1 AND name <> $2");
const NAMES: Statement = Statement::both("SELECT name FROM apps WHERE tenant = $1");
const REMOVE: Statement = Statement::both("DELETE FROM apps WHERE tenant = $1 AND name = $2");

impl Tables {
    /// The app of this name, with its secret.
    pub async fn app(&self, tenant: &Name, name: &Name) -> Result<Option<App>, Problem> {
        let params = vec![tenant.as_str().into(), name.as_str().into()];
        let rows = self.database.query(COLUMNS_ONE, params).await?;
        match rows.first() {
            Some(row) => self.read_app(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The apps of a tenant, or of all, by tenant and name, with their secrets. An app whose secret
    /// does not open is left out and logged: it must not hinder the others.
    pub async fn apps(&self, tenant: Option<&Name>) -> Result<Vec<App>, Problem> {
        let rows = match tenant {
            Some(tenant) => self.database.query(OF_TENANT, vec![tenant.as_str().into()]).await?,
            None => self.database.query(ALL, Vec::new()).await?,
        };
        let mut apps = Vec::with_capacity(rows.len());
        for row in &rows {
            match self.read_app(row).await {
                Ok(app) => apps.push(app),
                Err(problem) => tracing::error!(code = %problem.code, "an app cannot be read"),
            }
        }
        Ok(apps)
    }

    /// The names of the apps of a tenant.
    pub(crate) async fn app_names(&self, tenant: &Name) -> Result<BTreeSet<Name>, Problem> {
        let rows = self.database.query(NAMES, vec![tenant.as_str().into()]).await?;
        let names = rows.iter().map(|row| row.text(0)?.parse().map_err(|_| unreadable("an app")));
        names.collect()
    }

    /// Makes or changes an app; `changed_at` is not looked at. Three statements.
    pub async fn put_app(&self, app: &App) -> Result<(), Problem> {
        check("client_id", &app.client_id, LONG)?;
        check_all("a scope", app.scopes.iter())?;
        check_all("an address in return_to", app.return_to.iter())?;
        check_all("the name of a parameter", app.params.keys())?;
        check_all("a parameter", app.params.values())?;
        self.check_room(OTHERS, &app.tenant, &app.name, (APPS, "apps")).await?;
        let (key_id, secret) = match &app.client_secret {
            Some(secret) => {
                // A private key has lines.
                if secret.is_empty() || secret.len() > 16 * 1024 {
                    let detail = "client_secret is 1 to 16384 bytes";
                    return Err(Problem::new(crate::Code::BadRequest, detail));
                }
                let place = app.name.as_str().as_bytes();
                let plain = secret.expose().as_bytes();
                let envelope = self.envelope();
                let sealed = envelope.seal_secret(&app.tenant, Purpose::App, place, plain).await?;
                (Value::from(sealed.key_id), Value::from(sealed.bytes))
            }
            None => (Value::Null, Value::Null),
        };
        let params = vec![
            app.tenant.as_str().into(),
            app.name.as_str().into(),
            app.provider.as_str().into(),
            app.client_id.as_str().into(),
            key_id,
            secret,
            json(&app.scopes).into(),
            json(&app.params).into(),
            json(&app.return_to).into(),
        ];
        self.database.together(vec![bump("apps"), (PUT, params)]).await?;
        Ok(())
    }

    /// Removes an app; whether there was one. Its connections are kept.
    pub async fn remove_app(&self, tenant: &Name, name: &Name) -> Result<bool, Problem> {
        let params = vec![tenant.as_str().into(), name.as_str().into()];
        let changed = self.database.together(vec![bump("apps"), (REMOVE, params)]).await?;
        Ok(changed.last() == Some(&1))
    }

    async fn read_app(&self, row: &Row) -> Result<App, Problem> {
        let damaged = || unreadable("an app");
        let tenant: Name = row.text(0)?.parse().map_err(|_| damaged())?;
        let name: Name = row.text(1)?.parse().map_err(|_| damaged())?;
        let sealed = match (row.maybe_text(4)?, row.maybe_bytes(5)?) {
            (Some(key_id), Some(bytes)) => {
                Some(Sealed { key_id: key_id.to_owned(), bytes: bytes.to_vec() })
            }
            _ => None,
        };
        let client_secret = match sealed {
            Some(sealed) => {
                let place = name.as_str().as_bytes();
                let envelope = self.envelope();
                let plain = envelope.open_secret(&tenant, Purpose::App, place, &sealed).await?;
                let text = core::str::from_utf8(&plain).map_err(|_| damaged())?;
                Some(Secret::new(text))
            }
            None => None,
        };
        Ok(App {
            provider: row.text(2)?.parse().map_err(|_| damaged())?,
            client_id: row.text(3)?.to_owned(),
            client_secret,
            scopes: serde_json::from_str(row.text(6)?).map_err(|_| damaged())?,
            params: serde_json::from_str(row.text(7)?).map_err(|_| damaged())?,
            return_to: serde_json::from_str(row.text(8)?).map_err(|_| damaged())?,
            changed_at: row.time(9)?,
            tenant,
            name,
        })
    }
}

/// Lists and maps of text as text.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("lists and maps of text have a JSON form")
}
