//! Lists cost the database the same whatever they hold.

#![allow(clippy::unwrap_used)] // a failed helper fails the test

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{World, origin};
use melo_domain::{BanKind, Banned, Role};
use melo_services::Caller;
use melo_services::bans::{self, NewBan};
use melo_services::invites::{self, NewInvite};
use melo_services::messages::{self, Change, ChangeInput, Destination, SendInput};
use melo_services::{contacts, people};
use melo_storage::history::Direction;
use serde_json::value::RawValue;

/// Entries that are added to each list between two looks.
const MORE: usize = 12;
/// Entries of a page: all there are.
const PAGE: u32 = 100;

/// Statements of each list, and how many entries it had.
async fn costs_of(world: &World, olga: Caller) -> Vec<(&'static str, u64, usize)> {
    let core = &world.core;
    let mut costs = Vec::new();
    let mut note = |list, entries| {
        let statements = world.statements.swap(0, Ordering::Relaxed);
        costs.push((list, statements, entries));
    };
    world.statements.store(0, Ordering::Relaxed);
    let blocks = people::list_blocks(core, olga, 1, PAGE).await.unwrap();
    note("blocks", blocks.blocks.len());
    let known = contacts::list(core, olga, 1, PAGE).await.unwrap();
    note("contacts", known.contacts.len());
    let invites = invites::list(core, olga, None, PAGE.into()).await.unwrap();
    note("invites", invites.len());
    let bans = bans::list(core, olga, 1, PAGE).await.unwrap();
    note("bans", bans.bans.len());
    costs
}

/// One more entry in each list.
async fn add(world: &World, olga: Caller, n: usize) {
    let (core, origin) = (&world.core, &origin());
    let friend = world.person(&format!("+799911100{n:02}")).await;
    world.befriend(olga, friend).await;
    let stranger = world.person(&format!("+799922200{n:02}")).await;
    people::block(core, olga, origin, stranger.uid)
        .await
        .unwrap();
    let invite = NewInvite {
        uses: 1,
        life: Duration::from_secs(3600),
        note: Some("for the choir".to_owned()),
    };
    invites::create(core, olga, origin, invite).await.unwrap();
    let ban = NewBan {
        banned: Banned::parse(BanKind::Address, &format!("203.0.113.{n}")).unwrap(),
        reason: "spam".to_owned(),
        expires: None,
    };
    bans::add(core, olga, origin, &ban).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_contacts_invites_and_bans_cost_the_same_with_many_as_with_one() {
    let world = World::new().await;
    let olga = world.person("+79990000001").await;
    world.promote(olga.uid, Role::Admin).await;
    add(&world, olga, 0).await;
    let few = costs_of(&world, olga).await;
    for n in 1..=MORE {
        add(&world, olga, n).await;
    }
    let many = costs_of(&world, olga).await;
    for (few, many) in few.iter().zip(&many) {
        assert_eq!((few.2, many.2), (1, 1 + MORE), "{}: entries", few.0);
        assert_eq!(few.1, many.1, "{}: statements", few.0);
        // The count, the rows and what belongs to them; for admins their standing before.
        assert!((1..=4).contains(&few.1), "{few:?}");
    }
}

/// Statements of each way to look at what was written, and how many messages it showed.
async fn histories_of(
    world: &World,
    who: Caller,
    of: Destination,
) -> Vec<(&'static str, u64, usize)> {
    let core = &world.core;
    let mut costs = Vec::new();
    let mut note = |look, messages| {
        let statements = world.statements.swap(0, Ordering::Relaxed);
        costs.push((look, statements, messages));
    };
    world.statements.store(0, Ordering::Relaxed);
    let page = messages::history(core, who, of, 1, PAGE).await.unwrap();
    note("page", page.messages.len());
    let newest = messages::history_from(core, who, of, Direction::Before(u64::MAX), PAGE);
    note("newest", newest.await.unwrap().messages.len());
    let onwards = messages::history_from(core, who, of, Direction::After(0), PAGE);
    note("from the beginning", onwards.await.unwrap().messages.len());
    costs
}

/// Messages, each edited and thought of.
async fn write(world: &World, from: Caller, by: Caller, to: Destination, back: Destination) {
    let payload = RawValue::from_string("\"text\"".to_owned()).unwrap();
    let input = SendInput {
        to,
        payload: &payload,
        client_id: None,
    };
    let sent = messages::send(&world.core, from, input).await.unwrap();
    let sent = sent.receipt.await.unwrap();
    for (who, to, change) in [
        (from, to, Change::Edit(&payload)),
        (by, back, Change::React("+1")),
    ] {
        let input = ChangeInput {
            to,
            message_id: melo_domain::MessageId {
                log: sent.log,
                seq: sent.seq,
            },
            change,
            client_id: None,
        };
        let changed = messages::change(&world.core, who, input).await.unwrap();
        changed.receipt.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_cost_the_same_with_many_messages_and_changes_as_with_one() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let (to_boris, to_anna) = (
        Destination::Person(boris.uid),
        Destination::Person(anna.uid),
    );
    write(&world, anna, boris, to_boris, to_anna).await;
    // What is remembered of the two is remembered from the first look on.
    histories_of(&world, anna, to_boris).await;
    let few = histories_of(&world, anna, to_boris).await;
    for _ in 0..MORE {
        write(&world, anna, boris, to_boris, to_anna).await;
    }
    let many = histories_of(&world, anna, to_boris).await;
    for (few, many) in few.iter().zip(&many) {
        assert_eq!((few.2, many.2), (1, 1 + MORE), "{}: messages", few.0);
        assert_eq!(few.1, many.1, "{}: statements", few.0);
        assert!((1..=6).contains(&few.1), "{few:?}");
    }
}
