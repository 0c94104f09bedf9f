//! `melo admin` and `melo audit`, beside a running server and without one.

use std::process::Output;

use melo_tests::{Fields, Server, unique};
use serde_json::json;

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn an_owner_is_made_beside_a_running_server() {
    let server = Server::start().await;
    let phone = unique::phone();
    let create = ["admin", "create", "--phone", &phone, "--name", "Olga"];
    let made = server.melo(&create, "correct horse battery\n");
    let (out, err) = said(&made);
    assert!(made.status.success(), "{err}");
    let uid = out
        .strip_prefix("made ")
        .and_then(|rest| rest.strip_suffix(", owner"));
    let uid = uid.unwrap_or_else(|| panic!("{out}")).to_owned();

    let login = json!({"identifier": phone, "password": "correct horse battery", "device_id": unique::device_id()});
    let answer = server.anonymous().post("/login", &login).await.ok();
    assert_eq!(answer["unique_id"], uid);
    assert_eq!(
        answer["public_e2e_key"], "",
        "no device has brought one yet"
    );
    let token = answer.text("access_token");
    let call = server
        .site()
        .call(reqwest::Method::GET, "/admin/audit?action=account.register");
    let log = call.token(&token).send().await.ok();
    let entry = &log.list("entries")[0];
    assert_eq!(entry["object"], format!("user:{uid}"));
    assert_eq!(entry["actor"], json!(null));
    assert_eq!(entry["user_agent"], "melo admin");

    let again = server.melo(&create, "correct horse battery\n");
    assert_eq!(again.status.code(), Some(1));
    assert!(
        said(&again).1.contains("already has an account"),
        "{:?}",
        said(&again)
    );
    for usage in [
        &["admin"][..],
        &["admin", "create", "--phone", "x", "--name", "Olga"],
        &[
            "admin", "create", "--phone", &phone, "--name", "O", "--role", "king",
        ],
        &["admin", "promote", "1234", "owner"],
        &["audit", "verify", "--expect", "1:00"],
    ] {
        assert_eq!(server.melo(usage, "").status.code(), Some(2), "{usage:?}");
    }
    let unknown = server.melo(&["admin", "promote", "99999999", "owner"], "");
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).1.contains("no such user"));
}

#[tokio::test]
async fn an_owners_password_is_held_to_the_rules_of_the_server() {
    let server = Server::start().await;
    let phone = unique::phone();
    let create = |name: &str, password: &str| {
        let made = server.melo(
            &["admin", "create", "--phone", &phone, "--name", name],
            password,
        );
        (made.status.code(), said(&made).1)
    };
    for (password, why) in [
        ("", "at least 12"),
        ("11 chars ok\n", "at least 12"),
        ("password1234\n", "too easy to guess"),
        ("the lamp of Olga\n", "must not contain"),
        (&*format!("lamp {phone} kettle\n"), "must not contain"),
    ] {
        let (code, said) = create("Olga", password);
        assert_eq!(code, Some(1), "{password}: {said}");
        assert!(said.contains(why), "{password}: {said}");
    }
    let long = "quiet river lamps ".repeat(60);
    let (code, said) = create("Olga", &long);
    assert_eq!(code, Some(1));
    assert!(said.contains("at most 1024"), "{said}");
    let (code, said) = create("Olga", "quiet river lamps\n");
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn an_owner_is_made_before_the_first_start_and_found_after_it() {
    let mut server = Server::start().await;
    server.kill();
    let phone = unique::phone();
    let create = [
        "admin", "create", "--phone", &phone, "--name", "Olga", "--role", "admin",
    ];
    let made = server.melo(&create, "correct horse battery");
    assert!(made.status.success(), "{:?}", said(&made));
    server.start_again().await;
    let login = json!({"identifier": phone, "password": "correct horse battery", "device_id": unique::device_id()});
    server.anonymous().post("/login", &login).await.ok();
}

#[tokio::test]
async fn the_chain_stays_whole_while_server_and_command_line_write() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    server.promote(&anna.uid, "admin");
    let (looking, promoting) = tokio::join!(
        async {
            for _ in 0..40 {
                anna.get("/admin/figures").await.ok();
            }
        },
        tokio::task::spawn_blocking({
            let other = server.anonymous().join("Boris").await.uid;
            let run: Vec<Output> = Vec::new();
            let server = std::sync::Arc::new(server);
            move || {
                let mut run = run;
                for role in ["moderator", "user", "moderator", "user"] {
                    run.push(server.melo(&["admin", "promote", &other, role], ""));
                }
                (server, run)
            }
        })
    );
    let () = looking;
    let (server, run) = promoting.unwrap();
    assert!(
        run.iter().all(|done| done.status.success()),
        "{:?}",
        run.iter().map(said).collect::<Vec<_>>()
    );

    let verified = server.melo(&["audit", "verify"], "");
    let (head, err) = said(&verified);
    assert!(verified.status.success(), "{err}");
    let (id, link) = head.split_once(':').unwrap();
    // Two registrations, two logins, a promotion, forty looks, four promotions.
    assert_eq!((id, link.len()), ("49", 64), "{head}");
    anna.get("/admin/figures").await.ok();
    let later = server.melo(&["audit", "verify", "--expect", &head], "");
    assert!(
        later.status.success() && said(&later).0.starts_with("50:"),
        "{:?}",
        said(&later)
    );
    let other = format!("{id}:{}", "0".repeat(64));
    let differs = server.melo(&["audit", "verify", "--expect", &other], "");
    assert_eq!(differs.status.code(), Some(1));
    let beyond = format!("9999:{link}");
    let cut = server.melo(&["audit", "verify", "--expect", &beyond], "");
    assert_eq!(cut.status.code(), Some(1));
    assert!(said(&cut).1.contains("NOT"), "{:?}", said(&cut));

    let listed = server.melo(
        &[
            "audit",
            "list",
            "--action",
            "admin.change_role",
            "--limit",
            "2",
        ],
        "",
    );
    let (lines, _) = said(&listed);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(
        lines.contains("admin.change_role") && lines.contains("\"to\":\"user\""),
        "{lines}"
    );
    anna.get("/admin/audit").await.ok();
}

#[tokio::test]
async fn a_command_leaves_the_ports_for_calls_alone() {
    let server = Server::start().await;
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let settings = [
        ("BIND_ADDRESS", "127.0.0.1"),
        ("TURN_PORT", port.as_str()),
        ("TURN_TLS_PORT", "0"),
    ];
    let verified = server.melo_with(&["audit", "verify"], &settings);
    let (_, err) = said(&verified);
    assert!(err.starts_with("The audit log is whole"), "{err}");
    assert_eq!(err.lines().count(), 1, "and no word of ports: {err}");
}
