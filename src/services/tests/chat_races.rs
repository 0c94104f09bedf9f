//! Changes of one chat at once, on every database there is: whoever is second is judged by what the first has done, and
//! the log has no gap.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a failed helper fails the test

mod common;
#[allow(dead_code)] // the stories of the layer below use all of it
#[path = "../../storage/tests/stories/databases.rs"]
mod databases;

use std::sync::Arc;
use std::time::Duration;

use common::{World, origin};
use melo_domain::{ChatRole, LogId, LogKind, Uid};
use melo_services::chats::{self, Addition, ChatError, Entry, NewChat};
use melo_services::messages::{self, Destination, SendInput};
use melo_services::{Caller, ChatLimits, Policy, Window};
use melo_storage::{chat_members, chats as rows, events};
use serde_json::value::RawValue;
use tokio::task::JoinSet;

/// With room for everybody to register from one address.
fn policy(chats: ChatLimits) -> Policy {
    let usual = Policy::default();
    Policy {
        open_calls: Window {
            count: 10_000,
            ..usual.open_calls
        },
        chats,
        ..usual
    }
}

fn new_chat() -> NewChat {
    NewChat {
        kind: LogKind::Group,
        title: "Choir practice".parse().unwrap(),
        description: None,
        is_public: false,
        members: Vec::new(),
    }
}

async fn people(world: &World, count: usize) -> Vec<Caller> {
    let mut all = Vec::with_capacity(count);
    for n in 0..count {
        all.push(world.person(&format!("+7999100{n:04}")).await);
    }
    all
}

/// A chat of the first, with the others in it.
async fn chat_of(world: &World, people: &[Caller]) -> LogId {
    let made = chats::create(&world.core, people[0], &origin(), &new_chat()).await;
    let log = made.unwrap().log;
    if people.len() > 1 {
        let code = invite(world, people[0], log, None).await;
        for member in &people[1..] {
            chats::join(&world.core, *member, &code).await.unwrap();
        }
    }
    log
}

async fn invite(world: &World, by: Caller, log: LogId, uses: Option<u32>) -> String {
    let life = Duration::from_secs(3600);
    let made = chats::create_invite(&world.core, by, &origin(), log, life, uses).await;
    made.unwrap().code.expose().to_owned()
}

async fn roles(world: &World, log: LogId) -> Vec<(Uid, ChatRole)> {
    let members = chat_members::all(world.store.db.read(), log).await.unwrap();
    members.iter().map(|m| (m.uid, m.role)).collect()
}

/// One owner, and the chat's row says the same.
async fn check_owner(world: &World, log: LogId, name: &str) -> Uid {
    let owners: Vec<Uid> = roles(world, log)
        .await
        .into_iter()
        .filter_map(|(uid, role)| (role == ChatRole::Owner).then_some(uid))
        .collect();
    let chat = rows::find(world.store.db.read(), &world.store.keys, log).await;
    assert_eq!(owners, [chat.unwrap().unwrap().owner], "{name}");
    owners[0]
}

