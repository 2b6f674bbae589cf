//! A schema of a server, and the connections to it.

use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut};
use tokio_postgres::{Config, Row as ServerRow};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::bad_server::BadServer;
use super::connections::Connections;
use super::migrations::migrate;
use super::place::Place;
use super::tls::tls;
use crate::sql::{Away, Options, Row, Statement, Step, Value};

/// `now_ms()`: when the statement began. An index can be searched with it.
const CLOCK: &str = "CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE \
     AS $$ SELECT floor(date_part('epoch', statement_timestamp()) * 1000)::bigint $$";

/// A server, as one schema of it is used.
pub(crate) struct Server {
    pub(crate) connections: Connections,
    config: Config,
    tls: MakeRustlsConnect,
    schema: &'static str,
}

impl Server {
    pub(crate) async fn connect(url: &str, options: Options) -> Result<Self, BadServer> {
        let mut place = Place::parse(url)?;
        let tls = tls(&place)?;
        place.config.connect_timeout(options.connect);
        if place.config.get_application_name().is_none() {
            place.config.application_name(options.application);
        }
        let connections = Connections::new(place.config.clone(), tls.clone(), &options)?;
        let server = Self { connections, config: place.config, tls, schema: options.schema };
        migrate(&server.config, &server.tls, server.schema, "migrations", &[CLOCK]).await?;
        Ok(server)
    }

    pub(crate) async fn migrate(&self, part: &str, steps: &[Step]) -> Result<(), BadServer> {
        let steps: Vec<_> = steps.iter().map(|step| step.postgres).collect();
        let ledger = format!("{part}_migrations");
        migrate(&self.config, &self.tls, self.schema, &ledger, &steps).await
    }

    pub(crate) async fn query(
        &self,
        statement: Statement,
        params: &[Value],
    ) -> Result<Vec<Row>, Away> {
        let rows = self.connections.query(statement.postgres, &dynamic(params)).await?;
        rows.iter().map(row).collect()
    }

    pub(crate) async fn execute(
        &self,
        statement: Statement,
        params: &[Value],
    ) -> Result<u64, Away> {
        self.connections.execute(statement.postgres, &dynamic(params)).await
    }

    pub(crate) async fn together(
        &self,
        statements: &[(Statement, Vec<Value>)],
    ) -> Result<Vec<u64>, Away> {
        let params: Vec<_> = statements.iter().map(|(_, params)| dynamic(params)).collect();
        let all: Vec<_> = statements
            .iter()
            .zip(&params)
            .map(|((statement, _), params)| (statement.postgres, &params[..]))
            .collect();
        self.connections.together(&all).await
    }
}

fn dynamic(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// A row in our types.
pub(crate) fn row(row: &ServerRow) -> Result<Row, Away> {
    let misread = |_| Away::misread("a column that cannot be read");
    let columns = row.columns().iter().enumerate().map(|(nth, column)| {
        let value = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(nth).map(Value::from),
            Type::INT4 => row.try_get::<_, Option<i32>>(nth).map(|n| n.map(i64::from).into()),
            Type::BOOL => row.try_get::<_, Option<bool>>(nth).map(Value::from),
            Type::TEXT | Type::VARCHAR | Type::NAME => {
                row.try_get::<_, Option<String>>(nth).map(Value::from)
            }
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(nth).map(Value::from),
            _ => return Err(Away::misread("a column that is no bigint, text or bytea")),
        };
        value.map_err(misread)
    });
    columns.collect::<Result<_, _>>().map(Row)
}

impl ToSql for Value {
    fn to_sql(
        &self,
        r#type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn core::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql_checked(r#type, out),
            Self::Text(text) => text.to_sql_checked(r#type, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(r#type, out),
        }
    }

    /// Asked without the value: each says for itself.
    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}
