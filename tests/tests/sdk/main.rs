//! The SDK against a real server: what people do with it, and what they can and cannot read.

// A test fails by panicking, wherever it notices; clippy's own exception covers `#[test]` functions only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// A flow reads best in one piece.
#![allow(clippy::too_many_lines)]

mod calls;
mod groups;
mod phone;
mod someone;
