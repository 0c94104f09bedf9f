//! The reference model: what everybody must have seen, worked out from what was acknowledged and from who was where.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use crate::client::{Client, Fate, Seen};
use crate::world::World;

/// A log, as those saw it who were in it all the time.
type Log = BTreeMap<u64, Seen>;

pub fn all(world: &World) {
    let truth = truth(world);
    for (log, events) in &truth {
        unbroken(log, events);
    }
    acknowledged_exactly_once(world, &truth);
    for client in &world.clients {
        for (log, seen) in &client.seen {
            if world.chats.iter().any(|chat| chat.log == *log) {
                chat_is_complete(client, log, seen, &truth[log]);
            } else {
                same_as(client, log, seen, &truth[log], 1..=u64::MAX);
            }
        }
    }
}

/// Every log by the longest view of it. What a device sent itself it sees as an answer; others see it as it is.
fn truth(world: &World) -> BTreeMap<String, Log> {
    let mut truth: BTreeMap<String, Log> = BTreeMap::new();
    for client in &world.clients {
        for (log, seen) in &client.seen {
            let known = truth.entry(log.clone()).or_default();
            for (seq, event) in seen {
                let first = known.entry(*seq).or_insert_with(|| event.clone());
                if first.kind == "own" {
                    *first = event.clone();
                }
            }
        }
    }
    truth
}

fn unbroken(log: &str, events: &Log) {
    let first = *events.keys().next().unwrap();
    let expected: Vec<u64> = (first..).take(events.len()).collect();
    let seqs: Vec<u64> = events.keys().copied().collect();
    assert_eq!(seqs, expected, "log {log} has gaps");
}

fn acknowledged_exactly_once(world: &World, truth: &BTreeMap<String, Log>) {
    let mut texts = HashSet::new();
    let texts_of_log = |events: &Log| {
        let said = events.values().filter_map(|seen| seen.frame.get("payload"));
        said.map(Value::to_string).collect::<Vec<_>>()
    };
    for events in truth.values() {
        for text in texts_of_log(events) {
            assert!(texts.insert(text.clone()), "{text} is there twice");
        }
    }
    let mut places = BTreeSet::new();
    for client in &world.clients {
        for (id, fate) in &client.fates {
            let frame = &client.sent[id];
            match fate {
                Fate::At { log, seq } => {
                    assert!(places.insert((log, seq)), "two events in one place");
                    let there = &truth[log][seq];
                    let erased = there.kind == "delete" && frame["type"] != "delete";
                    if there.kind != "own" && !erased {
                        assert_eq!(there.frame["from"], client.device.uid.as_str());
                        assert_eq!(there.frame.get("payload"), frame.get("payload"));
                    }
                }
                Fate::Refused(code) => {
                    let text = frame["payload"].to_string();
                    let is_text = frame["payload"].is_string();
                    assert!(
                        !is_text || !texts.contains(&text),
                        "refused with {code}: {text}"
                    );
                }
            }
        }
    }
}

/// The stretches of a chat's log that are for this person: from each joining to the leave after it.
fn stretches(uid: &str, chat: &Log) -> Vec<(u64, Option<u64>)> {
    let mut stretches: Vec<(u64, Option<u64>)> = Vec::new();
    for (seq, event) in chat {
        if event.frame["user_id"] != uid {
            continue;
        }
        match event.kind.as_str() {
            "member_joined" => {
                assert!(
                    stretches.last().is_none_or(|(_, end)| end.is_some()),
                    "joined twice"
                );
                stretches.push((*seq, None));
            }
            "member_left" => {
                let open = stretches.last_mut().expect("a joining before a leave");
                assert_eq!(open.1.replace(*seq), None, "left twice");
            }
            _ => {}
        }
    }
    stretches
}

fn chat_is_complete(client: &Client, log: &str, seen: &Log, chat: &Log) {
    let stretches = stretches(&client.device.uid, chat);
    for seq in seen.keys() {
        let within =
            |(from, to): &(u64, Option<u64>)| seq >= from && to.is_none_or(|to| *seq <= to);
        assert!(
            stretches.iter().any(within),
            "{} saw {seq} of {log}, which lies outside of {stretches:?}: {:?}",
            client.device.uid,
            seen[seq]
        );
    }
    for (from, to) in stretches {
        if to.is_none() {
            // Whoever is in it has everything.
            same_as(client, log, seen, chat, from..=u64::MAX);
            continue;
        }
        // Whoever was taken out while away has what came before that, without a gap; a device that came later begins
        // where the log was then. What it wrote itself it was told of in any case.
        let stretch = seen.range(from..=to.unwrap_or(u64::MAX));
        let others: Vec<u64> = stretch
            .filter(|(_, event)| event.kind != "own")
            .map(|(seq, _)| *seq)
            .collect();
        let (Some(first), Some(last)) = (others.first().copied(), others.last().copied()) else {
            continue;
        };
        let gap = (first..=last).find(|seq| !seen.contains_key(seq));
        let who = &client.device.uid;
        assert!(
            gap.is_none(),
            "{who} has a gap in {log} from {first} to {last}: {:?}",
            gap.map(|seq| &chat[&seq])
        );
    }
}

fn same_as(
    client: &Client,
    log: &str,
    seen: &Log,
    truth: &Log,
    range: std::ops::RangeInclusive<u64>,
) {
    // A device that came later begins where the log was then.
    let first = seen.range(range.clone()).next().map(|(seq, _)| *seq);
    let Some(first) = first else {
        assert!(
            truth.range(range).next().is_none(),
            "{} has nothing of {log}",
            client.device.uid
        );
        return;
    };
    let seqs = |events: &Log| {
        let after = events.range(first..);
        after.map(|(seq, _)| *seq).collect::<Vec<_>>()
    };
    let missed: Vec<_> = truth
        .range(first..)
        .filter(|(seq, _)| !seen.contains_key(seq))
        .collect();
    assert_eq!(
        seqs(seen),
        seqs(truth),
        "{} ({}) of {log}, missed: {missed:?}",
        client.device.uid,
        client.device.handle
    );
    for (seq, event) in seen.range(first..) {
        let there = &truth[seq];
        let comparable = event.kind == there.kind && event.kind != "own";
        if comparable && event.kind == "relay_delivery" {
            assert_eq!(event.frame["payload"], there.frame["payload"]);
        }
    }
}
