//! A story with marker values, and then a search for them in everything the server leaves behind.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use melo_tests::files::{form, form_type, photo_that_tells, unzip, upload};
use melo_tests::keys::{DeviceKeys, envelope, kid, signing_key};
use melo_tests::search::{files_below, forms};
use melo_tests::socket::{bear, request, set_header};
use melo_tests::{Call, Fields, Person, Server, Socket, befriend, unique};
use memchr::memmem::find;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

#[test]
fn the_search_finds_what_is_hidden() {
    let secret = "Zoë Quokka +7916";
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let mut hidden: Vec<Vec<u8>> = vec![
        format!("xx{secret}yy").into_bytes(),
        hex::encode(format!("xx{secret}yy")).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
        b"name=Zo%C3%AB%20Quokka%20%2B7916&x".to_vec(),
        b"name=Zo%c3%ab%20Quokka%20%2b7916&x".to_vec(),
        b"name=Zo%C3%AB+Quokka+%2B7916&x".to_vec(),
        utf16(&format!("x{secret}y")),
    ];
    for offset in 0..6 {
        for trailing in 0..3 {
            let text = format!("{}{secret}{}", "x".repeat(offset), "y".repeat(trailing));
            hidden.push(STANDARD.encode(text).into_bytes());
        }
    }
    for hay in hidden {
        let found = forms(secret)
            .iter()
            .any(|(_, needle)| find(&hay, needle).is_some());
        assert!(found, "{}", String::from_utf8_lossy(&hay));
    }
    let innocent = b"Zoe Quokka +7916, Wm/DqyBRdW9ra2Ega, 5a6f";
    assert!(
        forms(secret)
            .iter()
            .all(|(_, needle)| find(innocent, needle).is_none())
    );
    assert!(
        forms(secret).iter().all(|(_, needle)| needle.len() >= 15),
        "no form is short enough to be chance"
    );
}

