//! The place that a request has behind one gate at a time.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Crowd, Gate, Holder, Place};

/// The place that a request has behind one gate at a time. Clones are the same: it is given back with
/// the last of them, when the request is answered or its client is gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stay(Arc<Mutex<Option<Place>>>);

impl Stay {
    /// A place behind `gate`; the one before is given back.
    pub(crate) fn enter(&self, gate: &Gate, holder: Holder) -> Result<(), Crowd> {
        let place = gate.enter(holder)?;
        self.put(place);
        Ok(())
    }

    /// The same for whoever has a place already.
    pub(crate) fn pass(&self, gate: &Gate) -> Result<(), Crowd> {
        let holder = {
            let place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            place.as_ref().map(|place| place.holder().clone())
        };
        holder.map_or(Ok(()), |holder| self.enter(gate, holder))
    }

    /// The same, where the place is had already.
    pub(crate) fn put(&self, place: Place) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_place_at_a_time_until_it_is_over() {
        let (one, other) = (Gate::new(1), Gate::new(1));
        let holder = || Holder::Operator;
        let is_free = |gate: &Gate| gate.enter(holder()).is_ok();
        let stay = Stay::default();
        assert_eq!(stay.pass(&one), Ok(()), "whoever has none gets none");
        assert!(is_free(&one));
        stay.enter(&one, holder()).expect("room");
        assert!(!is_free(&one));
        stay.pass(&other).expect("room");
        assert!(is_free(&one) && !is_free(&other));
        let taken = one.enter(holder()).expect("room");
        assert_eq!(stay.pass(&one), Err(Crowd::Everybody));
        assert!(!is_free(&other), "it stays where it was");
        drop(taken);
        let clone = stay.clone();
        drop(stay);
        assert!(!is_free(&other));
        drop(clone);
        assert!(is_free(&other));
    }
}
