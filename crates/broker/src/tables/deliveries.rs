//! Events on their way to webhooks. As with renewals, a row is the job: whoever takes one pushes its
//! due time ahead, and what a node that died had taken comes due again.

use core::time::Duration;

use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Statement, Value};

use super::apps::json;
use super::events::{Event, read};
use super::limits::page;
use super::{Tables, unreadable};
use crate::millis::millis;
use crate::name::Name;
use crate::problem::Problem;
use crate::tables::Webhook;

/// An event that this node is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Names it, for every attempt (`webhook-id`).
    pub id: i64,
    /// What is sent.
    pub event: Event,
    /// Where to.
    pub webhook: Webhook,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// How a delivery stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryState {
    /// Names it.
    pub id: i64,
    /// The number of its event.
    pub event: i64,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next one is; `None`: it was given up.
    pub due_at: Option<UnixTime>,
    /// Why the last one failed.
    pub problem: Option<String>,
}

/// How long a node may take for those that it has taken.
const TAKEN_FOR: Duration = Duration::from_secs(60);

/// Nobody waits for a webhook that has not answered for so long: three days.
const GIVEN_UP_AFTER_MS: u64 = 3 * super::usage::DAY;

const TAKE: Statement = Statement::each(
    "UPDATE deliveries SET due_at = now_ms() + $2, attempt = attempt + 1
     WHERE id IN (SELECT id FROM deliveries
                  WHERE due_at <= now_ms()
                    AND tenant || '/' || webhook NOT IN (SELECT value FROM json_each($3))
                  ORDER BY due_at LIMIT $1)
     RETURNING id, attempt",
    "UPDATE deliveries SET due_at = now_ms() + $2, attempt = attempt + 1
     WHERE id IN (SELECT id FROM deliveries
                  WHERE due_at <= now_ms()
                    AND (tenant || '/' || webhook) COLLATE \"C\" NOT IN
                        (SELECT value FROM json_array_elements_text($3::text::json) AS crowded (value))
                  ORDER BY due_at LIMIT $1
                  FOR UPDATE SKIP LOCKED)
     RETURNING id, attempt",
);
const EVENTS: Statement = Statement::each(
    "SELECT e.id, e.at, e.tenant, e.kind, e.user_name, e.provider, e.account, e.code,
            d.id, d.attempt, d.webhook
     FROM deliveries d JOIN events e ON e.id = d.event
     WHERE d.id IN (SELECT value FROM json_each($1)) ORDER BY d.id",
    "SELECT e.id, e.at, e.tenant, e.kind, e.user_name, e.provider, e.account, e.code,
            d.id, d.attempt, d.webhook
     FROM deliveries d JOIN events e ON e.id = d.event
     WHERE d.id IN (SELECT value::bigint FROM json_array_elements_text($1::text::json) AS ids (value))
     ORDER BY d.id",
);
/// Both say which attempt they are about: one whose node was too slow changes nothing.
const DONE: Statement = Statement::both("DELETE FROM deliveries WHERE id = $1 AND attempt = $2");
const LATER: Statement = Statement::both(
    "UPDATE deliveries SET problem = $4,
         due_at = CASE WHEN created_at + $5 <= now_ms() THEN NULL ELSE now_ms() + $3 END
     WHERE id = $1 AND attempt = $2 AND due_at IS NOT NULL",
);
/// What was taken and not sent: it was no attempt.
const GIVE_BACK: Statement = Statement::each(
    "UPDATE deliveries SET due_at = now_ms() + $2, attempt = attempt - 1
     WHERE due_at IS NOT NULL AND id IN (SELECT value FROM json_each($1))",
    "UPDATE deliveries SET due_at = now_ms() + $2, attempt = attempt - 1
     WHERE due_at IS NOT NULL AND id IN
         (SELECT value::bigint FROM json_array_elements_text($1::text::json) AS ids (value))",
);
const OF: Statement = Statement::both(
    "SELECT id, event, attempt, due_at, problem FROM deliveries
     WHERE tenant = $1 AND webhook = $2 ORDER BY id DESC LIMIT $3",
);

