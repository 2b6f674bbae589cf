//! What a person has allowed a client is kept, and asked for once.

use core::time::Duration;

use super::{About, Issuer};
use crate::consent::Asked;
use crate::denied::Denied;
use crate::redirect_uri::is_native;
use crate::scopes::Scopes;
use crate::store::Unavailable;
use crate::tickets::{Ticket, TicketId};

const KIND: &str = "consent";
/// What was allowed so long ago is asked again.
const REMEMBERED: Duration = Duration::from_secs(365 * 86_400);

/// What is known without looking into any store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Nobody is asked.
    Given,
    /// Somebody is asked, whatever they said before.
    Never,
    /// It is as the person said before.
    AsBefore,
}

fn known(asked: &Asked<'_>) -> Known {
    if asked.client.first_party {
        Known::Given
    } else if asked.client.is_public() && is_native(asked.redirect_uri) {
        Known::Never
    } else {
        Known::AsBefore
    }
}

impl Issuer {
    /// Whether the person need not be asked.
    pub(crate) async fn is_consent_given(&self, asked: Asked<'_>) -> Result<bool, Denied> {
        let given = match &self.parts.pages.consent {
            Some(consent) => consent.is_given(asked).await,
            None => match known(&asked) {
                Known::Given => Ok(true),
                Known::Never => Ok(false),
                Known::AsBefore => {
                    let before = self.given_before(&asked).await;
                    before.map(|before| {
                        before.is_some_and(|(given, _)| asked.scopes.is_subset_of(&given))
                    })
                }
            },
        };
        given.map_err(|away| self.unavailable(away, About::default()))
    }

    /// The person has allowed it.
    pub(crate) async fn give_consent(&self, asked: Asked<'_>) -> Result<(), Denied> {
        let given = match &self.parts.pages.consent {
            Some(consent) => consent.give(asked).await,
            None if known(&asked) == Known::AsBefore => self.remember_consent(&asked).await,
            None => Ok(()),
        };
        given.map_err(|away| self.unavailable(away, About::default()))
    }

    /// What the person allowed before, where they were asked before.
    async fn given_before(
        &self,
        asked: &Asked<'_>,
    ) -> Result<Option<(Scopes, Ticket)>, Unavailable> {
        let ticket = self.parts.store.ticket(id(asked), self.now()).await?;
        Ok(ticket.and_then(|ticket| {
            let scopes = Scopes::parse(core::str::from_utf8(&ticket.value).ok()?).ok()?;
            Some((scopes, ticket))
        }))
    }

    async fn remember_consent(&self, asked: &Asked<'_>) -> Result<(), Unavailable> {
        let store = &self.parts.store;
        let now = self.now();
        let until = now.plus(REMEMBERED);
        // When another window is faster, one of the two asks again some day.
        match self.given_before(asked).await? {
            None => {
                let scopes = asked.scopes.to_string();
                store.insert(id(asked), scopes.as_bytes(), until, now).await?;
            }
            Some((before, kept)) => {
                let scopes = format!("{before} {}", asked.scopes);
                store.replace(id(asked), kept.version, scopes.as_bytes(), until).await?;
            }
        }
        Ok(())
    }
}

fn id(asked: &Asked<'_>) -> TicketId {
    TicketId::of(KIND, &format!("{}\0{}", asked.client.id, asked.subject))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Client;
    use unlapse_core::Secret;

    #[test]
    fn rfc8252_8_6_a_row_for_each_client() {
        let public = Client::public("app");
        let confidential = Client::confidential("web", &Secret::new("s3cret"));
        let own = Client::public("app").with_first_party();
        let rows = [
            (&public, "https://app.example/cb", Known::AsBefore),
            (&public, "http://127.0.0.1:1/cb", Known::Never),
            (&public, "com.example.app:/cb", Known::Never),
            (&confidential, "https://app.example/cb", Known::AsBefore),
            (&confidential, "http://127.0.0.1:1/cb", Known::AsBefore),
            (&own, "https://app.example/cb", Known::Given),
            (&own, "http://127.0.0.1:1/cb", Known::Given),
        ];
        for (client, redirect_uri, expected) in rows {
            let asked = Asked { subject: "ada", client, scopes: &Scopes::default(), redirect_uri };
            assert_eq!(known(&asked), expected, "{client:?} {redirect_uri}");
        }
    }
}
