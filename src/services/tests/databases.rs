//! What databases do differently when many want the same row at once, and callers must not notice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a failed helper fails the test

mod common;
#[allow(dead_code)] // the stories of the layer below use all of it
#[path = "../../storage/tests/stories/databases.rs"]
mod databases;

use std::sync::Arc;

use common::{World, origin};
use melo_domain::{Language, Phone, RegistrationMode};
use melo_services::outgoing::Channels;
use melo_services::{Policy, Window, credentials, queue};
use tokio::task::JoinSet;

/// As many codes as one phone may be sent in an hour.
const AT_ONCE: u64 = 5;
/// Fewer than one address may ask for in an hour.
const PHONES: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_are_asked_for_at_once_are_all_answered() {
    for database in databases::all().await {
        let policy = Policy::default();
        let world = World::on(
            database.db.clone(),
            Policy {
                registration: RegistrationMode::Verified,
                channels: Channels {
                    sms: true,
                    mail: false,
                },
                open_calls: Window {
                    count: 10_000,
                    ..policy.open_calls
                },
                ..policy
            },
        );
        let world = world.await;
        for n in 0..PHONES {
            let mut calls = JoinSet::new();
            for _ in 0..AT_ONCE {
                let core = Arc::clone(&world.core);
                let phone: Phone = format!("+7999000000{n}").parse().unwrap();
                calls.spawn(async move {
                    let (origin, language) = (origin(), Language::English);
                    credentials::request_code(&core, &origin, &phone, language).await
                });
            }
            for answer in calls.join_all().await {
                assert!(answer.is_ok(), "{}, {n}: {answer:?}", database.name);
            }
            // At least one is on its way to each phone.
            let waiting = queue::counts(&world.core).await.unwrap().waiting;
            assert!(waiting > n, "{}, {n}: {waiting}", database.name);
        }
        drop(world);
        database.remove().await;
    }
}
