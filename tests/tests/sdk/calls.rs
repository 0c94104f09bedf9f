//! Calls: what is said in one is sealed for the device it is for, and both see the same short code.

use melo_client::Client;
use melo_client::client::{CallDeed, CallEvent, CallHeard, CallWords, Event, Proof};
use melo_client::crypto::call::{Fingerprint, Said};
use melo_domain::{CallId, CallState, Media, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::frame::{CallStateFrame, CallStatus};
use melo_tests::Server;

use crate::someone::{Online, Someone};

fn description(letter: char) -> String {
    let pair = format!("{letter}{letter}");
    let fingerprint = vec![pair; 32].join(":");
    format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 {fingerprint}\r\n")
}

async fn heard(online: &mut Online, kind: &str) -> CallHeard {
    online
        .until(|event| match event {
            Event::Call(CallEvent::Heard(heard)) if heard.kind == kind => Some(heard),
            _ => None,
        })
        .await
}

async fn state(online: &mut Online, status: CallStatus) -> CallStateFrame<'static> {
    online
        .until(|event| match event {
            Event::Call(CallEvent::State(frame)) if frame.state == status => Some(frame),
            Event::Call(CallEvent::Refused { code, detail, .. }) => panic!("{code:?}: {detail}"),
            _ => None,
        })
        .await
}

fn words(call: CallId, target: Uid) -> CallWords {
    CallWords {
        call_id: call,
        target: Some(target),
        chat: None,
        device: None,
        media: Some(Media::Audio),
    }
}

fn said(heard: CallHeard) -> (Said, Proof) {
    heard
        .signal
        .expect("something sealed")
        .expect("something believed")
}

#[tokio::test]
async fn two_devices_agree_and_the_server_hears_nothing() {
    let server = Server::start().await;
    let anna = Someone::join(&server, "Anna").await;
    let boris = Someone::join(&server, "Boris").await;
    anna.befriend(&boris).await;
    let tablet = boris.another_device(&server).await;
    let (mut annas, mut boriss, mut tablets) = (
        anna.online().await,
        boris.online().await,
        tablet.online().await,
    );

    let call = Client::new_call_id().unwrap();
    let (offer, answer) = (description('A'), description('B'));
    let to_boris = words(call, boris.uid());
    annas
        .live
        .call_line()
        .say(&to_boris, Said::Offer { sdp: offer.clone() })
        .await
        .unwrap();
    state(&mut annas, CallStatus::Ringing).await;
    // Both of Boris's devices ring, and read the same.
    for online in [&mut boriss, &mut tablets] {
        let rung = heard(online, "offer").await;
        assert_eq!((rung.from, rung.media), (anna.uid(), Some(Media::Audio)));
        assert_eq!(rung.call_id, Some(call));
        assert_eq!(
            said(rung),
            (Said::Offer { sdp: offer.clone() }, Proof::Signed)
        );
    }
    let to_anna = CallWords {
        device: Some(anna.client.device()),
        ..words(call, anna.uid())
    };
    tablets
        .live
        .call_line()
        .act(&to_anna, CallDeed::Accept)
        .unwrap();
    state(&mut tablets, CallStatus::Answered).await;
    let elsewhere = state(&mut boriss, CallStatus::AnsweredElsewhere).await;
    assert_eq!(elsewhere.device, Some(tablet.client.device()));
    let answered = state(&mut annas, CallStatus::Answered).await;
    assert_eq!(answered.device, Some(tablet.client.device()));
    tablets
        .live
        .call_line()
        .say(
            &to_anna,
            Said::Answer {
                sdp: answer.clone(),
            },
        )
        .await
        .unwrap();
    let came = heard(&mut annas, "answer").await;
    assert_eq!(
        said(came).0,
        Said::Answer {
            sdp: answer.clone()
        }
    );
    let candidate = Said::Candidate {
        candidate: r#"{"candidate":"candidate:42 1 udp 1 192.0.2.7 5000 typ host"}"#.to_owned(),
    };
    let to_tablet = CallWords {
        device: answered.device,
        ..to_boris.clone()
    };
    annas
        .live
        .call_line()
        .say(&to_tablet, candidate.clone())
        .await
        .unwrap();
    assert_eq!(said(heard(&mut tablets, "candidate").await).0, candidate);
    let status = Said::Status {
        hold: false,
        muted: true,
        camera: false,
    };
    tablets
        .live
        .call_line()
        .say(&to_anna, status.clone())
        .await
        .unwrap();
    assert_eq!(said(heard(&mut annas, "call_signal").await).0, status);

    // The code, on both sides.
    let own = Fingerprint::in_description(&offer).unwrap();
    let theirs = Fingerprint::in_description(&answer).unwrap();
    let annas_code = anna
        .client
        .short_code(call, boris.uid(), own, theirs)
        .await
        .unwrap();
    let tablets_code = tablet
        .client
        .short_code(call, anna.uid(), theirs, own)
        .await
        .unwrap();
    assert_eq!(annas_code, tablets_code);
    assert_eq!(annas_code.emoji().count(), 4);

    // Who tries from the other device is told whose it is.
    boriss
        .live
        .call_line()
        .act(&to_anna, CallDeed::Accept)
        .unwrap();
    let refused = boriss
        .until(|event| match event {
            Event::Call(CallEvent::Refused { code, .. }) => Some(code),
            _ => None,
        })
        .await;
    assert_eq!(refused, ErrorCode::CallTaken);
    annas
        .live
        .call_line()
        .act(&to_boris, CallDeed::End)
        .unwrap();
    state(&mut tablets, CallStatus::Ended).await;
    for online in [&mut annas, &mut tablets, &mut boriss] {
        let record = online
            .until(|event| match event {
                Event::Call(CallEvent::Record { record, .. }) => Some(record),
                _ => None,
            })
            .await;
        assert_eq!((record.call_id, record.state), (call, CallState::Ended));
    }
    // What was said is nowhere on the server: not in its data, not in its log.
    for marker in ["candidate:42", "192.0.2.7", "AA:AA:AA"] {
        for (form, bytes) in melo_tests::search::forms(marker) {
            for file in melo_tests::search::files_below(&server.data_dir()) {
                let content = std::fs::read(&file).unwrap();
                let found = content.windows(bytes.len()).any(|window| window == bytes);
                assert!(!found, "{marker} as {form} in {}", file.display());
            }
        }
        assert!(!server.log().contains(marker));
    }
}
