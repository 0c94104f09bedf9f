//! The key directory and envelopes on their way through the server.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_protocol::ErrorCode;
use melo_tests::keys::{DeviceKeys, SHORT_RSA_PEM, der, envelope, signing_key};
use melo_tests::{Device, Fields, Server, assert_shape, befriend, unique};
use serde_json::{Value, json};

async fn publish(device: &Device, keys: &DeviceKeys) -> u64 {
    let answer = device.post("/keys", &keys.publication(device)).await.ok();
    assert_shape(&answer, "status:text version:number");
    assert_eq!(answer["status"], "ok");
    answer.number("version")
}

#[tokio::test]
async fn devices_publish_and_contacts_fetch() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let tablet = anna.user.login_new().await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let own = format!("/keys/{}", anna.uid);

    let empty = anna.get(&own).await.ok();
    assert_eq!(
        empty,
        json!({"uid": anna.uid, "identity_key": null, "version": 0, "devices": []})
    );
    let identity = signing_key();
    let (phone_keys, tablet_keys) = (DeviceKeys::new(0, &identity), DeviceKeys::new(1, &identity));
    assert_eq!(publish(&anna, &phone_keys).await, 1);
    assert_eq!(
        publish(&anna, &phone_keys).await,
        1,
        "the same again changes nothing"
    );
    assert_eq!(publish(&tablet, &tablet_keys).await, 2);

    let directory = anna.get(&own).await.ok();
    assert_shape(
        &directory,
        "uid:uid identity_key:text version:number devices:list",
    );
    assert_eq!(directory["version"], 2);
    let mut devices = directory.list("devices").clone();
    devices.sort_by_key(|d| d["device"] != anna.handle);
    for (found, (device, keys)) in devices
        .iter()
        .zip([(&anna, &phone_keys), (&tablet, &tablet_keys)])
    {
        assert_shape(
            found,
            "device:hex16 kid:kid encryption_key:text signing_key:text signature:text",
        );
        let published = keys.publication(device);
        for field in ["device", "encryption_key", "signing_key", "signature"] {
            assert_eq!(found[field], published[field], "{field}");
        }
        assert_eq!(found["kid"], keys.kid());
        assert_eq!(directory["identity_key"], published["identity_key"]);
    }
    assert_eq!(devices.len(), 2);

    // Strangers may not; from the request on, both may, so that they can compare before accepting.
    boris.get(&own).await.problem(ErrorCode::NotAContact);
    boris
        .get("/keys/99999999")
        .await
        .problem(ErrorCode::UserNotFound);
    assert_eq!(boris.get("/keys/abc").await.refused_fields(), ["uid"]);
    boris.subscribe(&anna.uid, false).await.ok();
    assert_eq!(boris.get(&own).await.ok(), directory);
    anna.get(&format!("/keys/{}", boris.uid)).await.ok();
    anna.confirm(&boris.uid).await.ok();
    assert_eq!(boris.get(&own).await.ok(), directory);
    clara.get(&own).await.problem(ErrorCode::NotAContact);

    // A device leaves.
    let gone = anna.delete(&format!("/keys/{}", tablet.handle)).await.ok();
    assert_eq!(gone, json!({"status": "ok", "version": 3}));
    let after = boris.get(&own).await.ok();
    assert_eq!(
        (after.number("version"), after.list("devices").len()),
        (3, 1)
    );
    anna.delete(&format!("/keys/{}", tablet.handle))
        .await
        .problem(ErrorCode::NotFound);
    boris
        .delete(&format!("/keys/{}", anna.handle))
        .await
        .problem(ErrorCode::NotFound);
    assert_eq!(boris.delete("/keys/x").await.refused_fields(), ["device"]);
}