impl Tables {
    /// Takes up to `limit` deliveries that are due, for a minute, and none to the webhooks that are
    /// `full`, named as [`Webhook::place`] does. Three statements and one for each
    /// webhook, or one when none is due. One whose webhook cannot be read comes due again.
    pub async fn take_deliveries(
        &self,
        limit: usize,
        full: &[String],
    ) -> Result<Vec<Delivery>, Problem> {
        let taken_for = millis(TAKEN_FOR);
        let params = vec![page(limit.min(100)).into(), taken_for.into(), json(&full).into()];
        let rows = self.database.query(TAKE, params).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = rows.iter().map(|row| row.int(0)).collect::<Result<_, _>>()?;
        let rows = self.database.query(EVENTS, vec![json(&ids).into()]).await?;
        let mut webhooks: Vec<Webhook> = Vec::new();
        let mut deliveries = Vec::with_capacity(rows.len());
        for row in &rows {
            let event = read(row)?;
            let name: Name = row.text(10)?.parse().map_err(|_| unreadable("a delivery"))?;
            let tenant = &event.what.id.tenant;
            let is_it = |known: &&Webhook| known.tenant == *tenant && known.name == name;
            let webhook = match webhooks.iter().find(is_it) {
                Some(known) => known.clone(),
                None => match self.webhook(tenant, &name).await {
                    Ok(Some(webhook)) => {
                        webhooks.push(webhook.clone());
                        webhook
                    }
                    Ok(None) => continue,
                    Err(problem) => {
                        tracing::error!(code = %problem.code, %tenant, webhook = %name, "a webhook cannot be read");
                        continue;
                    }
                },
            };
            let attempt = row.int(9)?.try_into().unwrap_or(u32::MAX);
            deliveries.push(Delivery { id: row.int(8)?, event, webhook, attempt });
        }
        Ok(deliveries)
    }

    /// Gives back what was taken a moment ago and not sent: it comes due again after `wait`, and no
    /// attempt was made.
    pub async fn give_back(&self, deliveries: &[i64], wait: Duration) -> Result<(), Problem> {
        let params = vec![json(&deliveries).into(), millis(wait).min(GIVEN_UP_AFTER_MS).into()];
        self.database.execute(GIVE_BACK, params).await?;
        Ok(())
    }

    /// It has arrived.
    pub async fn delivered(&self, delivery: &Delivery) -> Result<(), Problem> {
        let params = vec![delivery.id.into(), delivery.attempt.into()];
        self.database.execute(DONE, params).await?;
        Ok(())
    }

    /// It has not: the next attempt is after `wait`, or never when it was tried for three days.
    /// `problem` is for people, and cut to 64 letters.
    pub async fn deliver_later(
        &self,
        delivery: &Delivery,
        wait: Duration,
        problem: &str,
    ) -> Result<(), Problem> {
        let problem: String =
            problem.chars().filter(|letter| !letter.is_control()).take(64).collect();
        let params: Vec<Value> = vec![
            delivery.id.into(),
            delivery.attempt.into(),
            millis(wait).min(GIVEN_UP_AFTER_MS).into(),
            problem.into(),
            GIVEN_UP_AFTER_MS.into(),
        ];
        self.database.execute(LATER, params).await?;
        Ok(())
    }

    /// What is on its way to a webhook, or was given up, the newest first.
    pub async fn deliveries(
        &self,
        tenant: &Name,
        webhook: &Name,
        limit: usize,
    ) -> Result<Vec<DeliveryState>, Problem> {
        let params = vec![tenant.as_str().into(), webhook.as_str().into(), page(limit).into()];
        let rows = self.database.query(OF, params).await?;
        let states = rows.iter().map(|row| {
            Ok(DeliveryState {
                id: row.int(0)?,
                event: row.int(1)?,
                attempts: row.int(2)?.try_into().unwrap_or(u32::MAX),
                due_at: row.maybe_time(3)?,
                problem: row.maybe_text(4)?.map(str::to_owned),
            })
        });
        states.collect()
    }
}
