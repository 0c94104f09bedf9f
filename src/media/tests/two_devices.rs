//! Two devices of one machine: what one says is what the other hears.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    missing_docs
)]

use std::time::Duration;

use melo_media::{
    Echo, FRAME, Peer, PeerEnds, PeerEvent, Playout, SAMPLE_RATE, SoundEncoder, SoundPacket,
    WayOptions,
};
use tokio::time::Instant;

/// How long anything may take that should happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Passes the ways of one device on to the other, until the first one is connected.
async fn introduce(from: &mut PeerEnds, to: &Peer) {
    while let Some(event) = from.events.recv().await {
        match event {
            PeerEvent::Candidate(candidate) => to.add_candidate(&candidate).await.unwrap(),
            PeerEvent::Connected => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("the connection is gone");
}

async fn pass_on(event: PeerEvent, to: &Peer) {
    if let PeerEvent::Candidate(way) = event {
        to.add_candidate(&way).await.unwrap();
    }
}

async fn pair() -> (Peer, PeerEnds, Peer, PeerEnds) {
    let (anna, mut annas) = Peer::new(WayOptions::direct().unwrap()).await.unwrap();
    let (boris, mut boriss) = Peer::new(WayOptions::direct().unwrap()).await.unwrap();
    let offer = anna.offer(false).await.unwrap();
    let answer = boris.answer(&offer).await.unwrap();
    anna.accept(&answer).await.unwrap();
    let meeting =
        async { tokio::join!(introduce(&mut annas, &boris), introduce(&mut boriss, &anna)) };
    tokio::time::timeout(PATIENCE, meeting)
        .await
        .expect("a connection");
    (anna, annas, boris, boriss)
}

/// Twenty milliseconds of a tone that rises.
fn tone(n: usize) -> Vec<i16> {
    let sample = |at: usize| {
        let time = at as f64 / f64::from(SAMPLE_RATE);
        ((time * (300.0 + 100.0 * time) * std::f64::consts::TAU).sin() * 10_000.0) as i16
    };
    (n * FRAME..(n + 1) * FRAME).map(sample).collect()
}

/// Speaks for so many pieces of 20 ms.
async fn speak(peer: &Peer, count: usize) {
    let mut encoder = SoundEncoder::new(SAMPLE_RATE).unwrap();
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    for n in 0..count {
        clock.tick().await;
        let packet = SoundPacket {
            sequence: n as u16,
            timestamp: (n * FRAME) as u32,
            payload: encoder.encode(&tone(n)).unwrap().into(),
        };
        peer.send(packet).await.unwrap();
    }
}

async fn hear(ends: &mut PeerEnds, count: usize) -> Vec<i16> {
    let mut playout = Playout::new().unwrap();
    let mut sound = Vec::new();
    for _ in 0..count {
        let packet = tokio::time::timeout(PATIENCE, ends.sound.recv()).await;
        sound.extend(playout.put(
            packet.expect("sound").expect("sound"),
            Instant::now().into_std(),
        ));
    }
    sound.extend(playout.finish());
    sound
}

/// How alike two sounds are, from 0 to 1, wherever the one begins within the other.
fn likeness(said: &[i16], heard: &[i16]) -> f64 {
    let middle = &said[said.len() / 3..said.len() / 3 + 9_600];
    let energy = |sound: &[i16]| {
        sound
            .iter()
            .map(|s| f64::from(*s).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let product = |part: &[i16]| {
        part.iter()
            .zip(middle)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    heard
        .windows(middle.len())
        .step_by(4)
        .map(|part| product(part) / (energy(part) * energy(middle)).max(1.0))
        .fold(0.0, f64::max)
}

#[tokio::test]
async fn what_one_says_is_what_the_other_hears() {
    let (anna, _annas, boris, mut boriss) = pair().await;
    let count = 100;
    let ((), heard) = tokio::join!(speak(&anna, count), hear(&mut boriss, count - 5));
    let said: Vec<i16> = (0..count).flat_map(tone).collect();
    let likeness = likeness(&said, &heard);
    assert!(likeness > 0.95, "{likeness}");
    let quality = boris.quality().await;
    assert_eq!(quality.way, Some("host"));
    assert!(quality.loss < 10.0, "{quality:?}");
    tokio::join!(anna.close(), boris.close());
}

#[tokio::test]
async fn an_echo_sends_back_what_was_said() {
    let (anna, mut annas, boris, mut boriss) = pair().await;
    let count = 100;
    let echo = async {
        let mut echo = Echo::default();
        let forever = Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                packet = boriss.sound.recv() => echo.hear(packet.unwrap(), Instant::now()),
                () = tokio::time::sleep_until(echo.due().unwrap_or(forever)) => {
                    while let Some(packet) = echo.say(Instant::now()) {
                        boris.send(packet).await.unwrap();
                    }
                }
            }
        }
    };
    let heard = async { tokio::join!(speak(&anna, count), hear(&mut annas, count - 5)).1 };
    let heard = tokio::select! {
        heard = heard => heard,
        () = echo => Vec::new(),
    };
    let said: Vec<i16> = (0..count).flat_map(tone).collect();
    let likeness = likeness(&said, &heard);
    assert!(likeness > 0.95, "{likeness}");
    tokio::join!(anna.close(), boris.close());
}

#[tokio::test]
async fn another_way_is_found_while_the_two_talk() {
    let (anna, mut annas, boris, boriss) = pair().await;
    let offer = anna.offer(true).await.unwrap();
    let answer = boris.answer(&offer).await.unwrap();
    anna.accept(&answer).await.unwrap();
    let PeerEnds { mut events, sound } = boriss;
    let (_, nothing) = tokio::sync::mpsc::channel(1);
    let mut boriss = PeerEnds {
        events: nothing,
        sound,
    };
    let ways = async {
        loop {
            tokio::select! {
                Some(event) = annas.events.recv() => pass_on(event, &boris).await,
                Some(event) = events.recv() => pass_on(event, &anna).await,
            }
        }
    };
    let heard = async { tokio::join!(speak(&anna, 100), hear(&mut boriss, 80)).1 };
    let heard = tokio::select! {
        heard = heard => heard,
        () = ways => Vec::new(),
    };
    assert!(heard.len() >= 80 * FRAME);
}

#[tokio::test]
async fn who_does_not_take_our_codec_is_told() {
    let (anna, _ends) = Peer::new(WayOptions::direct().unwrap()).await.unwrap();
    let offer = anna.offer(false).await.unwrap();
    let (boris, _ends) = Peer::new(WayOptions::direct().unwrap()).await.unwrap();
    assert!(boris.answer("v=0\r\nno description").await.is_err());
    assert!(
        boris
            .answer(&offer.replace("opus/48000/2", "PCMU/8000"))
            .await
            .is_err()
    );
    assert!(anna.add_candidate("no candidate").await.is_err());
}
