//! Addresses, devices and phone numbers that are kept out, and who is put out when they are.

use melo_protocol::ErrorCode;
use melo_tests::{Answer, Device, Fields, Person, Server, Socket, User};
use melo_tests::{assert_shape, socket, unique};
use reqwest::Method;
use serde_json::{Value, json};

/// A server that believes whom a proxy names, and the proxy is everybody here.
async fn behind_a_proxy() -> Server {
    Server::with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await
}

async fn admin(server: &Server) -> Device {
    let olga = server.anonymous().join("Olga").await;
    server.promote(&olga.uid, "admin");
    olga
}

/// Bans, and returns the path that lifts it.
async fn ban(admin: &Device, kind: &str, value: &str) -> String {
    let body = json!({"kind": kind, "value": value, "reason": "spam"});
    let made = admin.post("/admin/bans", &body).await.ok();
    assert_shape(
        &made,
        "id:hex16 kind:text value:text reason:text created_by:uid created_at:time expires_at:null active:bool",
    );
    format!("/admin/bans/{}", made.text("id"))
}

async fn lift(admin: &Device, path: &str) {
    assert_eq!(admin.delete(path).await.ok(), json!({"status": "lifted"}));
}

/// The ordinary address of these people.
const HOME: &str = "198.51.100.1";

async fn login_from(user: &User, device_id: &str, address: &str) -> Answer {
    let body = json!({"identifier": user.uid, "password": user.person.password,
        "device_id": device_id});
    let call = user.site().call(Method::POST, "/login");
    call.header("x-forwarded-for", address)
        .json(&body)
        .send()
        .await
}

async fn register_from(server: &Server, phone: &str, device_id: &str, address: &str) -> Answer {
    let person = Person {
        phone: phone.to_owned(),
        ..Person::named("Clara")
    };
    let call = server.site().call(Method::POST, "/register");
    call.header("x-forwarded-for", address)
        .json(&person.registration(device_id))
        .send()
        .await
}

async fn open_from(device: &Device, address: &str) -> Socket {
    let site = device.site();
    let mut request = socket::request(site, "/");
    socket::bear(&mut request, &device.token);
    socket::set_header(&mut request, "x-forwarded-for", address);
    Socket::handshake(site, request).await.expect("a handshake")
}

async fn call_from(device: &Device, path: &str, address: &str) -> Answer {
    let call = device.call(Method::GET, path);
    call.header("x-forwarded-for", address).send().await
}

async fn token_login(device: &Device) -> Answer {
    let body = json!({"identifier": device.uid, "device_id": device.user.first_device,
        "device_token": device.device_token});
    let call = device.site().call(Method::POST, "/login");
    call.json(&body).send().await
}

#[tokio::test]
async fn a_ban_is_felt_at_both_doors_until_it_is_lifted() {
    let server = behind_a_proxy().await;
    let olga = admin(&server).await;
    let anna = server.anonymous().join("Anna").await.user;
    let boris = server.anonymous().join("Boris").await.user;
    let (device, new) = (unique::device_id(), unique::device_id());
    let (phone, bad) = (unique::phone(), "203.0.113.7");

    for (kind, value) in [
        ("address", bad),
        ("address", "203.0.113.0/24"),
        ("address", "203.0.0.0/8"),
        ("device", &device),
        ("phone", &anna.person.phone),
        ("phone", &phone),
    ] {
        let path = ban(&olga, kind, value).await;
        let (at, on) = match kind {
            "address" => (bad, &new),
            "device" => (HOME, &device),
            _ => (HOME, &new),
        };
        let mut refused = vec![];
        if value != phone {
            refused.push(login_from(&anna, on, at).await);
        }
        if value != anna.person.phone {
            refused.push(register_from(&server, &phone, on, at).await);
        }
        for answer in &refused {
            let problem = answer.problem(ErrorCode::Banned);
            assert!(problem.detail.contains("barred"), "{}", problem.detail);
        }
        // Anybody else, from anywhere else, on anything else.
        login_from(&boris, &boris.first_device, HOME).await.ok();
        login_from(&boris, &boris.first_device, "204.0.113.7")
            .await
            .ok();
        register_from(&server, &unique::phone(), &unique::device_id(), HOME)
            .await
            .ok();

        lift(&olga, &path).await;
        login_from(&anna, on, at).await.ok();
    }
    let again = register_from(&server, &phone, &device, bad).await;
    assert_eq!(again.ok().text("unique_id").len(), 8);
}