/// Looks for every marker in every file; says where each was found. `raw` are values that are bytes to begin with.
fn search(markers: &BTreeMap<&str, String>, raw: &[&[u8]], files: &[PathBuf]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        // One that was removed meanwhile shows nothing.
        let Ok(bytes) = std::fs::read(file) else {
            continue;
        };
        for needle in raw {
            if let Some(at) = find(&bytes, needle) {
                found.push(format!("a key in {} at {at}", file.display()));
            }
        }
        for (what, marker) in markers {
            for (form, needle) in forms(marker) {
                if let Some(at) = find(&bytes, &needle) {
                    found.push(format!("{what} ({form}) in {} at {at}", file.display()));
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn nothing_personal_is_left_in_files_or_logs() {
    let server_log = "melo.log";
    let mut server = Server::with(&[("DEBUG_MODE", "true"), ("LOG_FILE_PATH", server_log)]).await;
    let somebody = server.anonymous();
    let mut person = Person::named("Zanzibar Markerova");
    person.phone = "+79161112233".to_owned();
    person.nickname = "quokka_nick_77".to_owned();
    person.password = "marker-secretword-xyzzy".to_owned();
    person.user_agent = "MarkerAgent-7f3a/9.1 (secretos)".to_owned();
    let device_id = "deadbeefcafef00d";
    let address = "127.13.37.42";
    let key_line = person.public_e2e_key.lines().nth(3).unwrap().to_owned();
    let mut markers = BTreeMap::from([
        ("phone", person.phone.trim_start_matches("+7").to_owned()),
        ("name", "Zanzibar Markerova".to_owned()),
        ("nickname", person.nickname.clone()),
        ("username", "marker_username_9".to_owned()),
        ("bio", "A marker biography, опись".to_owned()),
        ("password", person.password.clone()),
        ("wrong password", "marker-wrong-password".to_owned()),
        ("user agent", person.user_agent.clone()),
        ("device id", device_id.to_owned()),
        ("address", address.to_owned()),
        ("message", "marker message with a xylophone".to_owned()),
        ("message by REST", "marker message by post-horn".to_owned()),
        ("object message", "marker object member".to_owned()),
        ("refused message", "marker message to a stranger".to_owned()),
        ("malformed frame", "marker in a malformed frame".to_owned()),
        ("malformed body", "marker in a malformed body".to_owned()),
        ("key backup", "marker-ciphertext-of-a-backup".to_owned()),
        ("path", "marker-in-a-path".to_owned()),
        ("place of a photo", "12.345678N 98.765432E".to_owned()),
        ("field of a form", "marker-field-of-a-form".to_owned()),
        ("search", "marker_search_name".to_owned()),
        ("account key", key_line),
    ]);

    // Comes in from an address of their own.
    let far_away =
        server.client(|builder| builder.local_address(address.parse::<IpAddr>().unwrap()));
    let from_afar = |path: &str| {
        Call::new(&far_away, server.site().http_port, Method::POST, path)
            .header("user-agent", &markers["user agent"])
    };
    from_afar("/register")
        .json(&person.registration(device_id))
        .send()
        .await
        .ok();
    let login =
        json!({"identifier": person.phone, "password": person.password, "device_id": device_id});
    let signed_in = from_afar("/login").json(&login).send().await.ok();
    let mut zanzibar = {
        let mut device = somebody.join("Placeholder").await;
        device.token = signed_in.text("access_token");
        device.csrf = signed_in.text("csrf_token");
        device.device_token = signed_in.text("device_token");
        device.handle = signed_in.text("device");
        device.uid = signed_in.text("unique_id");
        device
    };
    zanzibar.user.person = person.clone();
    let boris = somebody.join("Boris").await;

    // Says about themselves what there is to say.
    let profile = json!({"username": markers["username"], "bio": markers["bio"]});
    zanzibar.put("/profile", &profile).await.ok();
    zanzibar
        .post(
            "/e2e/secret_key",
            &json!({"ciphertext": markers["key backup"]}),
        )
        .await
        .ok();
    let ticket = zanzibar
        .post("/ws_ticket", &json!({}))
        .await
        .ok()
        .text("ticket");
    let unspent = zanzibar
        .post("/ws_ticket", &json!({}))
        .await
        .ok()
        .text("ticket");
    befriend(&zanzibar, &boris).await;
    upload(&zanzibar, &photo_that_tells(&markers["place of a photo"]))
        .await
        .ok();
    let shown = boris.get(&format!("/avatar/{}", zanzibar.uid)).await.ok();
    let picture = URL_SAFE.decode(shown.text("encrypted_avatar")).unwrap();
    let switches = json!({"last_seen": "nobody", "phone": "contacts"});
    zanzibar.put("/privacy", &switches).await.ok();
    let kept_away = somebody.join("Kept away").await;
    let block = json!({"user_id": kept_away.uid});
    zanzibar.post("/blocks", &block).await.ok();
    kept_away.subscribe(&zanzibar.uid, false).await.ok();
    for name in [&markers["username"], &markers["search"]] {
        let path = format!("/users/search?username={name}");
        boris.get(&path).await.ok();
    }
    let password = json!({"password": person.password});
    let archive = zanzibar.post("/account/export", &password).await;
    assert_eq!(archive.status, 200);
    assert!(unzip(&archive.body).contains_key("profile.json"));
    let identity = signing_key();
    let keys = DeviceKeys::new(1, &identity);
    zanzibar
        .post("/keys", &keys.publication(&zanzibar))
        .await
        .ok();

    // Does what goes wrong, too.
    for (identifier, password) in [
        (&person.phone, "wrong password"),
        (&markers["bio"], "password"),
    ] {
        let body = json!({
            "identifier": identifier, "password": markers[password], "device_id": device_id,
            "device_token": "not this one",
        });
        let answer = from_afar("/login").json(&body).send().await;
        assert_eq!(answer.status, 401);
    }
    from_afar("/register")
        .json(&person.registration(device_id))
        .send()
        .await;
    somebody
        .get(&format!("/{}?q={}", markers["path"], markers["phone"]))
        .await;
    let fields = [(
        markers["field of a form"].as_str(),
        markers["malformed body"].as_bytes(),
    )];
    let strange_form = zanzibar
        .call(Method::POST, "/avatar/upload")
        .body(&form_type(), form(&fields))
        .send()
        .await;
    assert_eq!(strange_form.refused_fields(), ["file"]);
    let body = format!("{{\"identifier\": \"{}\" oops", markers["malformed body"]);
    somebody
        .call(Method::POST, "/login")
        .body("application/json", body)
        .send()
        .await;
    let boundless = json!({"name": markers["name"], "bio": format!("{}\u{7}", markers["bio"])});
    assert_eq!(
        zanzibar.put("/profile", &boundless).await.refused_fields(),
        ["bio"]
    );

    // Writes, over every way there is.
    let mut by_ticket = Socket::open_at(&server.site(), &format!("/?ticket={ticket}")).await;
    by_ticket.until("synced").await;
    let mut by_address =
        Socket::open_at(&server.site(), &format!("/ws?token={}", zanzibar.token)).await;
    by_address.until("synced").await;
    let mut with_agent = request(&server.site(), "/");
    bear(&mut with_agent, &zanzibar.token);
    set_header(&mut with_agent, "user-agent", &person.user_agent);
    let mut socket = Socket::handshake(&server.site(), with_agent).await.unwrap();
    socket.until("synced").await;
    let mut boriss = boris.settled().await;
    socket.say(&boris.uid, &json!(markers["message"])).await;
    socket
        .say(&boris.uid, &json!({"text": markers["object message"]}))
        .await;
    let boris_keys = DeviceKeys::new(2, &signing_key());
    boris
        .post("/keys", &boris_keys.publication(&boris))
        .await
        .ok();
    socket.until("keys_changed").await;
    socket
        .say(&boris.uid, &envelope(&zanzibar, &[&boris_keys.kid()]))
        .await;
    let sent = json!(markers["message by REST"]);
    zanzibar
        .post_message(&boris.uid, &sent, unique::client_id())
        .await
        .ok();
    socket
        .relay("99999999", &json!(markers["refused message"]))
        .await;
    socket.expect_error("not_a_contact").await;
    for frame in [
        "{\"type\":\"relay\",\"target\":5,\"payload\":\"MARKER\"}",
        "MARKER",
        "{\"type\":\"MARKER\"}",
    ] {
        socket
            .send_text(&frame.replace("MARKER", &markers["malformed frame"]))
            .await;
        socket.expect_frame("error").await;
    }
    for _ in 0..4 {
        let message = loop {
            let frame = boriss.frame().await;
            if frame["type"] == "relay_delivery" {
                break frame.text("message_id");
            }
        };
        boriss
            .send(&json!({"type": "ack_read", "message_id": message}))
            .await;
    }
    boriss.barrier().await;
    boris
        .get(&format!("/profile?user_id={}", zanzibar.uid))
        .await
        .ok();

    // Secrets that the server itself has given out.
    // A token and a second factor of hers.
    let named = json!({"name": "marker token quince", "scopes": ["chat:read"]});
    let personal = zanzibar.post("/tokens", &named).await.ok();
    let shown = json!({"password": person.password});
    let factor = zanzibar.post("/two_factor/enrol", &shown).await.ok();
    markers.insert("name of a token", "marker token quince".to_owned());
    markers.insert("personal token", personal.text("token"));
    markers.insert("second factor", factor.text("secret"));
    markers.insert("access token", zanzibar.token.clone());
    markers.insert(
        "token signature",
        zanzibar.token.rsplit('.').next().unwrap().to_owned(),
    );
    markers.insert("device token", zanzibar.device_token.clone());
    markers.insert("csrf token", zanzibar.csrf.clone());
    markers.insert("spent ticket", ticket);
    markers.insert("unspent ticket", unspent);
    markers.insert(
        "published key",
        STANDARD.encode(&keys.encryption)[64..128].to_owned(),
    );
    let middle = picture.len() / 2;
    let raw = [
        &picture[middle..middle + 24],
        &keys.encryption[100..140],
        keys.signing.verifying_key().to_bytes().as_slice(),
        identity.verifying_key().to_bytes().as_slice(),
    ]
    .map(<[u8]>::to_vec);
    let raw: Vec<&[u8]> = raw.iter().map(Vec::as_slice).collect();
    markers.insert("published key id", kid(&keys.encryption));
    let envelope_key = format!("key wrapped for {}", boris_keys.kid());
    markers.insert("wrapped key", envelope_key);
    let files = || -> Vec<PathBuf> {
        let mut files = files_below(&server.data_dir());
        files.extend(files_below(&server.directory()).into_iter().filter(|f| {
            let name = f.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            [server_log, "server.log", "server.out"].contains(&name)
        }));
        files
    };
    let while_running = files();
    let names: Vec<String> = while_running
        .iter()
        .map(|f| f.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for expected in ["melo.db", "melo.db-wal", server_log, "server.log"] {
        assert!(
            names.iter().any(|name| name == expected),
            "{expected} is not among {names:?}"
        );
    }
    assert_eq!(search(&markers, &raw, &while_running), [""; 0]);

    // The search looks at the right files: it finds what is no secret.
    let plain = BTreeMap::from([
        ("a table", "log_members".to_owned()),
        ("the program", "melo_".to_owned()),
    ]);
    let found = search(&plain, &[], &while_running).join("\n");
    assert!(
        found.contains("a table (plain)") && found.contains("the program (plain)"),
        "{found}"
    );

    // Leaves: nothing comes to light by it.
    let gone = zanzibar.post("/account/delete", &password).await;
    assert_eq!(gone.ok(), json!({"status": "deleted"}));
    assert_eq!(search(&markers, &raw, &files()), [""; 0], "after leaving");

    let files_after = files();
    server.signal(Signal::TERM);
    assert!(server.ended().await.success());
    assert_eq!(
        search(&markers, &raw, &files_after),
        [""; 0],
        "after the end"
    );
}
