//! The OAuth wire: requests out, replies in, as http types; no sockets.
