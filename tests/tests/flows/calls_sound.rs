//! Calls with sound, as two people at two computers make them with `melo-cli`: what one plays is what the other records.

use std::time::Duration;

use melo_tests::cli::Running;
use melo_tests::nat::Internet;
use melo_tests::relay::RelayServer;
use melo_tests::{Cli, Server, sound, unique};
use serde_json::Value;

const PASSWORD: &str = "seven green lanterns";
/// How long the two talk, in seconds.
const TALK: u32 = 30;
/// How long that may take, with everything around it.
const TALK_WITHIN: Duration = Duration::from_secs(120);
/// How much of it may be missing, in seconds: the first word, before the other device is ready, and what a machine that
/// is too busy loses. A way that does not work loses all.
const MISSING: f64 = 1.0;

/// What the server says when the echo can be called.
const ECHO_IS_THERE: &str = "the echo answers calls";

/// Somebody at a computer of their own.
pub(crate) struct Somebody {
    pub(crate) cli: Cli,
    pub(crate) uid: String,
}

pub(crate) async fn somebody(cli: Cli, name: &str) -> Somebody {
    let phone = unique::phone();
    let args = ["--json", "register", "--phone", &phone, "--name", name];
    let made = cli
        .run(&[&args[..], &["--password", PASSWORD]].concat())
        .await;
    let uid = made.json()["uid"].as_str().expect("a user id").to_owned();
    Somebody { cli, uid }
}

async fn pair(annas: Cli, boriss: Cli) -> (Somebody, Somebody) {
    let (anna, boris) = tokio::join!(somebody(annas, "Anna"), somebody(boriss, "Boris"));
    anna.cli
        .run(&["--json", "contact", "add", &boris.uid])
        .await
        .json();
    boris
        .cli
        .run(&["--json", "contact", "accept", &anna.uid])
        .await
        .json();
    (anna, boris)
}

/// Anna calls, Boris answers, both play something of their own and record the other; `way` are options of both.
/// Returns what Anna was told when they were connected.
async fn talk(annas: Cli, boriss: Cli, seconds: u32, way: &[&str]) -> (Value, Value) {
    let (anna, boris) = pair(annas, boriss).await;
    for somebody in [&anna, &boris] {
        sound::write(&somebody.cli.file("said.wav"), seconds);
    }
    let files = ["--audio", "said.wav", "--record", "heard.wav"];
    let mut answering = boris
        .cli
        .start(&[&["answer", "--from", &anna.uid], &files[..], way].concat());
    answering.event("waiting").await;
    let mut calling = anna
        .cli
        .start(&[&["call", &boris.uid], &files[..], way].concat());
    calling.event("ringing").await;
    answering.event("rings").await;
    let connected = tokio::join!(connected(&mut calling), connected(&mut answering));
    // Whoever called hangs up when everything was played.
    let over = calling.event_within("over", TALK_WITHIN).await;
    assert_eq!(over["reason"], "ended", "{over}");
    answering.event("over").await;
    assert_eq!(calling.ended().await, Some(0));
    assert_eq!(answering.ended().await, Some(0));
    for (said, heard) in [(&anna, &boris), (&boris, &anna)] {
        let share = sound::share_heard(&said.cli.file("said.wav"), &heard.cli.file("heard.wav"));
        let missing = (1.0 - share) * f64::from(seconds);
        assert!(
            missing <= MISSING,
            "{missing} of {seconds} s were not heard"
        );
    }
    connected
}

async fn connected(running: &mut Running) -> Value {
    running.event_within("connected", TALK_WITHIN).await
}

/// Both see the same code, and the same way.
fn assert_same((one, other): &(Value, Value), way: Option<&str>) {
    assert!(one["code"].is_string(), "{one}");
    assert_eq!(one["code"], other["code"]);
    if let Some(way) = way {
        assert_eq!((&one["way"], &other["way"]), (&way.into(), &way.into()));
    }
}

#[tokio::test]
async fn two_people_hear_each_other_directly() {
    let server = Server::start().await;
    let connected = talk(Cli::new(&server), Cli::new(&server), TALK, &[]).await;
    assert_same(&connected, Some("host"));
}

