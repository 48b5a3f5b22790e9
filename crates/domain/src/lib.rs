//! The rules of a partner programme.
