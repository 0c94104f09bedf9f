//! An existing client calls the echo: no name for the call, descriptions and ways in plain, and sound that comes back.

use melo_media::{FRAME, Peer, PeerEvent, SAMPLE_RATE, SoundEncoder, SoundPacket, WayOptions};
use melo_tests::{Chat, Fields, Server, Socket};
use serde_json::{Value, json};

/// The next frame of a call, others than states passed over.
async fn said(socket: &mut Socket) -> Value {
    loop {
        let frame = socket.frame().await;
        if frame["type"] != "call_state" {
            return frame;
        }
    }
}

#[tokio::test]
async fn an_existing_client_hears_itself() {
    let server = Server::with(&[("CALL_ECHO", "true")]).await;
    server.logs("the echo answers calls", 1).await;
    let anna = server.anonymous().join("Anna").await;
    let echo = anna.get("/ice_servers").await.ok().text("echo");
    let mut socket = anna.settled().await;
    anna.subscribe(&echo, false).await.ok();
    socket.expect_frame("subscription_confirmed").await;

    let (peer, mut ends) = Peer::new(WayOptions::direct().unwrap()).await.unwrap();
    let offer = peer.offer(false).await.unwrap();
    let described = json!({"type": "offer", "sdp": offer});
    socket
        .send(&json!({"type": "offer", "target": echo, "sdp": described}))
        .await;
    let answer = loop {
        let frame = said(&mut socket).await;
        assert_eq!(frame["from"], echo);
        assert_eq!(frame["verified"], false);
        if frame["type"] == "answer" {
            break frame;
        }
        assert_eq!(frame["type"], "call_accept", "{frame}");
    };
    assert_eq!(answer["sdp"]["type"], "answer", "in the form of the offer");
    peer.accept(&answer["sdp"].text("sdp")).await.unwrap();
    // Ways go to and fro until the two have each other.
    loop {
        tokio::select! {
            event = ends.events.recv() => match event.unwrap() {
                PeerEvent::Candidate(way) => {
                    let way: Value = serde_json::from_str(&way).unwrap();
                    socket.send(&json!({"type": "ice_candidate", "target": echo, "candidate": way})).await;
                }
                PeerEvent::Connected => break,
                other => panic!("{other:?}"),
            },
            frame = said(&mut socket) => {
                assert_eq!(frame["type"], "candidate", "{frame}");
                peer.add_candidate(&frame["candidate"].to_string()).await.unwrap();
            }
        }
    }
    // Half a minute of silence at most: the first packet that comes back ends it.
    let mut encoder = SoundEncoder::new(SAMPLE_RATE).unwrap();
    let mut clock = tokio::time::interval(std::time::Duration::from_millis(20));
    let mut sent: u16 = 0;
    let heard = loop {
        tokio::select! {
            packet = ends.sound.recv() => break packet.unwrap(),
            _ = clock.tick() => {
                assert!(sent < 1_500, "nothing comes back");
                let payload = encoder.encode(&[0; FRAME]).unwrap().into();
                let timestamp = u32::from(sent) * SAMPLE_RATE / 50;
                peer.send(SoundPacket { sequence: sent, timestamp, payload }).await.unwrap();
                sent += 1;
            }
        }
    };
    assert!(!heard.payload.is_empty());
    socket
        .send(&json!({"type": "call_end", "target": echo}))
        .await;
    socket.until("call_record").await;
    peer.close().await;
}

#[tokio::test]
async fn the_echo_stays_in_no_group() {
    let server = Server::with(&[("CALL_ECHO", "true")]).await;
    server.logs("the echo answers calls", 1).await;
    let anna = server.anonymous().join("Anna").await;
    let echo = anna.get("/ice_servers").await.ok().text("echo");
    let mut socket = anna.settled().await;
    anna.subscribe(&echo, false).await.ok();
    socket.expect_frame("subscription_confirmed").await;
    let group = Chat::group(&anna, &[]).await;
    group
        .post_uid(&anna, "/chats/members/add", &echo)
        .await
        .ok();
    let left = socket.until("member_left").await.pop().unwrap();
    assert_eq!(left["user_id"], echo, "{left}");
    assert_eq!(group.members(&anna).await.len(), 1);
}
