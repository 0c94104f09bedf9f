//! The whole server against a simple reference model: people with several devices write to each other and to chats,
//! change and delete what they wrote, come and go, lose their connections, send everything twice, while the server is
//! killed again and again. In the end each acknowledged event must be there exactly once, in order, on every device
//! of every member, and none on those who were removed before it.
//!
//! `MELO_MODEL_ROUNDS` makes it longer (12 by default), `MELO_MODEL_SEED` repeats a run.

// Helpers of tests stand outside of `#[test]` functions, where clippy's own exception does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chance;
mod check;
mod client;
mod world;

use chance::Chance;
use world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_event_is_everywhere_exactly_once() {
    let rounds = number("MELO_MODEL_ROUNDS").unwrap_or(12);
    let seed = number("MELO_MODEL_SEED").unwrap_or_else(chance::any_seed);
    eprintln!("MELO_MODEL_SEED={seed} MELO_MODEL_ROUNDS={rounds}");
    let mut world = World::begin(Chance::new(seed)).await;
    for round in 1..=rounds {
        world.round().await;
        if round % 4 == 0 || round == rounds {
            world.settle().await;
            check::all(&world);
        }
    }
    let told = world.told();
    eprintln!("{told}");
    assert!(world.did_something(), "the run was empty: {told}");
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a number")),
    )
}
