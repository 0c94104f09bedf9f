//! Coming in with `melo-cli`: codes, invites, work and second factors, asked for on a terminal or given beforehand.

use std::path::Path;

use melo_protocol::ErrorCode;
use melo_tests::cli::PASSPHRASE;
use melo_tests::{Cli, Fields, Person, Postbox, Server, unique};
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

const PASSWORD: &str = "seven green lanterns";
/// Exit code: the command line is wrong.
const USAGE: i32 = 2;
/// Exit code: refused.
const REFUSED: i32 = 77;

async fn postbox() -> Postbox {
    Postbox::start(Path::new(env!("CARGO_BIN_EXE_postbox"))).await
}

/// A server that sends a code to each phone first, and asks for some work before that.
async fn verifying(postbox: &Postbox) -> Server {
    let sms = postbox.sms_url();
    Server::with(&[
        ("REGISTRATION", "verified"),
        ("REGISTRATION_POW_BITS", "6"),
        ("SMS_PROVIDER", "http"),
        ("SMS_HTTP_URL", &sms),
    ])
    .await
}

/// `register` with everything that is always needed.
fn register<'a>(profile: &'a str, phone: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let always = [
        "--profile",
        profile,
        "--json",
        "register",
        "--phone",
        phone,
        "--name",
        "Guest",
        "--password",
        PASSWORD,
    ];
    always.iter().chain(more).copied().collect()
}

fn another(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test]
async fn a_program_is_sent_a_code_and_comes_back_with_it() {
    let mut postbox = postbox().await;
    let server = verifying(&postbox).await;
    let cli = Cli::new(&server);
    let phone = unique::phone();
    let asked = cli.run(&register("guest", &phone, &[])).await;
    let told = asked.refused(USAGE);
    assert!(
        told.contains(&format!("A code was sent to {phone}.")),
        "{told}"
    );
    assert!(told.contains("--code must be given"), "{told}");
    let (to, code) = postbox.code().await;
    assert_eq!(to, phone);

    let wrong = ["--code", another(&code)];
    let refused = cli.run(&register("guest", &phone, &wrong)).await;
    let told = refused.refused(REFUSED);
    assert!(told.contains("The code is wrong"), "{told}");
    assert!(postbox.is_quiet(), "no other code is sent for a wrong one");

    let right = ["--code", &*code];
    let made = cli.run(&register("guest", &phone, &right)).await.json();
    let who = cli.run(&["--profile", "guest", "--json", "whoami"]).await;
    let who = who.json();
    assert_eq!((&who["uid"], &who["phone"]), (&made["uid"], &json!(phone)));
    assert_eq!(who["backed_up"], true);

    // Spent.
    let twice = cli.run(&register("other", &phone, &right)).await;
    twice.refused(REFUSED);
}

#[tokio::test]
async fn a_person_types_the_code_when_it_arrives() {
    let mut postbox = postbox().await;
    let server = verifying(&postbox).await;
    let cli = Cli::new(&server).with("LANG", "ru_RU.UTF-8");
    let phone = unique::phone();
    let mut terminal = cli.on_terminal(&["register"]);
    terminal.answers("Номер телефона", &phone).await;
    terminal.answers("Ваше имя: ", "Борис").await;
    for question in ["Придумайте пароль: ", "Ещё раз: "] {
        terminal.answers(question, PASSWORD).await;
    }
    for question in ["Придумайте кодовую фразу", "Ещё раз: "] {
        terminal.answers(question, PASSPHRASE).await;
    }
    terminal.shows(&format!("Код отправлен на {phone}.")).await;
    let (_, message) = postbox.sms().await;
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("код для регистрации"), "{text}");
    let mut digits = text.split(|c: char| !c.is_ascii_digit());
    let code = digits.find(|d| d.len() == 6).unwrap();
    // Mistyped once.
    terminal.answers("Код из сообщения: ", another(code)).await;
    terminal.shows("Код неверен").await;
    terminal.answers("Код из сообщения: ", code).await;
    terminal.shows("Добро пожаловать, Борис.").await;
    assert_eq!(terminal.ended().await, Some(0));
    assert!(postbox.is_quiet(), "one code for all tries");
}

#[tokio::test]
async fn who_guesses_codes_is_let_go_after_five() {
    let mut postbox = postbox().await;
    let server = verifying(&postbox).await;
    let cli = Cli::new(&server).with("MELO_PASSPHRASE", PASSPHRASE);
    let phone = unique::phone();
    let mut terminal = cli.on_terminal(&register("guest", &phone, &[]));
    let (_, code) = postbox.code().await;
    for _ in 0..5 {
        terminal
            .answers("Code from the text message: ", another(&code))
            .await;
    }
    terminal.shows("To be sent a new one").await;
    assert_eq!(terminal.ended().await, Some(REFUSED));
    let late = ["--code", &*code];
    let late = cli.run(&register("guest", &phone, &late)).await;
    late.refused(REFUSED);
}

