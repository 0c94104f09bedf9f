//! Groups and channels: their messages are read by whoever is in them at the time, on all devices, and by nobody else.

use std::sync::Arc;
use std::time::Duration;

use melo_client::ClientError;
use melo_client::client::{Body, Changed, ChatNews, Event, Message, Refusal, SendError};
use melo_client::keystore::{ChatKind, Role, Target};
use melo_client::rest::chats::Part;
use melo_domain::{ChatRole, Clock, LogId, ManualClock, SystemClock, Uid};
use melo_protocol::ErrorCode;
use melo_tests::Server;

use crate::someone::Someone;

/// The texts of messages.
fn texts(messages: &[Message]) -> Vec<String> {
    let text = |message: &Message| match &message.body {
        Body::Text { written, .. } => written.text.clone(),
        other => format!("{other:?}"),
    };
    messages.iter().map(text).collect()
}

async fn history(of: &Someone, chat: LogId) -> Vec<String> {
    let part = of.client.chat_history(chat, Part::Newest, 100).await;
    texts(&part.unwrap())
}

/// A group of these people, who are contacts of the first.
async fn group(kind: ChatKind, people: &[&Someone]) -> LogId {
    let owner = people[0];
    for other in &people[1..] {
        owner.befriend(other).await;
    }
    let others: Vec<Uid> = people[1..].iter().map(|p| p.uid()).collect();
    let made = owner.client.create_chat("Walks", kind, None, &others).await;
    let made = made.unwrap();
    assert_eq!(made.invited, [], "contacts are in it at once");
    made.chat_id.0
}

fn joined(uid: Uid) -> impl FnMut(ChatNews) -> Option<()> {
    move |news| matches!(news, ChatNews::Joined { user, .. } if user == uid).then_some(())
}

fn left(uid: Uid) -> impl FnMut(ChatNews) -> Option<()> {
    move |news| matches!(news, ChatNews::Left { user, .. } if user == uid).then_some(())
}

#[tokio::test]
async fn whoever_is_in_a_group_reads_it_and_nobody_else() {
    let server = Server::start().await;
    let (anna, boris, cora) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
        Someone::join(&server, "Cora").await,
    );
    let chat = group(ChatKind::Group, &[&anna, &boris, &cora]).await;
    let here = Target::chat(chat);
    let (mut annas, mut boriss, mut coras) = (
        anna.online().await,
        boris.online().await,
        cora.online().await,
    );

    // The first message brings the key with it, for everybody.
    let first = annas.live.send(here, "one").await.unwrap();
    annas.queued(first).await;
    boriss.hears(chat, anna.uid(), "one").await;
    coras.hears(chat, anna.uid(), "one").await;
    // Others write under the same key.
    boriss.live.send(here, "two").await.unwrap();
    annas.hears(chat, boris.uid(), "two").await;
    coras.hears(chat, boris.uid(), "two").await;
    let keys = |of: &Someone| of.client.remembered_chat(chat).unwrap().key_count();
    assert_eq!((keys(&anna), keys(&boris), keys(&cora)), (1, 1, 1));

    // A new device of a member reads and writes from then on.
    let laptop = boris.another_device(&server).await;
    let mut laptops = laptop.online().await;
    annas.live.send(here, "three").await.unwrap();
    boriss.hears(chat, anna.uid(), "three").await;
    coras.hears(chat, anna.uid(), "three").await;
    laptops.hears(chat, anna.uid(), "three").await;
    laptops.live.send(here, "four").await.unwrap();
    annas.hears(chat, boris.uid(), "four").await;
    boriss.hears(chat, boris.uid(), "four").await;
    coras.hears(chat, boris.uid(), "four").await;
    assert_eq!((keys(&laptop), keys(&boris)), (1, 1), "of one key");

    // Who is taken out hears no more, and the key is another one.
    anna.client.remove_member(chat, cora.uid()).await.unwrap();
    annas.news(left(cora.uid())).await;
    boriss.news(left(cora.uid())).await;
    coras.news(left(cora.uid())).await;
    boriss.live.send(here, "five").await.unwrap();
    annas.hears(chat, boris.uid(), "five").await;
    laptops.hears(chat, boris.uid(), "five").await;
    assert_eq!((keys(&anna), keys(&laptop), keys(&cora)), (2, 2, 1));
    let refused = cora.client.chat_history(chat, Part::Newest, 100).await;
    assert!(matches!(refused, Err(ClientError::NotAMember(id)) if id == chat));
    let sent = cora.client.send(here, "still here?").await;
    assert!(matches!(sent, Err(ClientError::NotAMember(id)) if id == chat));

    // Who comes in reads from then on, and nothing from before.
    let dora = Someone::join(&server, "Dora").await;
    let invite = anna
        .client
        .create_invite(chat, None, Some(1))
        .await
        .unwrap();
    dora.client.join_chat(&invite.code).await.unwrap();
    annas.news(joined(dora.uid())).await;
    let mut doras = dora.online().await;
    annas.live.send(here, "six").await.unwrap();
    doras.hears(chat, anna.uid(), "six").await;
    boriss.hears(chat, anna.uid(), "six").await;
    assert_eq!(history(&dora, chat).await, ["six"]);
    let all = ["one", "two", "three", "four", "five", "six"];
    assert_eq!(history(&boris, chat).await, all);
    for online in [annas, boriss, laptops, coras, doras] {
        online.live.close().await;
    }
    // What was learnt is in the key store.
    let boris = boris.reopen().await;
    assert_eq!(history(&boris, chat).await, all);
}

