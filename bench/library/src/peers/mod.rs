//! The contenders: ours, other libraries, and two ways to write it by hand.

pub(crate) mod aws;
pub(crate) mod azure;
pub(crate) mod by_hand;
pub(crate) mod golang;
pub(crate) mod huskarl;
pub(crate) mod object_store;
pub(crate) mod ours;
pub(crate) mod yup;