#[tokio::test]
async fn keys_that_do_not_hold_are_refused() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let tablet = anna.user.login_new().await;
    let boris = server.anonymous().join("Boris").await;
    let keys = DeviceKeys::new(0, &signing_key());
    let good = keys.publication(&anna);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);

    let other_identity = DeviceKeys {
        identity: signing_key(),
        ..keys.clone()
    }
    .publication(&anna);
    let of_tablet = keys.publication(&tablet);
    let of_boris = keys.publication(&boris);
    for (field, value) in [
        ("signature", other_identity["signature"].clone()),
        ("signature", of_tablet["signature"].clone()),
        ("signature", of_boris["signature"].clone()),
        ("signature", json!("")),
        ("signature", json!(encode(&[0; 64]))),
        ("signing_key", json!(encode(&[0; 32]))),
        ("signing_key", json!(encode(&[1; 31]))),
        ("signing_key", other_identity["identity_key"].clone()),
        ("identity_key", other_identity["identity_key"].clone()),
        // The neutral element: every signature would hold under it.
        (
            "identity_key",
            json!(encode(&[&[1_u8][..], &[0; 31]].concat())),
        ),
        ("encryption_key", json!(encode(&der(SHORT_RSA_PEM)))),
        ("encryption_key", json!(encode(b"not a key"))),
        ("encryption_key", json!("")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = anna.post("/keys", &body).await;
        answer.problem(ErrorCode::InvalidKey);
    }
    for field in ["encryption_key", "signing_key", "identity_key", "signature"] {
        let mut body = good.clone();
        for not_base64url in ["=", "a+/b", "Zm9v YmFy"] {
            body[field] = json!(not_base64url);
            assert_eq!(anna.post("/keys", &body).await.refused_fields(), [field]);
        }
        body.as_object_mut().unwrap().remove(field);
        assert_eq!(anna.post("/keys", &body).await.refused_fields(), [field]);
    }
    // A device speaks for itself only, even to its own account.
    anna.post("/keys", &of_tablet)
        .await
        .problem(ErrorCode::Forbidden);
    anna.post("/keys", &of_boris)
        .await
        .problem(ErrorCode::Forbidden);
    let directory = anna.get(&format!("/keys/{}", anna.uid)).await.ok();
    assert_eq!(directory["version"], 0, "nothing of this was kept");
    publish(&anna, &keys).await;
}

#[tokio::test]
async fn another_identity_must_be_meant() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let tablet = anna.user.login_new().await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let identity = signing_key();
    publish(&anna, &DeviceKeys::new(0, &identity)).await;
    publish(&tablet, &DeviceKeys::new(1, &identity)).await;
    let mut boriss = boris.settled().await;
    let mut annas = anna.settled().await;

    let replacement = DeviceKeys::new(2, &signing_key());
    let mut body = replacement.publication(&tablet);
    tablet
        .post("/keys", &body)
        .await
        .problem(ErrorCode::IdentityConflict);
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);

    body["replace_identity"] = json!(true);
    assert_eq!(tablet.post("/keys", &body).await.ok()["version"], 3);
    for socket in [&mut boriss, &mut annas] {
        let notice = socket.expect_frame("keys_changed").await;
        assert_shape(
            &notice,
            "user_id:uid version:number identity_changed:bool log:log seq:number at:time",
        );
        assert_eq!(notice["user_id"], anna.uid);
        assert_eq!(
            (&notice["version"], &notice["identity_changed"]),
            (&json!(3), &json!(true))
        );
    }
    let directory = boris.get(&format!("/keys/{}", anna.uid)).await.ok();
    assert_eq!(directory["identity_key"], body["identity_key"]);
    assert_eq!(
        directory.list("devices").len(),
        1,
        "every other device has left"
    );
    assert_eq!(directory.list("devices")[0]["device"], tablet.handle);
}

#[tokio::test]
async fn contacts_are_told_of_every_change() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    clara.subscribe(&anna.uid, false).await.ok();
    let mut annas = anna.settled().await;
    let mut claras = clara.settled().await;
    boris.settled().await.close().await;
    let keys = DeviceKeys::new(0, &signing_key());
    publish(&anna, &keys).await;
    anna.delete(&format!("/keys/{}", anna.handle)).await.ok();

    for version in 1..=2 {
        let notice = annas.expect_frame("keys_changed").await;
        assert_eq!(
            (&notice["version"], &notice["identity_changed"]),
            (&json!(version), &json!(false))
        );
    }
    let (_, missed) = boris.catch_up().await;
    let versions: Vec<u64> = missed.iter().map(|f| f.number("version")).collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(
        claras.barrier().await,
        [Value::Null; 0],
        "a request is no contact yet"
    );
}

