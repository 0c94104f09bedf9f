//! Taking one's data along, and leaving for good.

use std::time::Duration;

use melo_domain::{Clock, SystemClock};
use melo_protocol::ErrorCode;
use melo_tests::files::{picture, unzip, upload};
use melo_tests::{Answer, Chat, Device, Fields, Server, assert_shape, befriend, unique};
use memchr::memmem::find;
use serde_json::{Value, json};

async fn export(device: &Device) -> Answer {
    let password = &device.user.person.password;
    device
        .post("/account/export", &json!({"password": password}))
        .await
}

async fn delete(device: &Device) -> Answer {
    let password = &device.user.person.password;
    device
        .post("/account/delete", &json!({"password": password}))
        .await
}

fn lines(file: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn an_archive_has_everything_of_its_person_and_nothing_of_others() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let log = befriend(&anna, &boris).await;
    befriend(&boris, &clara).await;
    let profile = json!({"username": "anna_marker", "bio": "what anna says of herself"});
    anna.put("/profile", &profile).await.ok();
    boris
        .put("/profile", &json!({"bio": "what boris says of himself"}))
        .await
        .ok();
    anna.put("/privacy", &json!({"last_seen": "nobody"}))
        .await
        .ok();
    anna.post("/blocks", &json!({"user_id": clara.uid}))
        .await
        .ok();
    upload(&anna, &picture(20, 20, 255, image::ImageFormat::Png))
        .await
        .ok();
    let backup = json!({"ciphertext": "ciphertext of a backup"});
    anna.post("/e2e/secret_key", &backup).await.ok();
    let say = |from: &Device, to: &Device, text: &str| {
        let (from, to, text) = (from.clone(), to.uid.clone(), json!(text));
        async move {
            from.post_message(&to, &text, unique::client_id())
                .await
                .ok()
        }
    };
    for n in 0..250 {
        say(&anna, &boris, &format!("anna writes {n}")).await;
    }
    say(&boris, &anna, "boris answers").await;
    say(&boris, &clara, "between boris and clara").await;

    // Not sent yet: one for a person, and for a chat what is sealed.
    let chat = Chat::group(&anna, &[&boris]).await;
    let sealed = json!({"v": 9, "sealed": "draft ciphertext"});
    let draft = json!({"chat_id": chat.0, "payload": sealed});
    anna.post("/drafts", &draft).await.ok();
    let draft = json!({"target_id": boris.uid, "payload": "begun to write"});
    anna.post("/drafts", &draft).await.ok();
    let draft = json!({"target_id": anna.uid, "payload": "boris has begun"});
    boris.post("/drafts", &draft).await.ok();
    let when = SystemClock
        .now()
        .plus(Duration::from_secs(3600))
        .to_string();
    let later = json!({"target_id": boris.uid, "when": when, "data": {"later": "ciphertext"}});
    let scheduled = anna.post("/schedule/message", &later).await.ok();
    let later = json!({"target_id": anna.uid, "when": when, "data": "boris sends later"});
    boris.post("/schedule/message", &later).await.ok();

    let answer = export(&anna).await;
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(answer.header("content-type"), "application/zip");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-disposition").contains(&anna.uid));
    let files = unzip(&answer.body);
    let json_of = |name: &str| -> Value {
        let file = files
            .get(name)
            .unwrap_or_else(|| panic!("{name} of {:?}", files.keys()));
        serde_json::from_slice(file).unwrap()
    };
    assert_eq!(json_of("about.json")["unique_id"], anna.uid);
    let profile = json_of("profile.json");
    assert_eq!(profile["phone"], anna.user.person.phone);
    assert_eq!(profile["username"], "anna_marker");
    assert_eq!(profile["bio"], "what anna says of herself");
    assert_eq!(
        profile["key_backup"]["ciphertext"],
        "ciphertext of a backup"
    );
    assert_eq!(json_of("privacy.json")["last_seen"], "nobody");
    assert_eq!(
        json_of("devices.json")[0]["device_id"],
        anna.user.first_device
    );
    assert_eq!(
        json_of("sessions.json")[0]["user_agent"],
        anna.user.person.user_agent
    );
    assert_eq!(json_of("tokens.json"), json!([]));
    assert_eq!(json_of("contacts.json")[0]["unique_id"], boris.uid);
    assert_eq!(json_of("blocks.json")[0]["user_id"], clara.uid);
    assert!(image::load_from_memory(&files["avatar.jpg"]).is_ok());
    let actions = lines(&files["audit.jsonl"]);
    for action in [
        "account.register",
        "account.update",
        "block.add",
        "account.export",
    ] {
        assert!(
            actions.iter().any(|a| a["action"] == action),
            "{action} of {actions:?}"
        );
    }
    let events = lines(&files[&format!("conversations/{log}.jsonl")]);
    assert_eq!(events.len(), 251);
    assert_shape(
        &events[0],
        "message_id:uuid seq:number at:time kind:text from:uid payload:text",
    );
    assert_eq!(events[249]["payload"], "anna writes 249");
    assert_eq!(events[250]["payload"], "boris answers");
    assert!(!lines(&files["notices.jsonl"]).is_empty());
    let drafts = json_of("drafts.json");
    let mut payloads: Vec<_> = drafts.as_array().unwrap().iter().collect();
    payloads.sort_by_key(|draft| draft["chat_id"].is_null());
    assert_eq!(payloads.len(), 2);
    assert_eq!(payloads[0]["chat_id"], chat.0);
    assert_eq!(payloads[0]["payload"], sealed, "as it was sealed");
    assert_eq!(payloads[1]["target_id"], boris.uid);
    assert_eq!(payloads[1]["payload"], "begun to write");
    let waiting = lines(&files["scheduled.jsonl"]);
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["schedule_id"], scheduled["schedule_id"]);
    assert_eq!(waiting[0]["target_id"], boris.uid);
    assert_eq!(waiting[0]["when"], when);
    assert_eq!(waiting[0]["data"], json!({"later": "ciphertext"}));

    // Secrets and other people's things are in none of them.
    let (annas, boriss, claras) = (&anna.user.person, &boris.user.person, &clara.user.person);
    for secret in [
        &annas.password,
        &anna.token,
        &anna.device_token,
        &claras.phone,
        &boris.user.first_device,
        &boriss.password,
    ] {
        for (name, file) in &files {
            assert!(
                find(file, secret.as_bytes()).is_none(),
                "{secret} in {name}"
            );
        }
    }
    for text in [
        "$argon2",
        "what boris says",
        "between boris and clara",
        "boris has begun",
        "boris sends later",
    ] {
        for (name, file) in &files {
            assert!(find(file, text.as_bytes()).is_none(), "{text} in {name}");
        }
    }
    // At no time was it a file of the server's.
    for file in melo_tests::search::files_below(&server.directory()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(
            find(&bytes, b"profile.json").is_none(),
            "{}",
            file.display()
        );
    }
}

