//! Bodies that can be sent again.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{Empty, Full};

/// How the bodies of one type are copied, if that is known.
#[derive(Clone, Default)]
pub(crate) struct Copies(Option<Arc<dyn Any + Send + Sync>>);

/// A body's copy, unless it can be sent only once.
type Copy<B> = fn(&B) -> Option<B>;

impl Copies {
    /// As `copy` says.
    pub(crate) fn by<B: 'static>(copy: Copy<B>) -> Self {
        Self(Some(Arc::new(copy)))
    }

    /// A copy of `body`, to be sent if it comes to that.
    pub(crate) fn of<B: 'static>(&self, body: &B) -> Option<B> {
        let told = self.0.as_ref().and_then(|copy| copy.downcast_ref::<Copy<B>>());
        if let Some(copy) = told {
            return copy(body);
        }
        let body: &dyn Any = body;
        known::<Full<Bytes>, B>(body)
            .or_else(|| known::<Empty<Bytes>, B>(body))
            .or_else(|| known::<Bytes, B>(body))
            .or_else(|| known::<String, B>(body))
            .or_else(|| known::<&'static str, B>(body))
            .or_else(|| known::<Vec<u8>, B>(body))
            .or_else(|| known::<(), B>(body))
    }
}

/// A copy, if the body is a `K`: whether a type can be cloned is not to be asked, but which it is.
fn known<K: Clone + 'static, B: 'static>(body: &dyn Any) -> Option<B> {
    let mut copy = Some(body.downcast_ref::<K>()?.clone());
    (&mut copy as &mut dyn Any).downcast_mut::<Option<B>>()?.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Own(u8);

    #[test]
    fn r13_a_row_for_each_body_that_can_be_sent_again() {
        let copies = Copies::default();
        let bytes = Bytes::from_static(b"body");
        assert_eq!(copies.of(&bytes), Some(bytes.clone()));
        assert!(copies.of(&Full::new(bytes)).is_some());
        assert!(copies.of(&Empty::<Bytes>::new()).is_some());
        assert_eq!(copies.of(&"body".to_owned()), Some("body".to_owned()));
        assert_eq!(copies.of(&"body"), Some("body"));
        assert_eq!(copies.of(&b"body".to_vec()), Some(b"body".to_vec()));
        assert_eq!(copies.of(&()), Some(()));
        assert_eq!(copies.of(&Own(1)), None, "nobody knows what it does");
    }

    #[test]
    fn r13_what_is_said_of_a_type_counts_for_that_type_alone() {
        let copies = Copies::by(|body: &Own| (body.0 > 0).then(|| body.clone()));
        assert_eq!(copies.of(&Own(1)), Some(Own(1)));
        assert_eq!(copies.of(&Own(0)), None);
        assert_eq!(copies.of(&"body"), Some("body"));
        let never = Copies::by(|_: &String| None);
        assert_eq!(never.of(&String::new()), None);
    }
}
