//! `Retry-After` and `Date` (R15).

use core::time::Duration;

use unlapse_core::{Dice, Policy, UnixTime, retry};

use crate::answer::NOW;

/// A wait is what was asked for, never more than the policy allows, and never longer for who asks
/// later; a date reads back as it is written.
pub fn retry_after(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let wanted = retry::retry_after(text, NOW);
    let later = retry::retry_after(text, NOW.plus(Duration::from_secs(1)));
    assert_eq!(wanted.is_some(), later.is_some());
    assert!(later <= wanted, "a wait that grows while one waits");
    if let Ok(seconds) = text.trim().parse::<u32>()
        && !text.trim().starts_with('+')
    {
        assert_eq!(wanted, Some(Duration::from_secs(seconds.into())));
    }

    let policy = Policy::default();
    let wait = retry::delay(3, &policy, wanted, &mut Dice::new(7));
    assert!(wait <= policy.max_delay + policy.max_delay / 10, "{wait:?}");
    assert!(wanted.is_none_or(|wanted| wait >= wanted.min(policy.max_delay)));

    if let Some(at) = retry::http_date(text) {
        assert_eq!(at.as_millis() % 1000, 0);
        assert_eq!(retry::http_date(&at.to_string()), Some(at), "{at}");
        assert_eq!(wanted, Some(at.since(NOW)));
    }
    // Any point in time has a text.
    let mut millis = [0; 8];
    let length = data.len().min(8);
    millis[..length].copy_from_slice(&data[..length]);
    let at = UnixTime::from_millis(u64::from_be_bytes(millis));
    assert!(retry::http_date(&at.to_string()).is_some_and(|read| read <= at));
}