#[tokio::test]
async fn two_people_hear_each_other_through_the_relay_alone() {
    let relay = RelayServer::with(&[]).await;
    let through = async |transport| {
        let way = ["--relay-only", "--relay", transport];
        let computer = || Cli::new(&relay.server);
        talk(computer(), computer(), TALK, &way).await
    };
    // All at once: three pairs of people.
    let (udp, tcp, tls) = tokio::join!(through("udp"), through("tcp"), through("tls"));
    for connected in [&udp, &tcp, &tls] {
        assert_same(connected, Some("relay"));
    }
    // What was reserved for the calls was given back with their end.
    let admin = relay.server.anonymous().join("Olga").await;
    relay.server.promote(&admin.uid, "owner");
    relay.holds(&admin, 0).await;
    let made = relay.made(&admin).await;
    assert!(made.values().all(|count| *count >= 2), "{made:?}");
}

#[tokio::test]
async fn two_people_behind_symmetric_nat_find_the_relay_by_themselves() {
    let Some(internet) = Internet::make().await else {
        eprintln!("passed over: no network namespaces here");
        return;
    };
    let connected = talk(internet.computer("a"), internet.computer("b"), 5, &[]).await;
    assert_same(&connected, Some("relay"));
}

#[tokio::test]
async fn a_caller_who_gives_up_and_one_who_is_not_answered() {
    let server = Server::with(&[("CALL_RING_SECONDS", "2")]).await;
    let (anna, boris) = pair(Cli::new(&server), Cli::new(&server)).await;
    // Nobody is there to answer.
    let missed = anna.cli.run(&["call", &boris.uid]).await;
    assert!(missed.refused(1).contains("does not answer"), "{missed:?}");
    // Ctrl-C while it rings.
    let mut calling = anna.cli.start(&["call", &boris.uid]);
    calling.event("ringing").await;
    calling.interrupt();
    let over = calling.event("over").await;
    assert!(
        ["cancelled", "missed"].contains(&over["reason"].as_str().unwrap()),
        "{over}"
    );
    // A stranger, a file that is none, a relay that does not exist.
    let olga = somebody(Cli::new(&server), "Olga").await;
    let stranger = olga.cli.run(&["call", &anna.uid]).await;
    assert!(
        stranger.refused(77).contains("not contacts"),
        "{stranger:?}"
    );
    let missing = anna
        .cli
        .run(&["call", &boris.uid, "--audio", "missing.wav"])
        .await;
    assert!(missing.refused(1).contains("missing.wav"), "{missing:?}");
    let relay = anna.cli.run(&["call", &boris.uid, "--relay-only"]).await;
    assert!(relay.refused(1).contains("no relay"), "{relay:?}");
    let echo = anna.cli.run(&["call", "echo"]).await;
    assert!(echo.refused(77).contains("no echo"), "{echo:?}");
}

#[tokio::test]
async fn the_echo_sends_back_what_was_said_to_several_at_once() {
    // Longer than a device may be silent: the echo says of both calls that it is there.
    let server = Server::with(&[("CALL_ECHO", "true"), ("CALL_LOST_SECONDS", "3")]).await;
    server.logs(ECHO_IS_THERE, 1).await;
    let (anna, boris) = tokio::join!(
        somebody(Cli::new(&server), "Anna"),
        somebody(Cli::new(&server), "Boris")
    );
    let own = anna.cli.file("said.wav");
    sound::write(&own, 6);
    sound::write(&boris.cli.file("said.wav"), 6);
    let call = [
        "call",
        "echo",
        "--audio",
        "said.wav",
        "--record",
        "heard.wav",
        "--for",
        "9",
    ];
    let (mut one, mut other) = (anna.cli.start(&call), boris.cli.start(&call));
    tokio::join!(connected(&mut one), connected(&mut other));
    for running in [&mut one, &mut other] {
        let over = running.event_within("over", TALK_WITHIN).await;
        assert_eq!(over["reason"], "ended", "{over}");
    }
    for somebody in [&anna, &boris] {
        let share = sound::share_heard(&own, &somebody.cli.file("heard.wav"));
        assert!(share > 0.9, "{share}");
    }
}

#[tokio::test]
async fn the_echo_is_the_same_after_a_restart() {
    let mut server = Server::with(&[("CALL_ECHO", "true")]).await;
    server.logs(ECHO_IS_THERE, 1).await;
    let anna = somebody(Cli::new(&server), "Anna").await;
    let call = ["call", "echo", "--for", "1"];
    let mut first = anna.cli.start(&call);
    let before = first.event("calling").await["uid"].clone();
    connected(&mut first).await;
    first.event_within("over", TALK_WITHIN).await;
    server.start_again().await;
    server.logs(ECHO_IS_THERE, 2).await;
    let mut again = anna.cli.start(&call);
    assert_eq!(again.event("calling").await["uid"], before);
    connected(&mut again).await;
    let over = again.event_within("over", TALK_WITHIN).await;
    assert_eq!(over["reason"], "ended", "{over}");
}