#[tokio::test]
async fn a_device_that_was_never_online_reads_and_writes_by_calls_alone() {
    let server = Server::start().await;
    let (anna, boris) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
    );
    let chat = group(ChatKind::Group, &[&anna, &boris]).await;
    let here = Target::chat(chat);
    anna.client.send(here, "one").await.unwrap();
    anna.client.send(here, "two").await.unwrap();
    assert_eq!(history(&boris, chat).await, ["one", "two"]);
    boris.client.send(here, "three").await.unwrap();
    assert_eq!(history(&anna, chat).await, ["one", "two", "three"]);
    let keys = |of: &Someone| of.client.remembered_chat(chat).unwrap().key_count();
    assert_eq!((keys(&anna), keys(&boris)), (1, 1), "Boris found the key");
    // Looking has taken nothing away: it all arrives on the first connection.
    let (live, mut events) = boris.client.live();
    let mut arrived = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Event::Message(message) => arrived.push(message),
            Event::Synced => break,
            _ => {}
        }
    }
    assert_eq!(texts(&arrived), ["one", "two"]);
    live.close().await;
}

#[tokio::test]
async fn a_device_that_was_away_learns_from_the_server_that_its_key_will_not_do() {
    let server = Server::start().await;
    let (anna, boris, cora) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
        Someone::join(&server, "Cora").await,
    );
    let chat = group(ChatKind::Group, &[&anna, &boris, &cora]).await;
    let here = Target::chat(chat);
    boris.client.send(here, "one").await.unwrap();
    let keys = |of: &Someone| of.client.remembered_chat(chat).unwrap().key_count();
    assert_eq!(keys(&boris), 1);
    // A device more, which Boris's does not know of: the key is wrapped for it, and opens what came before as well.
    let laptop = anna.another_device(&server).await;
    boris.client.send(here, "two").await.unwrap();
    assert_eq!(keys(&boris), 1);
    assert_eq!(history(&laptop, chat).await, ["one", "two"]);
    // A member less: a new key.
    anna.client.remove_member(chat, cora.uid()).await.unwrap();
    boris.client.send(here, "three").await.unwrap();
    assert_eq!(keys(&boris), 2);
    assert_eq!(history(&anna, chat).await, ["one", "two", "three"]);
    assert_eq!(boris.client.unsent(), 0);
}

#[tokio::test]
async fn history_is_handed_on_where_the_group_shares_it() {
    let server = Server::start().await;
    let (anna, boris, cora) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
        Someone::join(&server, "Cora").await,
    );
    let chat = group(ChatKind::Group, &[&anna, &boris]).await;
    anna.befriend(&cora).await;
    let here = Target::chat(chat);
    let share = serde_json::json!({"share_history": true});
    anna.client.change_chat(chat, &share).await.unwrap();
    anna.client.chat(chat).await.unwrap();
    anna.client.send(here, "before").await.unwrap();
    // A removal in between: there are two keys to hand on.
    let dora = Someone::join(&server, "Dora").await;
    anna.befriend(&dora).await;
    anna.client.add_member(chat, dora.uid()).await.unwrap();
    anna.client.remove_member(chat, dora.uid()).await.unwrap();
    boris.client.send(here, "between").await.unwrap();
    // Anna's device has to have that key before it can hand it on.
    assert_eq!(history(&anna, chat).await, ["before", "between"]);
    let added = anna.client.add_member(chat, cora.uid()).await.unwrap();
    assert_eq!(added, "added");
    anna.client.send(here, "after").await.unwrap();
    let all = ["before", "between", "after"];
    assert_eq!(history(&cora, chat).await, all);
}

