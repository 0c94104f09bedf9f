//! Sessions: each is one login, or one personal access token.

mod end;

pub(crate) use end::{end, tell};