#[tokio::test]
async fn each_device_gets_its_own_key_alone() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let tablet = anna.user.login_new().await;
    let boris = server.anonymous().join("Boris").await;
    let old_client = boris.user.login_new().await;
    befriend(&anna, &boris).await;
    let identity = signing_key();
    let (phone_keys, tablet_keys) = (DeviceKeys::new(0, &identity), DeviceKeys::new(1, &identity));
    let boris_keys = DeviceKeys::new(2, &signing_key());
    publish(&anna, &phone_keys).await;
    publish(&tablet, &tablet_keys).await;
    publish(&boris, &boris_keys).await;
    let mut annas = anna.settled().await;
    let mut tablets = tablet.settled().await;
    let mut boriss = boris.settled().await;
    let mut without_keys = old_client.settled().await;

    let kids = [boris_keys.kid(), tablet_keys.kid(), phone_keys.kid()];
    let kids: Vec<&str> = kids.iter().map(String::as_str).collect();
    let sent = envelope(&anna, &kids);
    annas.say(&boris.uid, &sent).await;
    let only = |kid: Option<&str>| {
        let mut expected = sent.clone();
        let keys = expected["keys"].as_object_mut().unwrap();
        keys.retain(|name, _| Some(name.as_str()) == kid);
        expected
    };
    for (socket, kid) in [
        (&mut tablets, Some(kids[1])),
        (&mut boriss, Some(kids[0])),
        (&mut without_keys, None),
    ] {
        let delivery = socket.expect_frame("relay_delivery").await;
        assert_eq!(delivery["payload"], only(kid));
    }
    // From the log it is the same: on reconnecting, in both kinds of history.
    drop(boriss);
    let (mut boriss, missed) = boris.catch_up().await;
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0]["payload"], only(Some(kids[0])));
    boriss
        .send(&json!({"type": "get_history", "target": anna.uid}))
        .await;
    let history = boriss.expect_frame("history").await;
    let text: Value = serde_json::from_str(history["messages"][0].as_str().unwrap()).unwrap();
    assert_eq!(text, only(Some(kids[0])));
    for (device, other, kid) in [
        (&boris, &anna, Some(kids[0])),
        (&tablet, &boris, Some(kids[1])),
        (&anna, &boris, Some(kids[2])),
        (&old_client, &anna, None),
    ] {
        let page = device
            .get(&format!("/messages/history/dm/{}", other.uid))
            .await
            .ok();
        assert_eq!(page["events"][0]["payload"], only(kid));
        let text: Value = serde_json::from_str(page["messages"][0].as_str().unwrap()).unwrap();
        assert_eq!(text, only(kid));
    }

    // A device that publishes while it is connected gets its own key from then on.
    let late_keys = DeviceKeys::new(3, &boris_keys.identity);
    let late = late_keys.kid();
    publish(&old_client, &late_keys).await;
    annas.until("keys_changed").await;
    without_keys.until("keys_changed").await;
    let all: Vec<&str> = kids.iter().copied().chain([late.as_str()]).collect();
    annas.say(&boris.uid, &envelope(&anna, &all)).await;
    let delivery = without_keys.expect_frame("relay_delivery").await;
    let keys = delivery["payload"]["keys"].as_object().unwrap();
    assert_eq!(keys.keys().collect::<Vec<_>>(), [&late]);
}