#[tokio::test]
async fn an_archive_needs_the_password_and_patience() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let wrong = anna
        .post("/account/export", &json!({"password": "not this one"}))
        .await;
    wrong.problem(ErrorCode::WrongPassword);
    let missing = anna.post("/account/export", &json!({})).await;
    assert_eq!(missing.refused_fields(), ["password"]);
    let empty = anna.post("/account/export", &json!({"password": ""})).await;
    assert_eq!(empty.refused_fields(), ["password"]);
    let long = anna
        .post("/account/export", &json!({"password": "x".repeat(2000)}))
        .await;
    assert_eq!(long.refused_fields(), ["password"]);
    anna.get("/account/export")
        .await
        .problem(ErrorCode::MethodNotAllowed);
    let nobody = server.anonymous();
    let nobody = nobody
        .post("/account/export", &json!({"password": "x"}))
        .await;
    nobody.problem(ErrorCode::InvalidToken);
    let mut done = 0;
    let limited = loop {
        let answer = export(&anna).await;
        if answer.status != 200 {
            break answer;
        }
        done += 1;
        assert!(done < 20);
    };
    limited.problem(ErrorCode::RateLimited);
    assert!(done >= 1);
}

#[tokio::test]
async fn who_leaves_is_gone_for_good_and_what_they_wrote_stays_with_whom_they_wrote_to() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let second = anna.user.login_new().await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let (mut annas, mut seconds) = (anna.settled().await, second.connect().await);
    seconds.until("synced").await;
    let mut boriss = boris.settled().await;
    annas.say(&boris.uid, &json!("what stays")).await;
    let delivered = boriss.deliveries(1).await;
    boriss.ack(&log, delivered[0].number("seq")).await;
    upload(&anna, &picture(20, 20, 255, image::ImageFormat::Png))
        .await
        .ok();

    let wrong = anna
        .post("/account/delete", &json!({"password": "not this one"}))
        .await;
    wrong.problem(ErrorCode::WrongPassword);
    assert_eq!(delete(&anna).await.ok(), json!({"status": "deleted"}));
    for socket in [&mut annas, &mut seconds] {
        let (_, closed) = socket.read_to_end().await;
        assert_eq!(closed.code, 4001);
    }
    for device in [&anna, &second] {
        device
            .get("/profile")
            .await
            .problem(ErrorCode::SessionRevoked);
    }
    let login = anna
        .user
        .try_login(&anna.user.first_device, &Value::Null)
        .await;
    login.problem(ErrorCode::InvalidCredentials);
    let token = json!({"password": "", "device_token": anna.device_token});
    let login = anna.user.try_login(&anna.user.first_device, &token).await;
    login.problem(ErrorCode::InvalidCredentials);

    let told = boriss.expect_frame("account_deleted").await;
    assert_shape(&told, "user_id:uid chat_log:log log:log seq:number at:time");
    assert_eq!(
        (&told["user_id"], &told["chat_log"]),
        (&json!(anna.uid), &json!(log))
    );
    assert_eq!(boris.get("/contacts").await.ok()["total"], 0);
    boris
        .cannot_write_to(&anna.uid, ErrorCode::NotAContact)
        .await;
    boriss.relay(&anna.uid, &json!("anybody there?")).await;
    boriss.expect_error("not_a_contact").await;
    for path in ["/profile?user_id=", "/keys/"] {
        let answer = boris.get(&format!("{path}{}", anna.uid)).await;
        answer.problem(ErrorCode::UserNotFound);
    }
    let picture = boris.get(&format!("/avatar/{}", anna.uid)).await;
    picture.problem(ErrorCode::NotFound);
    let asked = boris.subscribe(&anna.uid, false).await;
    asked.problem(ErrorCode::UserNotFound);
    let history = boris
        .get(&format!("/messages/history/dm/{}", anna.uid))
        .await
        .ok();
    assert_eq!(history["messages"], json!(["what stays"]));
    assert_eq!(history["events"][0]["from"], anna.uid);

    // A device that was away is told as well, and reads what there is.
    drop(boriss);
    let third = boris.user.login_new().await;
    third.online().await;
    // Their phone may come back, their id does not.
    let again = server.anonymous().register(anna.user.person.clone()).await;
    assert_ne!(again.uid, anna.uid);
    again.login_first().await.get("/contacts").await.ok();
}