#[tokio::test]
async fn ranges_of_ipv6_are_banned_as_well() {
    let server = behind_a_proxy().await;
    let olga = admin(&server).await;
    let anna = server.anonymous().join("Anna").await.user;
    let (inside, beside) = ("2001:db8:1:ffff::9", "2001:db8:2::9");
    let path = ban(&olga, "address", "2001:db8:1:2::/48").await;
    let listed = olga.get("/admin/bans").await.ok();
    assert_eq!(listed.list("bans")[0]["value"], "2001:db8:1::/48");
    login_from(&anna, &anna.first_device, inside)
        .await
        .problem(ErrorCode::Banned);
    login_from(&anna, &anna.first_device, beside).await.ok();
    lift(&olga, &path).await;
    login_from(&anna, &anna.first_device, inside).await.ok();

    for bad in [
        "0.0.0.0/0",
        "10.0.0.0/7",
        "2001::/15",
        "2001:db8::/65",
        "203.0.113.0/33",
        "10.0.0.0-10.0.0.9",
        "example.org",
        "",
    ] {
        let body = json!({"kind": "address", "value": bad});
        let refused = olga.post("/admin/bans", &body).await;
        assert_eq!(refused.refused_fields(), ["value"], "{bad}");
    }
}

#[tokio::test]
async fn a_banned_device_is_put_out_whoever_uses_it() {
    let server = Server::start().await;
    let olga = admin(&server).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let shared = &anna.user.first_device;
    let boris_there = boris.user.login(shared).await;
    let anna_elsewhere = anna.user.login_new().await;
    let mut out = [anna.connect().await, boris_there.connect().await];
    let mut stays = [anna_elsewhere.connect().await, boris.connect().await];
    for socket in out.iter_mut().chain(&mut stays) {
        socket.until("synced").await;
    }

    let path = ban(&olga, "device", &shared.to_ascii_uppercase()).await;
    for socket in &mut out {
        let reason = socket.expect_close(4002).await;
        assert!(!reason.is_empty());
    }
    for device in [&anna, &boris_there] {
        let refused = device.get("/profile").await;
        refused.problem(ErrorCode::SessionRevoked);
    }
    for (socket, device) in stays.iter_mut().zip([&anna_elsewhere, &boris]) {
        socket.barrier().await;
        device.get("/profile").await.ok();
    }
    token_login(&anna).await.problem(ErrorCode::Banned);
    lift(&olga, &path).await;
    token_login(&anna)
        .await
        .problem(ErrorCode::InvalidCredentials);
    anna.user.login(shared).await;

    let log = olga.get("/admin/audit?action=admin.ban").await.ok();
    assert_eq!(log.list("entries")[0]["details"]["sessions"], 2);
}

#[tokio::test]
async fn whose_phone_is_banned_is_put_out_everywhere() {
    let server = Server::start().await;
    let olga = admin(&server).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let other = anna.user.login_new().await;
    let scopes = json!({"name": "bot", "scopes": ["chat:write", "api:read"]});
    let made = anna.post("/tokens", &scopes).await.ok();
    let bot = Device {
        token: made.text("token"),
        ..anna.clone()
    };
    let mut sockets = [
        anna.connect().await,
        other.connect().await,
        bot.connect().await,
    ];
    for socket in &mut sockets {
        socket.until("synced").await;
    }
    let mut boris_online = boris.online().await;

    let path = ban(&olga, "phone", &anna.user.person.phone).await;
    for socket in &mut sockets {
        socket.expect_close(4002).await;
    }
    for device in [&anna, &other, &bot] {
        let refused = device.get("/profile").await;
        refused.problem(ErrorCode::SessionRevoked);
    }
    let first = &anna.user.first_device;
    let refused = anna.user.try_login(first, &Value::Null).await;
    refused.problem(ErrorCode::Banned);
    boris_online.barrier().await;

    lift(&olga, &path).await;
    token_login(&anna)
        .await
        .problem(ErrorCode::InvalidCredentials);
    anna.user.login_first().await.get("/profile").await.ok();
}

