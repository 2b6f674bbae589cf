//! `unlapse broker tenants`

use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Run;
use super::shown::{data, done, list, table, text};
use crate::args::TenantsCommand;
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

pub(super) fn run(run: &Run<'_>, command: &TenantsCommand) -> Result<Exit, Diagnosis> {
    let client = run.client()?;
    block_on(async {
        match command {
            TenantsCommand::List => {
                let tenants = client.ask(Method::GET, &["tenants"], &[], None).await?;
                data(run, &tenants, told);
            }
            TenantsCommand::Add { name, speed } => {
                let body = Zeroizing::new(json!({ "speed": speed }).to_string().into_bytes());
                let path = ["tenants", name.as_str()];
                let tenant = client.ask(Method::PUT, &path, &[], Some(body)).await?;
                done(run, &tenant, &format!("the tenant {name} is there, and is renewed {speed}"));
            }
        }
        Ok(Exit::Ok)
    })
}

fn told(tenants: &Value) -> String {
    let row = |tenant| ["name", "speed", "created_at"].map(|member| text(tenant, member));
    let rows: Vec<_> = list(tenants, "tenants").iter().map(row).collect();
    table(["TENANT", "SPEED", "SINCE"], &rows)
}
