//! Calls with sound between two devices of the SDK: whom a call is with.

use melo_client::client::{CallEvent, CallHeard, Event, Proof};
use melo_client::crypto::call::Said;
use melo_client::phone::{CallNews, OngoingCall, Phone, PhoneOptions, Voice};
use melo_tests::{PATIENCE, Server};

use crate::someone::{Online, Someone};

fn silence() -> Voice {
    Voice::Files {
        play: None,
        record: None,
    }
}

fn phone(somebody: &Someone, online: &Online) -> Phone {
    let line = online.live.call_line();
    Phone::new(somebody.client.clone(), line, PhoneOptions::default())
}

/// Gives the call what arrives for it, until it comes to what is looked for.
async fn until<T>(
    online: &mut Online,
    call: &mut OngoingCall,
    look: impl Fn(&CallNews) -> Option<T>,
) -> T {
    let going_on = async {
        loop {
            tokio::select! {
                news = call.next() => {
                    let news = news.expect("a call");
                    if let Some(found) = look(&news) {
                        return found;
                    }
                    assert!(!matches!(news, CallNews::Over(..)), "{news:?}");
                }
                event = online.event() => if let Event::Call(event) = event && call.is_about(&event) {
                    call.hear(event);
                }
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, going_on).await;
    ended.expect("it comes to that")
}

fn code(news: &CallNews) -> Option<[usize; 4]> {
    match news {
        CallNews::Connected { code, verified, .. } => {
            assert!(!verified, "nobody has compared anything");
            Some(code.expect("a code").places())
        }
        _ => None,
    }
}

/// A server could pass on what somebody else, who is vouched for as themselves, says in a call that is not theirs.
#[tokio::test]
async fn a_call_is_with_the_one_who_was_called_and_nobody_else() {
    let server = Server::start().await;
    let anna = Someone::join(&server, "Anna").await;
    let boris = Someone::join(&server, "Boris").await;
    let carl = Someone::join(&server, "Carl").await;
    anna.befriend(&boris).await;
    anna.befriend(&carl).await;
    let (mut annas, mut boriss) = (anna.online().await, boris.online().await);
    let mut call = phone(&anna, &annas)
        .call(boris.uid(), silence())
        .await
        .unwrap();
    until(&mut annas, &mut call, |news| {
        matches!(news, CallNews::Ringing).then_some(())
    })
    .await;
    let from_carl = |said, kind: &str| {
        CallEvent::Heard(CallHeard {
            call_id: Some(call.id()),
            chat: None,
            from: carl.uid(),
            device: Some(carl.client.device()),
            kind: kind.to_owned(),
            media: None,
            speaking: None,
            signal: Some(Ok((said, Proof::Verified))),
            plain: None,
        })
    };
    let fingerprint = vec!["AA"; 32].join(":");
    let sdp = format!("v=0\r\na=fingerprint:sha-256 {fingerprint}\r\n");
    call.hear(from_carl(Said::Answer { sdp: sdp.clone() }, "answer"));
    call.hear(from_carl(Said::Offer { sdp }, "offer"));

    let offer = boriss
        .until(|event| match event {
            Event::Call(CallEvent::Heard(heard)) if heard.kind == "offer" => Some(heard),
            _ => None,
        })
        .await;
    let mut answered = phone(&boris, &boriss)
        .answer(offer, silence())
        .await
        .unwrap();
    let codes = tokio::join!(
        until(&mut annas, &mut call, code),
        until(&mut boriss, &mut answered, code)
    );
    assert_eq!(codes.0, codes.1);
}