async fn check_log(world: &World, log: LogId, name: &str) {
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    let page = events::after(db, keys, log, 0, 10_000, usize::MAX)
        .await
        .unwrap();
    let seqs: Vec<u64> = page.events.iter().map(|event| event.seq).collect();
    let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, expected, "{name}: a log without gaps");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_joins_with_one_use_exactly_one_is_let_in() {
    for database in databases::all().await {
        let name = database.name;
        let world = World::on(database.db.clone(), policy(ChatLimits::default())).await;
        let everybody = people(&world, 21).await;
        let log = chat_of(&world, &everybody[..1]).await;
        let code = invite(&world, everybody[0], log, Some(1)).await;
        let mut joins = JoinSet::new();
        for n in 0..100 {
            let (core, code) = (Arc::clone(&world.core), code.clone());
            let who = everybody[1 + n % 20];
            joins.spawn(async move { (who.uid, chats::join(&core, who, &code).await) });
        }
        let mut winners = Vec::new();
        for (uid, done) in joins.join_all().await {
            match done {
                Ok((_, entry)) => {
                    assert_eq!(entry, Entry::Joined);
                    winners.push(uid);
                }
                Err(error) => assert!(
                    matches!(error, ChatError::InviteInvalid),
                    "{name}: {error:?}"
                ),
            }
        }
        winners.dedup();
        winners.sort_unstable();
        winners.dedup();
        assert_eq!(winners.len(), 1, "{name}: {winners:?}");
        assert_eq!(roles(&world, log).await.len(), 2, "{name}");
        check_log(&world, log, name).await;
        drop(world);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_up_to_the_limit_and_messages_are_written_meanwhile() {
    for database in databases::all().await {
        let name = database.name;
        let limits = ChatLimits {
            group_members: 5,
            ..ChatLimits::default()
        };
        let world = World::on(database.db.clone(), policy(limits)).await;
        let everybody = people(&world, 16).await;
        let log = chat_of(&world, &everybody[..1]).await;
        let code = invite(&world, everybody[0], log, None).await;
        let mut joins = JoinSet::new();
        for who in everybody[1..].iter().copied() {
            let (core, code) = (Arc::clone(&world.core), code.clone());
            joins.spawn(async move { chats::join(&core, who, &code).await });
        }
        let mut writing = JoinSet::new();
        for n in 0..20 {
            let (core, owner) = (Arc::clone(&world.core), everybody[0]);
            writing.spawn(async move {
                let payload = RawValue::from_string(format!("\"text {n}\"")).unwrap();
                let input = SendInput {
                    to: Destination::Chat(log),
                    payload: &payload,
                    client_id: None,
                };
                let sent = messages::send(&core, owner, input).await.unwrap();
                sent.receipt.await.unwrap()
            });
        }
        let done = joins.join_all().await;
        let full = |e: &ChatError| matches!(e, ChatError::LimitReached(_));
        assert!(
            done.iter().all(|d| d.as_ref().err().is_none_or(full)),
            "{name}: {done:?}"
        );
        assert_eq!(done.iter().filter(|d| d.is_ok()).count(), 4, "{name}");
        assert_eq!(roles(&world, log).await.len(), 5, "{name}");
        writing.join_all().await;
        check_log(&world, log, name).await;
        drop(world);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_transfers_wins_and_a_removal_and_a_role_do_not_cross() {
    for database in databases::all().await {
        let name = database.name;
        let world = World::on(database.db.clone(), policy(ChatLimits::default())).await;
        let all = people(&world, 4).await;
        let log = chat_of(&world, &all).await;
        let (anna, boris, clara, dora) = (all[0], all[1], all[2], all[3]);
        let mut transfers = JoinSet::new();
        for heir in [boris.uid, clara.uid] {
            let core = Arc::clone(&world.core);
            transfers.spawn(async move {
                chats::transfer(&core, anna, &origin(), log, heir)
                    .await
                    .map(|()| heir)
            });
        }
        let done = transfers.join_all().await;
        let won: Vec<Uid> = done
            .iter()
            .filter_map(|d| d.as_ref().ok().copied())
            .collect();
        assert_eq!(won.len(), 1, "{name}: {done:?}");
        let lost = done.iter().find_map(|d| d.as_ref().err());
        assert!(
            matches!(lost, Some(ChatError::Forbidden)),
            "{name}: {lost:?}"
        );
        assert_eq!(check_owner(&world, log, name).await, won[0]);

        // A member is made an admin and taken out at the same moment: whatever comes first, they are out.
        let owner = if won[0] == boris.uid { boris } else { clara };
        let (core, other) = (Arc::clone(&world.core), Arc::clone(&world.core));
        let ranked = tokio::spawn(async move {
            chats::set_role(&core, owner, &origin(), log, dora.uid, ChatRole::Admin).await
        });
        let removed = tokio::spawn(async move {
            chats::remove_member(&other, owner, &origin(), log, dora.uid).await
        });
        let (ranked, removed) = (ranked.await.unwrap(), removed.await.unwrap());
        assert!(removed.is_ok(), "{name}: {removed:?}");
        assert!(
            matches!(ranked, Ok(()) | Err(ChatError::NotFound)),
            "{name}: {ranked:?}"
        );
        assert!(
            !roles(&world, log)
                .await
                .iter()
                .any(|(uid, _)| *uid == dora.uid)
        );
        check_log(&world, log, name).await;
        drop(world);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_added_and_banned_at_once_is_out() {
    for database in databases::all().await {
        let name = database.name;
        let world = World::on(database.db.clone(), policy(ChatLimits::default())).await;
        let all = people(&world, 3).await;
        let log = chat_of(&world, &all[..2]).await;
        let (anna, boris, clara) = (all[0], all[1], all[2]);
        chats::set_role(
            &world.core,
            anna,
            &origin(),
            log,
            boris.uid,
            ChatRole::Admin,
        )
        .await
        .unwrap();
        world.befriend(anna, clara).await;
        for _ in 0..5 {
            let (core, other) = (Arc::clone(&world.core), Arc::clone(&world.core));
            let added =
                tokio::spawn(async move { chats::add_member(&core, anna, log, clara.uid).await });
            let banned =
                tokio::spawn(
                    async move { chats::ban(&other, boris, &origin(), log, clara.uid).await },
                );
            let (added, banned) = (added.await.unwrap(), banned.await.unwrap());
            assert!(
                matches!(added, Ok(Addition::Added) | Err(ChatError::Banned)),
                "{name}: {added:?}"
            );
            assert!(banned.is_ok(), "{name}: {banned:?}");
            assert!(
                !roles(&world, log)
                    .await
                    .iter()
                    .any(|(uid, _)| *uid == clara.uid)
            );
            chats::lift_ban(&world.core, anna, &origin(), log, clara.uid)
                .await
                .unwrap();
        }
        check_log(&world, log, name).await;
        drop(world);
        database.remove().await;
    }
}
