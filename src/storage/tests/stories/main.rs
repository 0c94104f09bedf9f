//! Stories that every database must tell the same way: SQLite always, MySQL/MariaDB and PostgreSQL where a
//! server answers.

// Helpers of tests stand outside of `#[test]` functions, where clippy's own exception does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod aging;
mod audit;
mod bans;
mod chats;
mod contacts;
mod credentials;
mod databases;
mod guards;
mod jobs;
mod log_writer;
mod migrations;
mod profiles;
mod unread;
