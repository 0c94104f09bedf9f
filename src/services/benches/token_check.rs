//! Prints what the check of an access token costs a request on this machine, beside the signature check alone:
//! `cargo bench -p melo-services --bench token_check`.

#![allow(clippy::unwrap_used)] // a failed set-up ends the measurement

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{World, origin};
use melo_domain::Secret;
use melo_services::account;
use melo_services::tokens::{self, NewToken};

/// Checks of one token in a measurement.
const ROUNDS: u32 = 20_000;
/// Sessions that are each asked for once.
const SESSIONS: u8 = 200;

fn report(what: &str, each: Duration) {
    println!("{what:<60} {each:>10.1?}");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let login = || account::login(&world.core, World::login_input(anna.uid, 1));
    let token = login().await.unwrap().access_token;
    let personal = NewToken {
        name: "bench".to_owned(),
        scopes: "chat:read".parse().unwrap(),
        life: Duration::from_secs(3600),
    };
    let personal = tokens::create(&world.core, anna, &origin(), personal)
        .await
        .unwrap()
        .token;

    report(
        "token of a login, session known",
        repeat(&world, &token).await,
    );
    report(
        "personal token, session known",
        repeat(&world, &personal).await,
    );

    let mut fresh = Vec::new();
    for device in 2..SESSIONS {
        let input = World::login_input(anna.uid, device);
        fresh.push(
            account::login(&world.core, input)
                .await
                .unwrap()
                .access_token,
        );
    }
    let begun = Instant::now();
    for token in &fresh {
        check(&world, token).await;
    }
    let each = begun.elapsed() / u32::try_from(fresh.len()).unwrap_or(1);
    report("token of a login, session read from the database", each);
}

async fn check(world: &World, token: &Secret) {
    let caller = account::authenticate(&world.core, token.expose()).await;
    let _ = black_box(caller.unwrap());
}

async fn repeat(world: &World, token: &Secret) -> Duration {
    check(world, token).await;
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        check(world, token).await;
    }
    begun.elapsed() / ROUNDS
}