#[tokio::test]
async fn leaving_needs_the_password() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let missing = anna.post("/account/delete", &json!({})).await;
    assert_eq!(missing.refused_fields(), ["password"]);
    let nobody = server.anonymous();
    let nobody = nobody
        .post("/account/delete", &json!({"password": "x"}))
        .await;
    nobody.problem(ErrorCode::InvalidToken);
    let mut refused = 0;
    let limited = loop {
        let answer = anna
            .post("/account/delete", &json!({"password": "guess"}))
            .await;
        if answer.status == 429 {
            break answer;
        }
        answer.problem(ErrorCode::WrongPassword);
        refused += 1;
        assert!(refused < 50, "no limit on guessing");
    };
    limited.problem(ErrorCode::RateLimited);
    anna.get("/profile").await.ok();
}

#[tokio::test]
async fn a_personal_token_can_neither_take_the_data_nor_end_the_account_and_ends_with_it() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let password = json!({"password": anna.user.person.password});
    let made = |scopes: Value| {
        let body = json!({"name": "a program", "scopes": scopes});
        let anna = anna.clone();
        async move { anna.post("/tokens", &body).await.ok().text("token") }
    };
    let mut program = anna.clone();
    program.token = made(json!(["api:write", "users:read"])).await;
    for path in ["/account/export", "/account/delete"] {
        let answer = program.post(path, &password).await;
        answer.problem(ErrorCode::InsufficientScope);
    }
    program.get("/users/search?username=anybody").await.ok();
    program.token = made(json!(["api:admin"])).await;
    for path in ["/account/export", "/account/delete"] {
        let answer = program.post(path, &password).await;
        answer.problem(ErrorCode::Forbidden);
    }
    program.get("/profile").await.ok();
    let files = unzip(&export(&anna).await.body);
    let tokens: Value = serde_json::from_slice(&files["tokens.json"]).unwrap();
    assert_eq!(tokens.as_array().map(Vec::len), Some(2), "{tokens}");
    assert!(!tokens.to_string().contains(&program.token));

    delete(&anna).await.ok();
    let answer = program.get("/profile").await;
    assert_eq!(
        answer.status,
        401,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
}

#[tokio::test]
async fn an_archive_has_ones_chats_from_ones_joining_on() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[]).await;
    chat.say(&anna, "before him").await.ok();
    chat.post(&anna, "/chats/members/add", &boris).await.ok();
    chat.say(&anna, "with him").await.ok();
    let files = unzip(&export(&boris).await.body);
    let listed: Value = serde_json::from_slice(&files["chats.json"]).unwrap();
    assert_shape(
        &listed[0],
        "chat_id:number type:text title:text role:text joined_at:time",
    );
    assert_eq!(listed[0]["chat_id"], chat.0);
    let events = lines(&files[&format!("conversations/{}.jsonl", chat.log())]);
    let kinds: Vec<&Value> = events.iter().map(|e| &e["kind"]).collect();
    assert_eq!(kinds, ["member_joined", "message"]);
    assert_eq!(events[1]["payload"], "with him");
    let waiting: Value = serde_json::from_slice(&files["chat_requests.json"]).unwrap();
    assert_eq!(waiting, json!({"invitations": [], "requests": []}));
}