#[tokio::test]
async fn nobody_goes_on_from_a_banned_address() {
    let server = behind_a_proxy().await;
    let olga = admin(&server).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let (inside, outside) = ("203.0.113.7", "203.0.114.7");
    let mut out = [
        open_from(&anna, inside).await,
        open_from(&boris, "203.0.113.99").await,
    ];
    let tablet = anna.user.login_new().await;
    let mut stays = open_from(&tablet, outside).await;
    for socket in out.iter_mut().chain([&mut stays]) {
        socket.until("synced").await;
    }
    let path = ban(&olga, "address", "203.0.113.0/24").await;
    for socket in &mut out {
        let reason = socket.expect_close(4002).await;
        assert!(reason.contains("barred"), "{reason}");
    }
    stays.barrier().await;
    for device in [&anna, &boris] {
        let refused = call_from(device, "/profile", inside).await;
        let problem = refused.problem(ErrorCode::Banned);
        assert!(problem.detail.contains("barred"), "{}", problem.detail);
        call_from(device, "/profile", outside).await.ok();
    }
    // Nothing of who is not signed in: no sign of the ban either.
    let nobody = Device {
        token: "nonsense".to_owned(),
        ..anna.clone()
    };
    let refused = call_from(&nobody, "/profile", inside).await;
    refused.problem(ErrorCode::InvalidToken);
    // The session is not over, and goes on from elsewhere; from there it opens no connection.
    open_from(&anna, inside).await.expect_close(4002).await;
    open_from(&anna, outside).await.until("synced").await;
    lift(&olga, &path).await;
    open_from(&anna, inside).await.until("synced").await;
    call_from(&anna, "/profile", inside).await.ok();
}

#[tokio::test]
async fn nobody_shuts_out_themselves_or_somebody_above() {
    let server = Server::start().await;
    let olga = admin(&server).await;
    let otto = server.anonymous().join("Otto").await;
    server.promote(&otto.uid, "owner");
    let refused = async |kind: &str, value: &str, code| {
        let body = json!({"kind": kind, "value": value});
        olga.post("/admin/bans", &body).await.problem(code);
    };
    for own in ["127.0.0.1", "127.0.0.0/8", "::ffff:127.0.0.1"] {
        refused("address", own, ErrorCode::SelfTarget).await;
    }
    let (own, above) = (&olga.user, &otto.user);
    refused("device", &own.first_device, ErrorCode::SelfTarget).await;
    refused("phone", &own.person.phone, ErrorCode::SelfTarget).await;
    refused("device", &above.first_device, ErrorCode::Forbidden).await;
    refused("phone", &above.person.phone, ErrorCode::Forbidden).await;
    assert_eq!(olga.get("/admin/bans").await.ok()["total"], 0);
    otto.get("/profile").await.ok();
    otto.user.login_first().await;
}

#[tokio::test]
async fn bans_are_for_those_who_administer() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let ban = json!({"kind": "phone", "value": "+79991234567"});
    server
        .anonymous()
        .get("/admin/bans")
        .await
        .problem(ErrorCode::InvalidToken);
    anna.get("/admin/bans").await.problem(ErrorCode::Forbidden);
    anna.post("/admin/bans", &ban)
        .await
        .problem(ErrorCode::Forbidden);
    let gone = anna.delete("/admin/bans/0000000000000001").await;
    gone.problem(ErrorCode::Forbidden);
}
