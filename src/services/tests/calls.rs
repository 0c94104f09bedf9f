//! Calls across two nodes, which are joined by the bus, the database and one short-lived store alone. Time is moved by
//! hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a failed helper fails the test
#![allow(clippy::too_many_lines, clippy::needless_pass_by_value)] // a story reads best in one piece, and frames where they are sent

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{HERE, World, origin};
use melo_domain::{CallId, CallRefusal, EventKind, LogEvent, LogId, LogKind};
use melo_protocol::frame::{CallFrame, ClientFrame};
use melo_realtime::{Member, Outbound, Outbox, Registration};
use melo_services::calls::{self, CallError, CallWakeUp, Done};
use melo_services::chats::{self, NewChat};
use melo_services::messages::MessageError;
use melo_services::presence::{self, Attendance};
use melo_services::{Caller, Core, people, queue};
use melo_storage::{contacts, events};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const RING: Duration = Duration::from_secs(45);
const LOST: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// A device that is connected to one of the nodes.
struct Phone {
    core: Arc<Core>,
    caller: Caller,
    outbox: Arc<Outbox>,
    _registration: Registration,
    _attendance: Attendance,
}

impl Phone {
    async fn new(core: &Arc<Core>, caller: Caller) -> Self {
        let outbox = Arc::new(Outbox::default());
        let member = Member {
            uid: caller.uid,
            device: caller.device,
            session: caller.session,
        };
        let registration = core.hub().register(member, HERE, Arc::clone(&outbox));
        Self {
            core: Arc::clone(core),
            caller,
            outbox,
            _registration: registration.unwrap(),
            _attendance: presence::attend(Arc::clone(core), caller).await,
        }
    }

    async fn send(&self, frame: Value) -> Result<Done, CallError> {
        act(&self.core, self.caller, &frame.to_string()).await
    }

    async fn do_it(&self, frame: Value) -> Value {
        let done = self.send(frame.clone()).await;
        let done = done.unwrap_or_else(|error| panic!("{error} for {frame}"));
        done.answer
            .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    /// The frames that have come since.
    fn heard(&self) -> Vec<Value> {
        let mut queued = Vec::new();
        assert_eq!(self.outbox.drain(&mut queued), None);
        let frames = queued.into_iter().filter_map(|outbound| match outbound {
            Outbound::Frame(frame) => Some(serde_json::from_str(&frame).unwrap()),
            _ => None,
        });
        let frames = frames.filter(|frame: &Value| frame["type"] != "status_change");
        frames.collect()
    }

    /// The same in short: types, and the states of `call_state`.
    fn told(&self) -> Vec<String> {
        let short = |frame: &Value| match frame["type"].as_str().unwrap() {
            "call_state" => frame["state"].as_str().unwrap().to_owned(),
            other => format!("<{other}>"),
        };
        self.heard().iter().map(short).collect()
    }
}

async fn act(core: &Core, caller: Caller, text: &str) -> Result<Done, CallError> {
    let Ok(ClientFrame::Call(frame)) = ClientFrame::parse(text) else {
        panic!("not a call: {text}");
    };
    let frame: &CallFrame<'_> = &frame;
    match frame.name.as_ref() {
        "offer" | "call_start" => calls::start(core, caller, frame).await,
        "call_accept" => calls::accept(core, caller, frame).await,
        "call_reject" => calls::reject(core, caller, frame).await,
        "call_end" | "call_leave" | "call_end_state" => calls::end(core, caller, frame).await,
        "call_connected" => calls::connect(core, caller, frame).await,
        "call_join" => calls::join(core, caller, frame).await,
        "call_transfer" => calls::transfer(core, caller, frame).await,
        "call_speaking" => calls::speak(core, caller, frame).await,
        _ => calls::signal(core, caller, frame).await,
    }
}

fn id(n: u64) -> CallId {
    CallId::from_random(n, n)
}

fn frame(kind: &str, call: u64) -> Value {
    json!({"type": kind, "call_id": id(call), "client_id": id(1000)})
}

/// Anna on the first node, and Boris with two devices, one on each.
struct Scene {
    world: World,
    second: Arc<Core>,
    anna: Phone,
    boris: Phone,
    boris2: Phone,
    log: LogId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let second = world.another_node();
        let (anna, boris) = world.pair().await;
        let boris2 = world.login(boris.uid, 2).await;
        let log = contacts::find(world.store.db.read(), anna.uid, boris.uid)
            .await
            .unwrap()
            .unwrap()
            .log
            .unwrap();
        let scene = Self {
            anna: Phone::new(&world.core, anna).await,
            boris: Phone::new(&world.core, boris).await,
            boris2: Phone::new(&second, boris2).await,
            second,
            world,
            log,
        };
        for phone in [&scene.anna, &scene.boris, &scene.boris2] {
            phone.heard();
        }
        scene
    }