#[tokio::test]
async fn messages_are_changed_pinned_and_thought_of() {
    let server = Server::start().await;
    let (anna, boris) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
    );
    let chat = group(ChatKind::Group, &[&anna, &boris]).await;
    let here = Target::chat(chat);
    let (mut annas, mut boriss) = (anna.online().await, boris.online().await);
    annas.live.send(here, "helo").await.unwrap();
    let message = boriss.hears(chat, anna.uid(), "helo").await.id;
    annas.live.edit(here, message, "hello").await.unwrap();
    let edited = boriss.change().await;
    assert_eq!((edited.message, edited.from), (message, anna.uid()));
    assert!(
        matches!(&edited.what, Changed::Edited(Body::Text { written, .. }) if written.text == "hello")
    );
    boriss.live.react(here, message, "👍").await.unwrap();
    let reacted = annas.change().await;
    assert!(
        matches!(&reacted.what, Changed::Reacted { reaction, .. } if reaction == "👍"),
        "{reacted:?}"
    );
    annas.live.pin(here, message, true).await.unwrap();
    assert_eq!(boriss.change().await.what, Changed::Pinned(true));
    let part = boris.client.chat_history(chat, Part::Newest, 10).await;
    let [seen] = &part.unwrap()[..] else {
        panic!("one message");
    };
    assert_eq!(texts(std::slice::from_ref(seen)), ["hello"]);
    assert!(seen.since.edited && seen.since.pinned);
    assert_eq!(seen.since.reactions[0].reaction, "👍");
    // Nobody puts words into the mouth of others.
    let foreign = boriss.live.edit(here, message, "bye").await.unwrap();
    let refused = boriss
        .until(|event| match event {
            Event::SendFailed { client_id, error } if client_id == foreign => Some(error),
            _ => None,
        })
        .await;
    assert!(matches!(
        refused,
        SendError::Refused {
            code: ErrorCode::Forbidden,
            ..
        }
    ));
    annas.live.delete(here, message).await.unwrap();
    assert_eq!(boriss.change().await.what, Changed::Deleted);
    // In conversations of two as well.
    annas.live.send(boris.uid(), "dear Boris").await.unwrap();
    let direct = boriss.message().await.id;
    boriss.live.react(anna.uid(), direct, "❤").await.unwrap();
    let reacted = annas.change().await;
    assert_eq!((reacted.chat, reacted.message), (None, direct));
    annas
        .live
        .edit(boris.uid(), direct, "dearest Boris")
        .await
        .unwrap();
    let edited = boriss.change().await;
    assert!(
        matches!(&edited.what, Changed::Edited(Body::Text { written, .. }) if written.text == "dearest Boris")
    );
    for online in [annas, boriss] {
        online.live.close().await;
    }
}

#[tokio::test]
async fn in_a_channel_those_who_run_it_write() {
    let server = Server::start().await;
    let (anna, boris) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
    );
    let chat = group(ChatKind::Channel, &[&anna, &boris]).await;
    let here = Target::chat(chat);
    let mut boriss = boris.online().await;
    anna.client.send(here, "news").await.unwrap();
    boriss.hears(chat, anna.uid(), "news").await;
    let refused = boriss.live.send(here, "may I?").await;
    assert!(
        matches!(&refused, Err(error) if error.code() == Some(ErrorCode::Forbidden))
            || refused.is_ok(),
        "{refused:?}"
    );
    if let Ok(id) = refused {
        let refused = boriss
            .until(|event| match event {
                Event::SendFailed { client_id, error } if client_id == id => Some(error),
                _ => None,
            })
            .await;
        assert!(matches!(
            refused,
            SendError::Refused {
                code: ErrorCode::Forbidden,
                ..
            }
        ));
    }
    let admin = Role(ChatRole::Admin);
    anna.client
        .set_role(chat, boris.uid(), admin)
        .await
        .unwrap();
    boriss
        .news(|news| matches!(news, ChatNews::RoleChanged { .. }).then_some(()))
        .await;
    let allowed = boriss.live.send(here, "thank you").await.unwrap();
    boriss.queued(allowed).await;
    assert_eq!(history(&anna, chat).await, ["news", "thank you"]);
    boriss.live.close().await;
}

