//! Who has named the host of a request.

/// Who has named the host that a request goes to. Every request of a [`Provider`](super::Provider)
/// carries it as an extension, for whoever sends it: a descriptor is its author's word, and a value may be
/// that of somebody who is trusted with less.
///
/// In order: of several that have named parts of a host, the last here counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostFrom {
    /// The descriptor alone: its text, a default, or one of the `values` that it lists.
    Descriptor,
    /// The app's values, all of it or a part.
    Params,
    /// What is kept of the connection, all of it or a part.
    Metadata,
}
