//! Records that are good for nothing are removed (A4).

use std::time::Duration;

use unlapse_core::{Key, Now, Store, StoreError};

/// Removes every record of `store` that is spent, and has been for `kept_for`
/// ([`Record::is_spent`](unlapse_core::Record::is_spent)). Says which, and which could not be.
///
/// Nothing that is in use is waited for or read twice: a record whose lease somebody has is left to the
/// next sweep, and so is one that cannot be read.
pub async fn sweep(
    store: &dyn Store,
    now: &Now,
    kept_for: Duration,
) -> Result<Vec<(Key, Result<(), StoreError>)>, StoreError> {
    let mut swept = Vec::new();
    for key in store.list().await? {
        let spent = store.load(&key).await;
        let is_spent = matches!(&spent, Ok(Some(stored)) if stored.record.is_spent(now, kept_for));
        if !is_spent {
            continue;
        }
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
