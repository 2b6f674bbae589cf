//! Tenants.

use unlapse_store::sql::{Row, Statement};

use super::versions::bump;
use super::{Tables, unreadable};
use crate::name::Name;
use crate::problem::Problem;
use crate::tenant::{Speed, Tenant};

const ONE: Statement =
    Statement::both("SELECT name, speed, created_at FROM tenants WHERE name = $1");
const ALL: Statement = Statement::both("SELECT name, speed, created_at FROM tenants ORDER BY name");
const PUT: Statement = Statement::both(
    "INSERT INTO tenants (name, speed, created_at) VALUES ($1, $2, now_ms())
     ON CONFLICT (name) DO UPDATE SET speed = EXCLUDED.speed",
);

impl Tables {
    /// The tenant of this name.
    pub async fn tenant(&self, name: &Name) -> Result<Option<Tenant>, Problem> {
        let rows = self.database.query(ONE, vec![name.as_str().into()]).await?;
        rows.first().map(read).transpose()
    }

    /// Every tenant, by name.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Problem> {
        let rows = self.database.query(ALL, Vec::new()).await?;
        rows.iter().map(read).collect()
    }

    /// Makes a tenant, with a data key of its own, or changes how eagerly its connections are renewed.
    /// A few statements when it is new.
    pub async fn put_tenant(&self, name: &Name, speed: Speed) -> Result<(), Problem> {
        self.envelope().ready(name).await?;
        let put = (PUT, vec![name.as_str().into(), speed.as_str().into()]);
        self.database.together(vec![bump("tenants"), put]).await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<Tenant, Problem> {
    let damaged = || unreadable("a tenant");
    Ok(Tenant {
        name: row.text(0)?.parse().map_err(|_| damaged())?,
        speed: row.text(1)?.parse().map_err(|_| damaged())?,
        created_at: row.time(2)?,
    })
}