#[tokio::test]
async fn a_device_that_left_is_not_written_to_any_more() {
    let server = Server::start().await;
    let (anna, boris) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
    );
    let laptop = boris.another_device(&server).await;
    let chat = group(ChatKind::Group, &[&anna, &boris]).await;
    let here = Target::chat(chat);
    let (mut annas, mut laptops) = (anna.online().await, laptop.online().await);
    annas.live.send(here, "one").await.unwrap();
    laptops.hears(chat, anna.uid(), "one").await;
    let call = melo_client::rest::calls::remove_device(laptop.client.device());
    let token = boris.client.access_token().await.unwrap();
    boris.client.api().send(&call, Some(&token)).await.unwrap();
    annas
        .news(|news| matches!(news, ChatNews::KeysChanged { .. }).then_some(()))
        .await;
    annas.live.send(here, "two").await.unwrap();
    assert_eq!(
        laptops.message().await.body,
        Body::Refused(Refusal::NoKey),
        "it is still signed in, and cannot read"
    );
    assert_eq!(history(&boris, chat).await, ["one", "two"]);
    for online in [annas, laptops] {
        online.live.close().await;
    }
}

#[tokio::test]
async fn a_key_is_replaced_after_a_thousand_messages_of_all_together() {
    let server = Server::start().await;
    let (anna, boris) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
    );
    let chat = group(ChatKind::Group, &[&anna, &boris]).await;
    let here = Target::chat(chat);
    let (mut annas, mut boriss) = (anna.online().await, boris.online().await);
    let keys = |of: &Someone| of.client.remembered_chat(chat).unwrap().key_count();
    // By both of them, who count what they see of each other.
    let mut last = None;
    for n in 0..500 {
        last = Some(
            annas
                .live
                .send(here, format!("{n}").as_str())
                .await
                .unwrap(),
        );
    }
    annas.queued(last.unwrap()).await;
    while texts(&[boriss.message().await]) != ["499"] {}
    for n in 500..1000 {
        last = Some(
            boriss
                .live
                .send(here, format!("{n}").as_str())
                .await
                .unwrap(),
        );
    }
    boriss.queued(last.unwrap()).await;
    while texts(&[annas.message().await]) != ["999"] {}
    assert_eq!((keys(&anna), keys(&boris)), (1, 1));
    annas.live.send(here, "one more").await.unwrap();
    boriss.hears(chat, anna.uid(), "one more").await;
    assert_eq!((keys(&anna), keys(&boris)), (2, 2));
    boriss.live.send(here, "and an answer").await.unwrap();
    annas.hears(chat, boris.uid(), "and an answer").await;
    assert_eq!((keys(&anna), keys(&boris)), (2, 2), "under the new one");
    for online in [annas, boriss] {
        online.live.close().await;
    }
}

#[tokio::test]
async fn a_key_is_replaced_after_a_week() {
    const HOUR: Duration = Duration::from_secs(3600);
    let server = Server::start().await;
    let (anna, boris) = (
        Someone::join(&server, "Anna").await,
        Someone::join(&server, "Boris").await,
    );
    let chat = group(ChatKind::Group, &[&anna, &boris]).await;
    let here = Target::chat(chat);
    anna.client.send(here, "one").await.unwrap();
    let keys = |of: &Someone| of.client.remembered_chat(chat).unwrap().key_count();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let anna = anna.reopen_at(Arc::clone(&clock) as Arc<dyn Clock>).await;
    clock.advance((7 * 24 - 1) * HOUR);
    anna.client.send(here, "two").await.unwrap();
    assert_eq!(keys(&anna), 1);
    clock.advance(HOUR);
    anna.client.send(here, "three").await.unwrap();
    assert_eq!(keys(&anna), 2);
    assert_eq!(history(&boris, chat).await, ["one", "two", "three"]);
    assert_eq!(keys(&boris), 2);
}