    fn offer(&self, call: u64) -> Value {
        let mut offer = frame("offer", call);
        offer["target"] = json!(self.boris.caller.uid);
        offer["sdp"] = json!("v=0");
        offer
    }

    async fn ring(&self, call: u64) {
        let answer = self.anna.do_it(self.offer(call)).await;
        assert_eq!(answer["state"], "ringing", "{answer}");
    }

    async fn tick(&self) {
        calls::tick(&self.world.core).await.unwrap();
        calls::tick(&self.second).await.unwrap();
    }

    /// Time passes, and those who say that they are in the call go on saying so.
    async fn pass(&self, time: Duration, call: CallId, present: &[&Phone]) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(5 * SECOND);
            left -= step;
            self.world.pass(step);
            for phone in present {
                calls::attend(&phone.core, phone.caller, call)
                    .await
                    .unwrap();
            }
            self.tick().await;
        }
    }

    async fn records(&self) -> Vec<Value> {
        records(&self.world, self.log).await
    }
}

async fn log_events(world: &World, log: LogId) -> Vec<LogEvent> {
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    let page = events::after(db, keys, log, 0, 10_000, usize::MAX).await;
    page.unwrap().events
}

async fn records(world: &World, log: LogId) -> Vec<Value> {
    let events = log_events(world, log).await;
    let found = events
        .iter()
        .filter(|event| event.kind == EventKind::CallRecord);
    found
        .map(|event| serde_json::from_str(&event.payload).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_across_two_nodes_from_its_ring_to_its_end() {
    let scene = Scene::new().await;
    let (anna, boris, boris2) = (&scene.anna, &scene.boris, &scene.boris2);
    scene.ring(1).await;
    for phone in [boris, boris2] {
        let heard = phone.heard();
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0]["type"], "offer");
        assert_eq!(
            (&heard[0]["sdp"], &heard[0]["verified"]),
            (&json!("v=0"), &json!(false))
        );
        assert_eq!(heard[0]["from"], json!(anna.caller.uid));
        assert_eq!(heard[0]["call_id"], json!(id(1)));
    }
    // On the way before an answer: to all that ring, and back.
    let candidate = json!({"type": "ice_candidate", "call_id": id(1), "candidate": {"c": 1}});
    anna.do_it(candidate.clone()).await;
    assert_eq!(boris.told(), ["<ice_candidate>"]);
    assert_eq!(boris2.told(), ["<ice_candidate>"]);

    let answer = boris2.do_it(frame("call_accept", 1)).await;
    assert_eq!(
        (&answer["state"], &answer["client_id"]),
        (&json!("answered"), &json!(id(1000)))
    );
    assert_eq!(anna.told(), ["<call_accept>", "answered"]);
    assert_eq!(boris.told(), ["answered_elsewhere"]);
    assert_eq!(boris2.told(), [""; 0]);
    boris2
        .do_it(json!({"type": "answer", "call_id": id(1), "sdp": "v=0"}))
        .await;
    assert_eq!(anna.told(), ["<answer>"]);
    anna.do_it(candidate).await;
    anna.do_it(json!({"type": "call_signal", "call_id": id(1), "hold": true}))
        .await;
    assert_eq!(boris2.told(), ["<ice_candidate>", "<call_signal>"]);
    assert_eq!(boris.told(), [""; 0], "the others have stopped");
    boris2.do_it(frame("call_connected", 1)).await;
    assert_eq!(anna.told(), ["connected"]);
    anna.do_it(frame("call_connected", 1)).await;
    assert_eq!(boris2.told(), ["connected"]);
    // Another negotiation within the call.
    boris2
        .do_it(json!({"type": "offer", "call_id": id(1), "sdp": "restart"}))
        .await;
    assert_eq!(anna.told(), ["<offer>"]);

    scene.pass(61 * SECOND, id(1), &[anna, boris2]).await;
    let answer = anna.do_it(frame("call_end", 1)).await;
    assert_eq!(
        (&answer["state"], &answer["reason"]),
        (&json!("ended"), &json!("hung_up"))
    );
    assert_eq!(boris2.told(), ["<call_end>", "ended"]);
    let records = scene.records().await;
    assert_eq!(records.len(), 1, "{records:?}");
    let record = &records[0];
    assert_eq!(
        (&record["state"], &record["duration"]),
        (&json!("ended"), &json!(61))
    );
    assert_eq!(record["callee"], json!(boris.caller.uid));
    assert!(
        !record.to_string().contains("v=0"),
        "no signalling in the log"
    );
    // Late.
    let late = boris.send(frame("call_accept", 1)).await.unwrap_err();
    assert!(
        matches!(late, CallError::Refused(CallRefusal::Over)),
        "{late}"
    );
    let again = boris2.do_it(frame("call_end", 1)).await;
    assert_eq!(again["state"], "ended", "both may hang up");
    scene.world.pass(61 * SECOND);
    scene.tick().await;
    assert_eq!(scene.records().await.len(), 1);
    let gone = boris.send(frame("call_accept", 1)).await.unwrap_err();
    assert!(matches!(gone, CallError::NotFound), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_at_once_one_wins() {
    let scene = Scene::new().await;
    let uid = scene.boris.caller.uid;
    let mut devices = Vec::new();
    for n in 10..22 {
        devices.push(scene.world.login(uid, n).await);
    }
    for round in 1..=5 {
        scene.ring(round).await;
        let mut answers = JoinSet::new();
        for (n, device) in devices.iter().copied().enumerate() {
            let core = if n % 2 == 0 {
                &scene.world.core
            } else {
                &scene.second
            };
            let (core, text) = (Arc::clone(core), frame("call_accept", round).to_string());
            answers.spawn(async move { act(&core, device, &text).await });
        }
        let answers = answers.join_all().await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(won, 1, "{answers:?}");
        for answer in answers {
            let taken = CallError::Refused(CallRefusal::Taken).to_string();
            assert!(answer.map_or_else(|error| error.to_string() == taken, |_| true));
        }
        let told = scene.anna.told();
        assert_eq!(told, ["<call_accept>", "answered"], "once");
        scene.anna.do_it(frame("call_end", round)).await;
    }
    assert_eq!(scene.records().await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_both_find_it_in_their_log() {
    let scene = Scene::new().await;
    scene.ring(1).await;
    scene.boris.heard();
    scene
        .pass(RING.saturating_sub(SECOND), id(1), &[&scene.anna])
        .await;
    assert_eq!(scene.boris.told(), [""; 0]);
    // Both nodes look at once; one acts.
    scene.world.pass(SECOND);
    let (one, other) = (Arc::clone(&scene.world.core), Arc::clone(&scene.second));
    let (one, other) = tokio::join!(calls::tick(&one), calls::tick(&other));
    one.unwrap();
    other.unwrap();
    assert_eq!(scene.boris.told(), ["missed"]);
    assert_eq!(scene.anna.told(), ["missed"]);
    let records = scene.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["state"], "missed");
    // It rings no longer for who comes now, and the next call does.
    let late = calls::welcome(&scene.second, scene.boris2.caller)
        .await
        .unwrap();
    assert!(late.frames.is_empty() && late.attends.is_none());
    scene.ring(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_over_the_end_of_a_call_is_made_up_for() {
    let scene = Scene::new().await;
    scene.ring(1).await;
    scene.boris.heard();
    // Anna hangs up; her node has kept and told it, and dies while the record is on its way.
    let text = frame("call_end", 1).to_string();
    {
        let mut ending = Box::pin(act(&scene.world.core, scene.anna.caller, &text));
        while !scene.boris.told().contains(&"cancelled".to_owned()) {
            tokio::select! {
                biased;
                done = &mut ending => panic!("{done:?} before anybody was told"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    // Too early to think of that; and then another node does the rest.
    calls::tick(&scene.second).await.unwrap();
    scene.world.pass(6 * SECOND);
    calls::tick(&scene.second).await.unwrap();
    assert_eq!(scene.records().await.len(), 1);
    calls::tick(&scene.world.core).await.unwrap();
    scene.world.pass(6 * SECOND);
    calls::tick(&scene.world.core).await.unwrap();
    assert_eq!(scene.records().await.len(), 1, "written once");
    scene.ring(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn declined_busy_cancelled() {
    let scene = Scene::new().await;
    let (anna, boris, boris2) = (&scene.anna, &scene.boris, &scene.boris2);
    scene.ring(1).await;
    boris.do_it(frame("call_reject", 1)).await;
    assert_eq!(anna.told(), ["<call_reject>", "rejected"]);
    assert_eq!(boris2.told(), ["<offer>", "declined_elsewhere"]);
    boris.heard();

    scene.ring(2).await;
    let mut busy = frame("call_reject", 2);
    busy["reason"] = json!("busy");
    boris2.do_it(busy).await;
    assert_eq!(anna.told(), ["<call_reject>", "busy"]);
    assert_eq!(boris.told(), ["<offer>", "declined_elsewhere"]);
    boris2.heard();

    scene.ring(3).await;
    let mut end = frame("call_end", 3);
    end["target"] = json!(boris.caller.uid);
    assert_eq!(anna.do_it(end).await["state"], "cancelled");
    for phone in [boris, boris2] {
        assert_eq!(phone.told(), ["<offer>", "<call_end>", "cancelled"]);
    }
    // The callee's own hanging up while it rings declines.
    scene.ring(4).await;
    assert_eq!(boris.do_it(frame("call_end", 4)).await["state"], "rejected");

    // In a call, somebody else's call does not ring.
    scene.ring(5).await;
    boris.do_it(frame("call_accept", 5)).await;
    let clara = scene.world.person("+79990000003").await;
    scene.world.befriend(clara, boris.caller).await;
    let clara = Phone::new(&scene.second, clara).await;
    for phone in [anna, boris, boris2] {
        phone.heard();
    }
    let mut offer = scene.offer(6);
    offer["target"] = json!(boris.caller.uid);
    assert_eq!(clara.do_it(offer).await["state"], "busy");
    assert_eq!(boris.told(), [""; 0]);
    // And one who is in a call begins no other from another device.
    let mut other = frame("offer", 7);
    other["target"] = json!(clara.caller.uid);
    let refused = boris2.send(other).await.unwrap_err();
    assert!(matches!(refused, CallError::InCall), "{refused}");
    let states: Vec<Value> = scene
        .records()
        .await
        .iter()
        .map(|r| r["state"].clone())
        .collect();
    assert_eq!(states, ["rejected", "busy", "cancelled", "rejected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_call_each_other_are_in_one_call() {
    let scene = Scene::new().await;
    for round in 0..20_u64 {
        let (first, second) = (10 + 2 * round, 11 + 2 * round);
        let mut back = frame("offer", second);
        back["target"] = json!(scene.anna.caller.uid);
        let (offer, back) = (scene.offer(first).to_string(), back.to_string());
        let (core, caller) = (Arc::clone(&scene.world.core), scene.anna.caller);
        let hers = tokio::spawn(async move { act(&core, caller, &offer).await });
        let (core, caller) = (Arc::clone(&scene.second), scene.boris2.caller);
        let his = tokio::spawn(async move { act(&core, caller, &back).await });
        let (hers, his) = (hers.await.unwrap().unwrap(), his.await.unwrap().unwrap());
        assert_eq!(hers.attends, his.attends, "round {round}");
        let call = hers.attends.unwrap();
        assert!(call == id(first) || call == id(second));
        let answered = [&hers, &his].into_iter().filter(|done| {
            let answer: Value = serde_json::from_str(done.answer.as_ref().unwrap()).unwrap();
            answer["state"] == "answered"
        });
        assert_eq!(
            answered.count(),
            1,
            "one called, the other has answered by calling"
        );
        let caller_side = if call == id(first) {
            &scene.anna
        } else {
            &scene.boris2
        };
        assert!(caller_side.told().contains(&"answered".to_owned()));
        let end = json!({"type": "call_end", "call_id": call});
        scene.anna.do_it(end).await;
        for phone in [&scene.anna, &scene.boris, &scene.boris2] {
            phone.heard();
        }
        scene.world.pass(10 * SECOND);
    }
    assert_eq!(scene.records().await.len(), 20, "a call each");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_while_it_rings_is_rung() {
    let scene = Scene::new().await;
    scene.ring(1).await;
    let candidate = |n: u32| json!({"type": "candidate", "call_id": id(1), "candidate": n});
    for n in 0..70 {
        scene.anna.do_it(candidate(n)).await;
    }
    let third = scene.world.login(scene.boris.caller.uid, 3).await;
    let welcome = calls::welcome(&scene.second, third).await.unwrap();
    assert!(welcome.attends.is_none());
    let frames: Vec<Value> = welcome
        .frames
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    assert_eq!(frames[0]["type"], "offer");
    assert_eq!(frames.len(), 1 + 64, "the offer, and the first candidates");
    assert_eq!(frames[1]["candidate"], 0);
    let active = calls::active(&scene.second, third).await.unwrap().unwrap();
    assert_eq!((active.id, active.frames.len()), (id(1), 65));
    // The caller's other device and others learn nothing of it.
    let clara = scene.world.person("+79990000003").await;
    assert!(calls::active(&scene.second, clara).await.unwrap().is_none());
    let annas = scene.world.login(scene.anna.caller.uid, 2).await;
    let other = calls::active(&scene.second, annas).await.unwrap().unwrap();
    assert!(other.frames.is_empty());
    // The device that came late may answer.
    let late = act(&scene.second, third, &frame("call_accept", 1).to_string()).await;
    assert_eq!(late.unwrap().attends, Some(id(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_lost_leaves_and_one_that_comes_back_does_not() {
    let scene = Scene::new().await;
    let (anna, boris2) = (&scene.anna, &scene.boris2);
    scene.ring(1).await;
    boris2.do_it(frame("call_accept", 1)).await;
    for phone in [anna, &scene.boris, boris2] {
        phone.heard();
    }
    // Its socket ends; it is back within the time, and has missed an offer.
    calls::left(&scene.second, boris2.caller, id(1))
        .await
        .unwrap();
    anna.do_it(json!({"type": "offer", "call_id": id(1), "sdp": "restart"}))
        .await;
    scene.pass(20 * SECOND, id(1), &[anna]).await;
    let back = calls::welcome(&scene.world.core, boris2.caller)
        .await
        .unwrap();
    assert_eq!(back.attends, Some(id(1)));
    let frames: Vec<Value> = back
        .frames
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    assert_eq!(
        (&frames[0]["type"], &frames[0]["state"]),
        (&json!("call_state"), &json!("answered"))
    );
    let restart = frames.iter().filter(|f| f["sdp"] == "restart").count();
    assert_eq!(restart, 1, "{frames:?}");
    scene
        .pass(LOST.saturating_sub(SECOND), id(1), &[anna])
        .await;
    assert_eq!(anna.told(), [""; 0], "still there");
    // And now it does not come back.
    calls::left(&scene.second, boris2.caller, id(1))
        .await
        .unwrap();
    scene
        .pass(LOST.saturating_sub(SECOND), id(1), &[anna])
        .await;
    assert_eq!(anna.told(), [""; 0]);
    scene.pass(2 * SECOND, id(1), &[anna]).await;
    assert_eq!(anna.told(), ["ended"]);
    let records = scene.records().await;
    assert_eq!(
        (&records[0]["state"], &records[0]["reason"]),
        (&json!("ended"), &json!("lost"))
    );

    // A caller who is lost rings no longer than that either.
    scene.ring(2).await;
    scene.boris.heard();
    scene.pass(LOST + 11 * SECOND, id(2), &[]).await;
    assert_eq!(scene.boris.told(), ["cancelled"]);
    assert_eq!(scene.records().await[1]["reason"], "lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_with_another_device_of_the_same_person() {
    let scene = Scene::new().await;
    let (anna, boris, boris2) = (&scene.anna, &scene.boris, &scene.boris2);
    scene.ring(1).await;
    boris.do_it(frame("call_accept", 1)).await;
    boris.do_it(frame("call_connected", 1)).await;
    for phone in [anna, boris, boris2] {
        phone.heard();
    }
    let answer = boris2.do_it(frame("call_transfer", 1)).await;
    assert_eq!(
        answer["state"], "answered",
        "the new device has its way to find"
    );
    let told = anna.heard();
    assert_eq!(told[0]["state"], "transferred");
    assert_eq!(told[0]["device"], json!(boris2.caller.device));
    assert_eq!(boris.told(), ["transferred"]);
    boris2
        .do_it(json!({"type": "offer", "call_id": id(1), "sdp": "new"}))
        .await;
    assert_eq!(anna.told(), ["<offer>"]);
    let old = boris
        .send(json!({"type": "call_signal", "call_id": id(1)}))
        .await
        .unwrap_err();
    assert!(
        matches!(old, CallError::Refused(CallRefusal::Taken)),
        "{old}"
    );
    // A frame for the device that was in it before is not given to the one that is.
    let stale = json!({"type": "candidate", "call_id": id(1), "target": boris.caller.uid,
        "device": boris.caller.device, "candidate": 1});
    let stale = anna.send(stale).await.unwrap_err();
    assert!(
        matches!(stale, CallError::Refused(CallRefusal::NotInCall)),
        "{stale}"
    );
    let stranger = scene.world.person("+79990000003").await;
    let foreign = act(
        &scene.second,
        stranger,
        &frame("call_transfer", 1).to_string(),
    )
    .await;
    assert!(matches!(foreign.unwrap_err(), CallError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_contacts_ring_and_blocks_are_not_told() {
    let scene = Scene::new().await;
    let clara = Phone::new(&scene.second, scene.world.person("+79990000003").await).await;
    let refused = clara.send(scene.offer(1)).await.unwrap_err();
    let not_a_contact =
        |error: &CallError| matches!(error, CallError::Message(MessageError::NotAContact));
    assert!(not_a_contact(&refused), "{refused}");
    let core = &scene.world.core;
    people::block(core, scene.boris.caller, &origin(), scene.anna.caller.uid)
        .await
        .unwrap();
    let refused = scene.anna.send(scene.offer(2)).await.unwrap_err();
    assert!(
        not_a_contact(&refused),
        "as one who never was a contact: {refused}"
    );
    assert_eq!(scene.boris.told(), [""; 0]);
    let mut back = frame("offer", 3);
    back["target"] = json!(scene.anna.caller.uid);
    let own = scene.boris.send(back).await.unwrap_err();
    assert!(
        matches!(own, CallError::Message(MessageError::Blocked)),
        "{own}"
    );
    people::unblock(core, scene.boris.caller, &origin(), scene.anna.caller.uid)
        .await
        .unwrap();
    // A block within a call stops what is said in it; hanging up remains.
    scene.ring(4).await;
    scene.boris.do_it(frame("call_accept", 4)).await;
    people::block(core, scene.boris.caller, &origin(), scene.anna.caller.uid)
        .await
        .unwrap();
    let signal = json!({"type": "call_signal", "call_id": id(4), "mute": true});
    assert!(not_a_contact(&scene.anna.send(signal).await.unwrap_err()));
    assert_eq!(
        scene.anna.do_it(frame("call_end", 4)).await["state"],
        "ended"
    );
    let mut loose = scene.offer(5);
    loose["target"] = json!(scene.anna.caller.uid);
    let own = scene.anna.send(loose).await.unwrap_err();
    assert!(
        matches!(own, CallError::Message(MessageError::SelfTarget)),
        "{own}"
    );
    assert!(scene.records().await.iter().all(|r| r["state"] == "ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_are_refused() {
    let scene = Scene::new().await;
    scene.ring(1).await;
    let candidate = json!({"type": "candidate", "call_id": id(1), "candidate": {}});
    let mut refused = 0;
    for _ in 0..400 {
        match scene.anna.send(candidate.clone()).await {
            Ok(_) => {}
            Err(CallError::Limited(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(refused, 200);
    assert_eq!(scene.boris.told().len(), 1 + 200);
    scene.world.pass(20 * SECOND);
    scene.anna.do_it(candidate).await;
    scene.anna.do_it(frame("call_end", 1)).await;
    // And so are calls without end.
    let mut begun = 0;
    for n in 2..100 {
        match scene.anna.send(scene.offer(n)).await {
            Ok(_) => begun += 1,
            Err(CallError::Limited(_)) => break,
            Err(other) => panic!("{other}"),
        }
    }
    assert!((50..=60).contains(&begun), "{begun}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_frame_twice_is_one_call() {
    let scene = Scene::new().await;
    scene.ring(1).await;
    let again = scene.offer(1);
    let start = {
        let mut start = again.clone();
        start["type"] = json!("call_start");
        start
    };
    assert_eq!(scene.anna.do_it(start).await["state"], "ringing");
    assert_eq!(scene.boris.told(), ["<offer>"]);
    // Somebody else's id.
    let clara = scene.world.person("+79990000003").await;
    scene.world.befriend(clara, scene.boris.caller).await;
    let taken = act(&scene.second, clara, &again.to_string())
        .await
        .unwrap_err();
    assert!(matches!(taken, CallError::IdTaken), "{taken}");
    for (kind, caller) in [
        ("call_accept", clara),
        ("call_end", clara),
        ("call_accept", scene.anna.caller),
    ] {
        let foreign = act(&scene.second, caller, &frame(kind, 1).to_string()).await;
        assert!(
            matches!(foreign.unwrap_err(), CallError::NotFound),
            "{kind}"
        );
    }
    // A device that dials anew has lost its earlier call.
    scene.ring(2).await;
    assert_eq!(scene.boris.told(), ["cancelled", "<offer>"]);
    let early = scene
        .anna
        .send(frame("call_connected", 2))
        .await
        .unwrap_err();
    assert!(
        matches!(early, CallError::Refused(CallRefusal::NotAnswered)),
        "{early}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_clients_name_no_call() {
    let scene = Scene::new().await;
    let (anna, boris, boris2) = (&scene.anna, &scene.boris, &scene.boris2);
    let to_boris = |kind: &str| json!({"type": kind, "target": boris.caller.uid, "sdp": "x"});
    let to_anna = |kind: &str| json!({"type": kind, "target": anna.caller.uid, "sdp": "x"});
    // A way that is found before the offer is sent.
    assert_eq!(anna.do_it(to_boris("candidate")).await, Value::Null);
    anna.do_it(to_boris("call_start")).await;
    anna.do_it(to_boris("offer")).await;
    anna.do_it(to_boris("ice_candidate")).await;
    let expected = ["<candidate>", "<call_start>", "<offer>", "<ice_candidate>"];
    assert_eq!(boris.told(), expected);
    assert_eq!(boris2.told(), expected);
    boris.do_it(to_anna("answer")).await;
    assert_eq!(anna.told(), ["<answer>"], "no states that it does not know");
    assert_eq!(boris2.told(), ["answered_elsewhere"]);
    boris.do_it(to_anna("candidate")).await;
    boris.do_it(to_anna("call_connected")).await;
    anna.do_it(to_boris("call_connected")).await;
    assert_eq!(anna.told(), ["<candidate>", "connected"]);
    assert_eq!(boris.told(), ["connected"]);
    anna.do_it(to_boris("call_end")).await;
    assert_eq!(boris.told(), ["<call_end>", "ended"]);
    anna.do_it(to_boris("call_end_state")).await;
    let late = boris.send(to_anna("answer")).await.unwrap_err();
    assert!(
        matches!(late, CallError::Refused(CallRefusal::Over)),
        "{late}"
    );
    // Nobody answers: `ended` is what they know.
    anna.do_it(to_boris("offer")).await;
    let rung = boris.heard();
    let call = rung.last().unwrap()["call_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    anna.heard();
    scene.pass(RING, call, &[anna]).await;
    let missed = boris.heard();
    assert_eq!(
        (&missed[0]["state"], &missed[0]["reason"]),
        (&json!("ended"), &json!("missed"))
    );
    assert_eq!(scene.records().await.len(), 2);
    // Both call at once: the first one's rings on.
    anna.do_it(to_boris("offer")).await;
    boris2.heard();
    boris.heard();
    boris.do_it(to_anna("offer")).await;
    assert_eq!(boris.told(), ["ringing"]);
    boris.do_it(to_anna("call_accept")).await;
    assert_eq!(anna.told().last().unwrap(), "<call_accept>");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sleeps_is_left_a_wake_up_that_expires() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let annas = Phone::new(&world.core, anna).await;
    let mut offer = frame("offer", 1);
    offer["target"] = json!(boris.uid);
    annas.do_it(offer.clone()).await;
    let claims = queue::claim(&world.core, 10).await.unwrap();
    assert_eq!(claims.len(), 1);
    let job: CallWakeUp = serde_json::from_slice(&claims[0].payload).unwrap();
    assert_eq!(
        (job.uid, job.call_id, job.caller),
        (boris.uid, id(1), anna.uid)
    );
    assert!(!job.is_late(world.core.now()));
    assert!(job.is_late(world.core.now().plus(RING)));
    queue::settle(&world.core, &claims[0], queue::Outcome::Done)
        .await
        .unwrap();
    annas.do_it(frame("call_end", 1)).await;
    // Who is connected needs none.
    let _boris = Phone::new(&world.core, boris).await;
    offer["call_id"] = json!(id(2));
    annas.do_it(offer).await;
    assert!(queue::claim(&world.core, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chats_call_is_joined_left_and_written_down() {
    let scene = Scene::new().await;
    let (anna, boris, boris2) = (&scene.anna, &scene.boris, &scene.boris2);
    let clara = scene.world.person("+79990000003").await;
    scene.world.befriend(anna.caller, clara).await;
    let clara = Phone::new(&scene.second, clara).await;
    let new = NewChat {
        kind: LogKind::Group,
        title: "Choir".parse().unwrap(),
        description: None,
        is_public: false,
        members: vec![boris.caller.uid, clara.caller.uid],
    };
    let made = chats::create(&scene.world.core, anna.caller, &origin(), &new)
        .await
        .unwrap();
    let log = made.log;
    for phone in [anna, boris, boris2, &clara] {
        phone.heard();
    }
    let chat = json!(log.to_string().parse::<i64>().unwrap());
    let mut start = frame("call_start", 1);
    start["chat_id"] = chat.clone();
    let roster = anna.do_it(start.clone()).await;
    assert_eq!(
        (&roster["type"], &roster["topology"]),
        (&json!("call_roster"), &json!("mesh"))
    );
    assert_eq!(roster["participants"].as_array().unwrap().len(), 1);
    for phone in [boris, boris2, &clara] {
        let heard = phone.heard();
        assert_eq!(
            (&heard[0]["type"], &heard[0]["chat_id"]),
            (&json!("call_start"), &chat)
        );
    }
    // Whoever begins one as well joins that one.
    let mut other = start.clone();
    other["call_id"] = json!(id(2));
    let roster = boris.do_it(other).await;
    assert_eq!(roster["call_id"], json!(id(1)));
    assert_eq!(anna.told(), ["<call_roster>"]);
    assert_eq!(boris2.told(), ["answered_elsewhere"]);
    clara.do_it(frame("call_join", 1)).await;
    let roster = anna.heard();
    assert_eq!(roster[0]["participants"].as_array().unwrap().len(), 3);
    boris.heard();
    // Signals go from device to device.
    let offer = json!({"type": "offer", "call_id": id(1), "target": anna.caller.uid,
        "device": anna.caller.device, "sdp": "v=0"});
    clara.do_it(offer.clone()).await;
    let heard = anna.heard();
    assert_eq!(
        (&heard[0]["from"], &heard[0]["chat_id"]),
        (&json!(clara.caller.uid), &chat)
    );
    assert_eq!(boris.told(), [""; 0]);
    let mut astray = offer.clone();
    astray["device"] = json!(boris.caller.device);
    let astray = clara.send(astray).await.unwrap_err();
    assert!(
        matches!(astray, CallError::Refused(CallRefusal::NotInCall)),
        "{astray}"
    );
    let nowhere = json!({"type": "offer", "call_id": id(1), "sdp": "v=0"});
    let nowhere = clara.send(nowhere).await.unwrap_err();
    assert!(matches!(nowhere, CallError::AddressNeeded), "{nowhere}");
    let outside = boris2.send(offer).await.unwrap_err();
    assert!(
        matches!(outside, CallError::Refused(CallRefusal::Taken)),
        "{outside}"
    );
    anna.do_it(json!({"type": "call_speaking", "call_id": id(1), "speaking": true}))
        .await;
    assert_eq!(clara.told(), ["<call_speaking>"]);
    assert_eq!(boris.told(), ["<call_speaking>"]);
    // Boris goes on with his other device.
    boris2.do_it(frame("call_transfer", 1)).await;
    assert_eq!(boris.told(), ["transferred"]);
    assert_eq!(anna.told(), ["<call_roster>"]);
    clara.heard();
    // Clara is removed from the chat, and with it from the call.
    chats::remove_member(
        &scene.world.core,
        anna.caller,
        &origin(),
        log,
        clara.caller.uid,
    )
    .await
    .unwrap();
    scene
        .pass(11 * SECOND, id(1), &[anna, boris2, &clara])
        .await;
    assert!(anna.told().contains(&"<call_roster>".to_owned()));
    let out = clara.send(frame("call_join", 1)).await.unwrap_err();
    assert!(matches!(out, CallError::NotFound), "{out}");
    // Boris is lost, Anna leaves.
    scene.pass(LOST + 11 * SECOND, id(1), &[anna]).await;
    anna.heard();
    boris.heard();
    let done = anna.do_it(frame("call_leave", 1)).await;
    assert_eq!(done["state"], "ended");
    assert_eq!(
        boris.told(),
        ["ended"],
        "everybody in the chat learns of the end"
    );
    let records = records(&scene.world, log).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["participants"].as_array().unwrap().len(), 3);
    assert!(
        calls::active_in(&scene.second, boris.caller, log)
            .await
            .unwrap()
            .is_none()
    );
}
