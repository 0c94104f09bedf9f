//! Black-box flows. One binary, so that the harness is linked once; one file per area.

// A test fails by panicking, wherever it notices; clippy's own exception covers `#[test]` functions only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// A flow reads best in one piece.
#![allow(clippy::too_many_lines)]

mod abuse;
mod account;
mod account_refusals;
mod admin;
mod admin_access;
mod admin_command;
mod admin_refusals;
mod admin_roles;
mod avatar;
mod bans;
mod calls;
mod calls_groups;
mod calls_plain;
mod calls_sound;
mod changes;
mod chat_keys;
mod chat_members;
mod chat_roles;
mod chats;
mod cli;
mod cli_groups;
mod contacts;
mod cookies;
mod crash;
mod credentials;
mod deliveries;
mod doctor;
mod envelopes;
mod events;
mod handshake;
mod hostile_frames;
mod http;
mod ice;
mod ice_tools;
mod imported;
mod invites;
mod leaving;
mod limits;
mod mail;
mod messages;
mod once;
mod own_devices;
mod parting;
mod people;
mod presence;
mod privacy;
mod receipts;
mod repetition;
mod resume;
mod schedule;
mod second_factor;
mod sessions;
mod shutdown;
mod sync;
mod tls;
mod tokens;
