//! Where Unlapse records rest, and how they are sealed.
