//! A store that has a record for every key, and takes no memory for it.

use std::time::Duration;

use unlapse_core::{
    BoxFuture, Grant, Holder, Key, Lease, Place, Record, Secret, Store, StoreError, Stored,
};

use crate::{ACCESS, REFRESH};

/// Makes up a record when it is read.
pub(crate) struct Shelf;

impl Store for Shelf {
    fn load<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async { Ok(Some(stored())) })
    }

    fn lease<'a>(
        &'a self,
        _: &'a Key,
        _: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        Box::pin(async { Ok(Box::new(Held) as Box<dyn Lease>) })
    }

    fn holder<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// A lease of a store that nobody else has.
struct Held;

impl Lease for Held {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(async { Ok(Some(stored())) })
    }

    fn save<'a>(&'a mut self, _: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn set_aside<'a>(&'a mut self, _: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}

fn stored() -> Stored {
    let record = Record::default().logged_in(grant('a'), unlapse::tokio::system_now());
    Stored { record, place: Place::Kept }
}

/// What a typical server grants.
pub(crate) fn grant(letter: char) -> Grant {
    let text = |length| Secret::new(letter.to_string().repeat(length));
    let mut grant = Grant::bearer(text(ACCESS));
    grant.refresh_token = Some(text(REFRESH));
    grant.expires_in = Some(Duration::from_hours(8));
    grant.token_type = Some("Bearer".to_owned());
    grant.scope = Some("repo:read".to_owned());
    grant
}
