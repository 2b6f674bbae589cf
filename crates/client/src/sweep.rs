//! Records that are good for nothing are found and removed (A4).

use std::time::Duration;

use unlapse_core::{Key, Now, Store, StoreError};

/// The keys of every record of `store` that is spent, and has been for `kept_for`
/// ([`Record::is_spent`](unlapse_core::Record::is_spent)). One that cannot be read is left out: what is
/// wrong with it is told when it is asked for.
pub async fn spent(
    store: &dyn Store,
    now: &Now,
    kept_for: Duration,
) -> Result<Vec<Key>, StoreError> {
    let mut spent = Vec::new();
    for key in store.list().await? {
        if let Ok(Some(stored)) = store.load(&key).await
            && stored.record.is_spent(now, kept_for)
        {
            spent.push(key);
        }
    }
    Ok(spent)
}

/// Removes every record of `store` that is [`spent`]. Says which, and why one could not be: somebody has
/// its lease, which is not waited for.
pub async fn sweep(
    store: &dyn Store,
    now: &Now,
    kept_for: Duration,
) -> Result<Vec<(Key, Result<(), StoreError>)>, StoreError> {
    let mut swept = Vec::new();
    for key in spent(store, now, kept_for).await? {
        match remove(store, &key, now, kept_for).await {
            Ok(false) => {}
            Ok(true) => swept.push((key, Ok(()))),
            Err(error) => swept.push((key, Err(error))),
        }
    }
    Ok(swept)
}

/// Removes a record if it is still spent under its lease.
async fn remove(
    store: &dyn Store,
    key: &Key,
    now: &Now,
    kept_for: Duration,
) -> Result<bool, StoreError> {
    let mut lease = store.lease(key, Duration::ZERO).await?;
    let stored = lease.load().await?;
    let is_spent = stored.is_some_and(|stored| stored.record.is_spent(now, kept_for));
    if is_spent {
        lease.remove().await?;
    }
    Ok(is_spent)
}
