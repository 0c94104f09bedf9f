//! Looking after people: finding, looking, ending sessions, locking, banning.

use melo_protocol::ErrorCode;
use melo_tests::keys::{self, DeviceKeys};
use melo_tests::{Answer, Device, Fields, Server, assert_shape, befriend, unique};
use reqwest::Method;
use serde_json::{Value, json};

/// Somebody with a role.
async fn with_role(server: &Server, name: &str, role: &str) -> Device {
    let device = server.anonymous().join(name).await;
    server.promote(&device.uid, role);
    device
}

fn because(reason: &str) -> Value {
    json!({ "reason": reason })
}

/// What a device token alone is answered with.
async fn token_login(device: &Device) -> Answer {
    let body = json!({
        "identifier": device.uid,
        "device_id": device.user.first_device,
        "device_token": device.device_token,
    });
    let call = device.site().call(Method::POST, "/login").json(&body);
    call.send().await
}

#[tokio::test]
async fn people_are_found_by_what_identifies_them_whole() {
    let server = Server::start().await;
    let admin = with_role(&server, "Olga", "admin").await;
    let moderator = with_role(&server, "Mila", "moderator").await;
    let anna = server.anonymous().join("Anna").await;
    anna.put("/profile", &json!({"username": "Anna_K"}))
        .await
        .ok();
    let phone = anna.user.person.phone.clone();
    let national = format!("8 ({}) {}-{}", &phone[2..5], &phone[5..8], &phone[8..]);

    for query in [anna.uid.as_str(), &phone, &national, "anna_k", "@Anna_K"] {
        let call = format!(
            "/admin/users?query={}",
            query.replace('+', "%2B").replace(' ', "%20")
        );
        let found = admin.get(&call).await.ok();
        let [user] = found.list("users").as_slice() else {
            panic!("{query}: {found}");
        };
        assert_shape(
            user,
            "unique_id:uid phone:text name:text nickname:text username:text role:text state:text \
             reset_required:bool created_at:time",
        );
        assert_eq!(user["unique_id"], anna.uid, "{query}");
        assert_eq!(user["phone"], phone, "{query}");
    }
    for nobody in ["99999999", "%2B79990000000", "nobody"] {
        let found = admin
            .get(&format!("/admin/users?query={nobody}"))
            .await
            .ok();
        assert!(found.list("users").is_empty(), "{nobody}");
    }
    for unreadable in ["", "ab", "a%20b", &phone[1..6]] {
        let refused = admin.get(&format!("/admin/users?query={unreadable}")).await;
        assert_eq!(refused.refused_fields(), ["query"], "{unreadable}");
    }

    let seen = moderator
        .get(&format!("/admin/users/{}", anna.uid))
        .await
        .ok();
    assert_shape(
        &seen,
        "unique_id:uid role:text state:text devices:number sessions:number tokens:number \
         two_factor:bool online:bool created_at:time",
    );
    let hidden = format!("{}•••{}", &phone[..5], &phone[phone.len() - 4..]);
    assert_eq!(
        seen["phone"], hidden,
        "a moderator sees a part of the phone"
    );
    assert_eq!((seen.number("devices"), seen.number("sessions")), (1, 1));
    assert_eq!(seen["two_factor"], false);
    let body = seen.to_string();
    for secret in ["password", "e2e", "bio", &phone] {
        assert!(!body.contains(secret), "{secret} in {body}");
    }
    admin
        .get("/admin/users/99999999")
        .await
        .problem(ErrorCode::UserNotFound);
    assert_eq!(
        admin.get("/admin/users/abc").await.refused_fields(),
        ["uid"]
    );
}

#[tokio::test]
async fn the_list_of_people_goes_on_where_the_page_ended() {
    let server = Server::start().await;
    let admin = with_role(&server, "Olga", "admin").await;
    let mut everybody = vec![admin.uid.clone()];
    for name in ["Anna", "Boris", "Clara", "Dora"] {
        everybody.push(server.anonymous().join(name).await.uid);
    }
    everybody.sort();

    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let page = admin
            .get(&format!("/admin/users?limit=2{after}"))
            .await
            .ok();
        let users = page.list("users");
        assert!(users.len() <= 2);
        listed.extend(users.iter().map(|user| user.text("unique_id")));
        match page.get("next") {
            Some(next) => after = format!("&after={}", next.as_str().unwrap()),
            None => break,
        }
    }
    assert_eq!(listed, everybody);

    let path = format!("/admin/users/{}/lock", everybody[0]);
    let locked = if everybody[0] == admin.uid {
        &everybody[1]
    } else {
        &everybody[0]
    };
    let path = path.replace(&everybody[0], locked);
    admin.post(&path, &because("spam")).await.ok();
    let only = |found: &Value| -> Vec<String> {
        let users = found.list("users").iter();
        users.map(|user| user.text("unique_id")).collect()
    };
    let found = admin.get("/admin/users?state=locked").await.ok();
    assert_eq!(only(&found), [locked.as_str()]);
    let found = admin.get("/admin/users?role=admin").await.ok();
    assert_eq!(only(&found), [admin.uid.as_str()]);

    let refused = admin.get("/admin/users?state=open&role=king&after=x").await;
    assert_eq!(refused.refused_fields(), ["after", "state", "role"]);
    admin
        .get("/admin/users?limit=many")
        .await
        .problem(ErrorCode::Malformed);
    let most = admin.get("/admin/users?limit=100000").await.ok();
    assert_eq!(most.list("users").len(), everybody.len());
}

