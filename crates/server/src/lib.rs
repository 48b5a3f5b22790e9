//! The server.
pub mod password;
pub mod qr;