#[tokio::test]
async fn the_invited_register() {
    let (server, olga) = crate::invites::invited_only().await;
    let cli = Cli::new(&server).with("MELO_PASSPHRASE", PASSPHRASE);
    let phones = [unique::phone(), unique::phone()];
    let asked = cli.run(&register("guest", &phones[0], &[])).await;
    let told = asked.refused(USAGE);
    assert!(told.contains("takes the invited only"), "{told}");
    assert!(told.contains("--invite must be given"), "{told}");
    let wrong = ["--invite", "nonsense"];
    let refused = cli.run(&register("guest", &phones[0], &wrong)).await;
    let told = refused.refused(REFUSED);
    assert!(told.contains("The invite is wrong"), "{told}");

    let code = crate::invites::invite(&olga, 2).await.text("code");
    let right = ["--invite", &*code];
    cli.run(&register("guest", &phones[0], &right)).await.json();
    let mut terminal = cli.on_terminal(&register("other", &phones[1], &[]));
    terminal.answers("Invite: ", &code).await;
    terminal.shows("\"uid\"").await;
    assert_eq!(terminal.ended().await, Some(0));

    let mut closed = Server::start().await;
    closed.set("REGISTRATION", "closed");
    closed.kill();
    closed.start_again().await;
    let cli = Cli::new(&closed);
    let refused = cli.run(&register("guest", &phones[0], &[])).await;
    let told = refused.refused(REFUSED);
    assert!(told.contains("Nobody can register"), "{told}");
}

#[tokio::test]
async fn work_is_done_where_the_server_asks_for_it() {
    let server = Server::with(&[("REGISTRATION_POW_BITS", "12")]).await;
    let body = Person::named("Anna").registration(&unique::device_id());
    let without = server.anonymous().post("/register", &body).await;
    without.problem(ErrorCode::ProofOfWorkRequired);
    let cli = Cli::new(&server);
    let made = cli.run(&register("guest", &unique::phone(), &[])).await;
    assert!(made.json()["uid"].is_string());
}

/// Sets a second factor up for an account, in another app: it, the code that confirmed it, and the recovery codes.
async fn second_factor(server: &Server, uid: &str) -> (Totp, String, Vec<Value>) {
    let somebody = server.anonymous();
    let login = json!({"identifier": uid, "password": PASSWORD, "device_id": unique::device_id()});
    let token = somebody.post("/login", &login).await.ok();
    let post = async |path: &str, body: Value| {
        let call = somebody.call(Method::POST, path);
        let call = call.token(&token.text("access_token")).json(&body);
        call.send().await.ok()
    };
    let begun = post("/two_factor/enrol", json!({"password": PASSWORD})).await;
    let secret = Secret::try_from_base32(begun.text("secret")).unwrap();
    let app = Builder::new().with_secret(secret).build().unwrap();
    let code = app.generate_current().to_string();
    let confirmed = post("/two_factor/confirm", json!({ "code": code })).await;
    (app, code, confirmed.list("recovery_codes").clone())
}

#[tokio::test]
async fn a_login_gives_the_code_of_the_second_factor() {
    let server = Server::start().await;
    let cli = Cli::new(&server).with("MELO_PASSPHRASE", PASSPHRASE);
    let made = cli.run(&register("first", &unique::phone(), &[])).await;
    let uid = made.json().text("uid");
    let (app, spent, recovery) = second_factor(&server, &uid).await;
    let recovery: Vec<&str> = recovery.iter().map(|code| code.as_str().unwrap()).collect();
    let login = |profile: &'static str, more: &[&str]| {
        let always = [
            "--profile",
            profile,
            "--json",
            "login",
            &uid,
            "--password",
            PASSWORD,
        ];
        let args: Vec<String> = always.iter().chain(more).map(|a| (*a).to_owned()).collect();
        args
    };
    let run = async |profile, more: &[&str]| {
        let args = login(profile, more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        cli.run(&args).await
    };

    let asked = run("second", &[]).await;
    let told = asked.refused(USAGE);
    assert!(told.contains("--code must be given"), "{told}");
    // The code that confirmed it is spent.
    for wrong in [&*spent, "nonsense"] {
        let refused = run("second", &["--code", wrong]).await;
        let told = refused.refused(REFUSED);
        assert!(
            told.contains("The code of the second factor is wrong"),
            "{told}"
        );
    }
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let next = app.generate(seconds + 30).to_string();
    let entered = run("second", &["--code", &next]).await.json();
    assert_eq!(entered["uid"], uid);
    let entered = run("third", &["--code", recovery[0]]).await.json();
    assert_eq!(entered["uid"], uid);
    run("fourth", &["--code", recovery[0]])
        .await
        .refused(REFUSED);

    // A person is asked.
    let args = login("fourth", &[]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut terminal = cli.on_terminal(&args);
    terminal
        .answers(
            "Code of the second factor (or a recovery code): ",
            recovery[1],
        )
        .await;
    terminal.shows("\"uid\"").await;
    assert_eq!(terminal.ended().await, Some(0));
}