#[tokio::test]
async fn a_lock_closes_live_connections_and_keeps_device_tokens() {
    let server = Server::start().await;
    let moderator = with_role(&server, "Mila", "moderator").await;
    let anna = server.anonymous().join("Anna").await;
    let mut socket = anna.online().await;
    let lock = format!("/admin/users/{}/lock", anna.uid);

    let done = moderator
        .post(&lock, &because("spam in many chats"))
        .await
        .ok();
    assert_eq!(done, json!({"status": "ok", "state": "locked"}));
    socket.expect_close(4002).await;
    anna.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);

    // Only who knows the password learns of the lock.
    let login = |password: &str| {
        let (user, more) = (anna.user.clone(), json!({ "password": password }));
        async move { user.try_login(&user.first_device, &more).await }
    };
    login("not her password")
        .await
        .problem(ErrorCode::InvalidCredentials);
    login(&anna.user.person.password)
        .await
        .problem(ErrorCode::AccountLocked);
    token_login(&anna).await.problem(ErrorCode::AccountLocked);
    moderator.post(&lock, &because("again")).await.ok();

    let unlock = lock.replace("lock", "unlock");
    let done = moderator
        .post(&unlock, &because("it was not her"))
        .await
        .ok();
    assert_eq!(done["state"], "active");
    token_login(&anna).await.ok();

    for reason in [
        json!({}),
        because(""),
        because(" "),
        because(&"x".repeat(501)),
        because("a\nb"),
    ] {
        let refused = moderator.post(&lock, &reason).await;
        assert_eq!(refused.refused_fields(), ["reason"], "{reason}");
    }
    moderator
        .post(&lock, &json!([]))
        .await
        .problem(ErrorCode::Malformed);
    moderator
        .post("/admin/users/99999999/lock", &because("who"))
        .await
        .problem(ErrorCode::UserNotFound);
}