#[tokio::test]
async fn an_envelope_is_for_exactly_the_devices_there_are() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let tablet = anna.user.login_new().await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    let boris_keys = DeviceKeys::new(2, &signing_key());
    let boris_kid = boris_keys.kid();

    // Nobody there can read it.
    annas
        .relay(&boris.uid, &envelope(&anna, &[&boris_kid]))
        .await;
    annas.expect_error("invalid_envelope").await;

    let identity = signing_key();
    let (phone_keys, tablet_keys) = (DeviceKeys::new(0, &identity), DeviceKeys::new(1, &identity));
    publish(&boris, &boris_keys).await;
    publish(&anna, &phone_keys).await;
    publish(&tablet, &tablet_keys).await;
    let (own, tablet_kid) = (phone_keys.kid(), tablet_keys.kid());
    let stranger = "f".repeat(32);
    annas.barrier().await;

    let cases: [(&[&str], &[&str], &[&str]); 4] = [
        (&[&boris_kid], &[&tablet_kid], &[]),
        (&[&tablet_kid], &[&boris_kid], &[]),
        (&[&boris_kid, &tablet_kid, &stranger], &[], &[&stranger]),
        (&[&own, &stranger], &[&boris_kid, &tablet_kid], &[&stranger]),
    ];
    for (kids, missing, extra) in cases {
        let sorted = |value: &Value| {
            let mut names: Vec<String> = value
                .as_array()
                .into_iter()
                .flatten()
                .map(|n| n.as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        let (mut missing, mut extra) = (missing.to_vec(), extra.to_vec());
        missing.sort_unstable();
        extra.sort_unstable();
        let client_id = annas.relay(&boris.uid, &envelope(&anna, kids)).await;
        let error = annas.expect_error("device_mismatch").await;
        assert_eq!(error["client_id"], client_id.to_string());
        assert_eq!(error["retryable"], true);
        assert_eq!(
            (sorted(&error["missing"]), sorted(&error["extra"])),
            (
                missing.iter().map(|s| (*s).to_owned()).collect(),
                extra.iter().map(|s| (*s).to_owned()).collect()
            )
        );
        // The same over REST; and with the devices put right, the same id is good.
        let answer = anna
            .post_message(&boris.uid, &envelope(&anna, kids), client_id)
            .await;
        let mut problem = answer.problem(ErrorCode::DeviceMismatch);
        problem.missing.sort();
        problem.extra.sort();
        assert_eq!(problem.missing, missing);
        assert_eq!(problem.extra, extra);
        let right = envelope(&anna, &[&boris_kid, &tablet_kid]);
        annas.relay_as(&boris.uid, &right, client_id).await;
        assert_eq!(annas.expect_frame("msg_status").await["status"], "queued");
    }
    // The sending device may be among them.
    annas
        .say(
            &boris.uid,
            &envelope(&anna, &[&own, &boris_kid, &tablet_kid]),
        )
        .await;

    // When a device leaves, the old envelope is refused at once.
    anna.delete(&format!("/keys/{}", tablet.handle)).await.ok();
    annas.expect_frame("keys_changed").await;
    annas
        .relay(&boris.uid, &envelope(&anna, &[&boris_kid, &tablet_kid]))
        .await;
    let error = annas.expect_error("device_mismatch").await;
    assert_eq!(error["extra"], json!([tablet_kid]));
    annas.say(&boris.uid, &envelope(&anna, &[&boris_kid])).await;
}

#[tokio::test]
async fn what_claims_to_be_an_envelope_must_be_one() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let keys = DeviceKeys::new(0, &signing_key());
    publish(&boris, &keys).await;
    let mut annas = anna.settled().await;
    let kid = keys.kid();
    let good = envelope(&anna, &[&kid]);
    let mut cases = Vec::new();
    for (field, value) in [
        ("v", json!(2)),
        ("v", json!("1")),
        ("v", json!(null)),
        ("id", json!(5)),
        ("id", json!(null)),
        ("keys", json!([])),
        ("keys", json!("x")),
        ("keys", json!({})),
        ("keys", json!({"x": "y"})),
        ("keys", json!({kid.to_uppercase(): "y"})),
        (
            "keys",
            (0..600)
                .map(|n| (format!("{n:032x}"), json!("y")))
                .collect(),
        ),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        cases.push(bad);
    }
    for missing in ["id", "keys"] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(missing);
        cases.push(bad);
    }
    for bad in cases {
        annas.relay(&boris.uid, &bad).await;
        annas.expect_error("invalid_envelope").await;
        let answer = anna
            .post_message(&boris.uid, &bad, unique::client_id())
            .await;
        answer.problem(ErrorCode::InvalidEnvelope);
    }
    annas.say(&boris.uid, &good).await;
}