#[tokio::test]
async fn a_ban_also_kills_device_tokens_and_only_an_unban_ends_it() {
    let server = Server::start().await;
    let admin = with_role(&server, "Olga", "admin").await;
    let moderator = with_role(&server, "Mila", "moderator").await;
    let anna = server.anonymous().join("Anna").await;
    let mut socket = anna.online().await;
    let path = |verb: &str| format!("/admin/users/{}/{verb}", anna.uid);

    admin.post(&path("ban"), &because("fraud")).await.ok();
    socket.expect_close(4002).await;
    token_login(&anna)
        .await
        .problem(ErrorCode::InvalidCredentials);
    let first = &anna.user.first_device;
    anna.user
        .try_login(first, &Value::Null)
        .await
        .problem(ErrorCode::Banned);

    for (who, verb) in [
        (&moderator, "lock"),
        (&moderator, "unlock"),
        (&admin, "unlock"),
    ] {
        let refused = who.post(&path(verb), &because("try")).await;
        refused.problem(ErrorCode::Forbidden);
    }
    anna.user
        .try_login(first, &Value::Null)
        .await
        .problem(ErrorCode::Banned);
    moderator
        .post(&path("unban"), &because("try"))
        .await
        .problem(ErrorCode::Forbidden);
    admin.post(&path("unban"), &because("settled")).await.ok();
    anna.user.login_first().await;
    admin.post(&path("lock"), &because("slow down")).await.ok();
    admin
        .post(&path("unban"), &because("no ban"))
        .await
        .problem(ErrorCode::Forbidden);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_together() {
    let server = Server::start().await;
    let moderator = with_role(&server, "Mila", "moderator").await;
    let anna = server.anonymous().join("Anna").await;
    let tablet = anna.user.login_new().await;
    let boris = server.anonymous().join("Boris").await;
    let path = format!("/admin/users/{}/sessions", anna.uid);

    let found = moderator.get(&format!("{path}?limit=1")).await.ok();
    let next = found.text("next");
    let rest = moderator.get(&format!("{path}?after={next}")).await.ok();
    assert!(rest.get("next").is_none());
    let sessions: Vec<Value> = [
        found.list("sessions").clone(),
        rest.list("sessions").clone(),
    ]
    .concat();
    assert_eq!(sessions.len(), 2);
    for session in &sessions {
        assert_shape(
            session,
            "id:hex16 kind:text device:hex16 device_type:text device_name:text ip_address:text \
             user_agent:text created_at:time last_activity:time",
        );
        assert_eq!(session["kind"], "login");
    }

    let of_tablet = sessions
        .iter()
        .find(|s| s["device"] == tablet.handle.as_str());
    let id = of_tablet.unwrap().text("id");
    let foreign = format!("/admin/users/{}/sessions/{id}", boris.uid);
    moderator
        .delete(&foreign)
        .await
        .problem(ErrorCode::NotFound);
    let nobodys = format!("{path}/0123456789abcdef");
    moderator
        .delete(&nobodys)
        .await
        .problem(ErrorCode::NotFound);
    assert_eq!(
        moderator
            .delete(&format!("{path}/x"))
            .await
            .refused_fields(),
        ["id"]
    );
    let refused = moderator.delete("/admin/users/x/sessions/y").await;
    assert_eq!(refused.refused_fields(), ["uid", "id"]);
    tablet.get("/profile").await.ok();

    let mut live = tablet.online().await;
    let one = format!("{path}/{id}");
    assert_eq!(moderator.delete(&one).await.ok(), json!({"status": "ok"}));
    live.expect_close(4001).await;
    tablet
        .get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    anna.get("/profile").await.ok();
    moderator.delete(&one).await.problem(ErrorCode::NotFound);

    let ended = moderator.delete(&path).await.ok();
    assert_eq!(ended, json!({"status": "ok", "revoked_count": 1}));
    anna.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    token_login(&anna)
        .await
        .problem(ErrorCode::InvalidCredentials);
    anna.user.login_first().await;
    boris.get("/profile").await.ok();
}

#[tokio::test]
async fn a_revoked_device_is_out_of_the_directory_and_contacts_know() {
    let server = Server::start().await;
    let moderator = with_role(&server, "Mila", "moderator").await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let own_keys = DeviceKeys::new(0, &keys::signing_key());
    anna.post("/keys", &own_keys.publication(&anna)).await.ok();
    befriend(&anna, &boris).await;
    let mut boris_live = boris.settled().await;
    let path = format!("/admin/users/{}/devices", anna.uid);

    let found = moderator.get(&path).await.ok();
    let [device] = found.list("devices").as_slice() else {
        panic!("{found}");
    };
    assert_shape(
        device,
        "device:hex16 created_at:time token_expires:time published:bool",
    );
    assert_eq!(
        (device["device"].clone(), device["published"].clone()),
        (json!(anna.handle), json!(true))
    );

    let foreign = format!("/admin/users/{}/devices/{}", boris.uid, anna.handle);
    moderator
        .delete(&foreign)
        .await
        .problem(ErrorCode::NotFound);
    let refused = moderator.delete(&format!("{path}/me")).await;
    assert_eq!(refused.refused_fields(), ["device"]);
    let done = moderator
        .delete(&format!("{path}/{}", anna.handle))
        .await
        .ok();
    assert_eq!(done, json!({"status": "ok"}));

    let notice = boris_live.expect_frame("keys_changed").await;
    assert_eq!(notice["user_id"], anna.uid);
    anna.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    token_login(&anna)
        .await
        .problem(ErrorCode::InvalidCredentials);
    let directory = boris.get(&format!("/keys/{}", anna.uid)).await.ok();
    assert!(directory.list("devices").is_empty());
    let left = moderator.get(&path).await.ok();
    let left = &left.list("devices")[0];
    assert_eq!(
        (&left["token_expires"], &left["published"]),
        (&Value::Null, &json!(false))
    );
}

#[tokio::test]
async fn a_forced_reset_signs_out_and_asks_for_a_new_password() {
    let server = Server::start().await;
    let admin = with_role(&server, "Olga", "admin").await;
    let anna = server.anonymous().join("Anna").await;
    let mut socket = anna.online().await;
    let path = format!("/admin/users/{}/force_reset", anna.uid);
    admin
        .post(&path, &because("her password was found in a leak"))
        .await
        .ok();

    socket.expect_close(4001).await;
    anna.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    token_login(&anna)
        .await
        .problem(ErrorCode::InvalidCredentials);
    let first = &anna.user.first_device;
    let right = anna.user.try_login(first, &Value::Null).await;
    right.problem(ErrorCode::PasswordResetRequired);
    let wrong = anna
        .user
        .try_login(first, &json!({"password": "not her password"}))
        .await;
    wrong.problem(ErrorCode::InvalidCredentials);
    let seen = admin.get(&format!("/admin/users/{}", anna.uid)).await.ok();
    assert_eq!(seen["reset_required"], true);
    assert_eq!(
        admin.post(&path, &json!({})).await.refused_fields(),
        ["reason"]
    );
}

#[tokio::test]
async fn everything_leaves_an_entry_in_the_log_even_looking() {
    let server = Server::start().await;
    let admin = with_role(&server, "Olga", "admin").await;
    let anna = server.anonymous().join("Anna").await;
    let person = format!("/admin/users/{}", anna.uid);
    admin.get(&person).await.ok();
    admin.get(&format!("{person}/sessions")).await.ok();
    admin.get(&format!("{person}/devices")).await.ok();
    admin.get("/admin/users?query=nobody").await.ok();
    admin.get("/admin/figures").await.ok();
    admin
        .post(&format!("{person}/lock"), &because("marker reason"))
        .await
        .ok();
    admin
        .post(&format!("{person}/unlock"), &because("over"))
        .await
        .ok();

    let page = admin
        .get(&format!("/admin/audit?actor={}&limit=100", admin.uid))
        .await
        .ok();
    let entries = page.list("entries");
    for entry in entries {
        assert_shape(
            entry,
            "id:number at:time actor:uid action:text object:text details:any ip_address:text \
             user_agent:any request_id:hex16",
        );
        assert_eq!(entry["actor"], admin.uid);
    }
    let seen: Vec<(String, String)> = entries
        .iter()
        .map(|entry| (entry.text("action"), entry.text("object")))
        .collect();
    let object = format!("user:{}", anna.uid);
    for (action, object, times) in [
        ("admin.unlock", object.as_str(), 1),
        ("admin.lock", &object, 1),
        ("admin.view", &object, 3),
        ("admin.view", "server", 1),
        ("admin.search", "server", 1),
    ] {
        let found = seen
            .iter()
            .filter(|(a, o)| a == action && o == object)
            .count();
        assert_eq!(found, times, "{action} {object}: {seen:?}");
    }
    let locks = admin
        .get(&format!("/admin/audit?action=admin.lock&object={object}"))
        .await
        .ok();
    let [lock] = locks.list("entries").as_slice() else {
        panic!("{locks}");
    };
    assert_eq!(lock["details"]["reason"], "marker reason");
    assert_eq!(lock["details"]["from"], "active");

    // Newest first, without gaps, to the first entry.
    let mut ids = Vec::new();
    let mut before = String::new();
    loop {
        let page = admin
            .get(&format!("/admin/audit?limit=7{before}"))
            .await
            .ok();
        ids.extend(page.list("entries").iter().map(|entry| entry.number("id")));
        match page.get("next") {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    let newest = ids[0];
    assert_eq!(ids, (1..=newest).rev().collect::<Vec<_>>());

    let refused = admin
        .get("/admin/audit?actor=me&action=admin.joke&object=")
        .await;
    assert_eq!(refused.refused_fields(), ["actor", "action", "object"]);
    admin
        .get("/admin/audit?before=x")
        .await
        .problem(ErrorCode::Malformed);
}

#[tokio::test]
async fn figures_count_what_there_is() {
    let server = Server::start().await;
    let moderator = with_role(&server, "Mila", "moderator").await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let _live = boris.settled().await;
    anna.post_message(&boris.uid, &json!("text"), unique::client_id())
        .await
        .ok();

    let figures = moderator.get("/admin/figures").await.ok();
    assert_shape(
        &figures,
        "users:object sessions:object devices:number connections:number messages_stored:number \
         jobs:object database_size:number uptime:number version:text",
    );
    assert_eq!(
        figures["users"],
        json!({"active": 3, "locked": 0, "banned": 0})
    );
    assert_eq!(figures["sessions"], json!({"login": 3, "token": 0}));
    assert_eq!(
        figures["jobs"],
        json!({"waiting": 0, "running": 0, "dead": 0})
    );
    assert_eq!(
        (figures.number("devices"), figures.number("connections")),
        (3, 1)
    );
    // The message, and the notices of the request and its confirmation, to both people.
    assert_eq!(figures.number("messages_stored"), 5);
    assert!(figures.number("database_size") > 4096);
}
