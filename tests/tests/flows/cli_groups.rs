//! Groups and channels with `melo-cli`: as programs run it, and on a terminal.

use melo_tests::cli::PASSPHRASE;
use melo_tests::{Cli, Fields, Server, unique};
use serde_json::{Value, json};

const PASSWORD: &str = "seven green lanterns";
/// Exit code: the command line is wrong.
const USAGE: i32 = 2;
/// Exit code: refused.
const REFUSED: i32 = 77;

/// Somebody with a profile.
struct Profile<'a> {
    cli: &'a Cli,
    name: &'static str,
    uid: String,
}

impl<'a> Profile<'a> {
    async fn register(cli: &'a Cli, name: &'static str) -> Self {
        let phone = unique::phone();
        let about = ["--phone", &phone, "--name", name, "--password", PASSWORD];
        let args = [&["--profile", name, "--json", "register"][..], &about].concat();
        let made = cli.run(&args).await.json();
        Self {
            cli,
            name,
            uid: made.text("uid"),
        }
    }

    async fn run(&self, args: &[&str]) -> melo_tests::cli::Ended {
        let args = [&["--profile", self.name, "--json"], args].concat();
        self.cli.run(&args).await
    }

    async fn json(&self, args: &[&str]) -> Value {
        self.run(args).await.json()
    }

    async fn befriend(&self, other: &Profile<'_>) {
        self.json(&["contact", "add", &other.uid]).await;
        other.json(&["contact", "accept", &self.uid]).await;
    }

    /// What the history of a chat says, oldest first.
    async fn reads(&self, chat: &str) -> Vec<String> {
        let history = self.json(&["group", "history", chat]).await;
        let text = |m: &Value| {
            m["text"]
                .as_str()
                .map_or_else(|| m.to_string(), str::to_owned)
        };
        history.list("messages").iter().map(text).collect()
    }
}

#[tokio::test]
async fn programs_make_groups_and_talk_in_them() {
    let server = Server::start().await;
    let cli = Cli::new(&server);
    let anna = Profile::register(&cli, "anna").await;
    let boris = Profile::register(&cli, "boris").await;
    let cora = Profile::register(&cli, "cora").await;
    anna.befriend(&boris).await;

    let made = anna
        .json(&[
            "group",
            "create",
            "Walks",
            &boris.uid,
            "--about",
            "On Sundays",
        ])
        .await;
    assert_eq!(made["invited"], json!([]));
    let chat = &*made["chat_id"].to_string();
    let listed = boris.json(&["group", "list"]).await;
    assert_eq!(listed["chats"][0]["title"], "Walks");
    assert_eq!(listed["chats"][0]["role"], "member");
    assert_eq!(listed["chats"][0]["description"], "On Sundays");
    assert_eq!(boris.json(&["channel", "list"]).await["chats"], json!([]));

    let sent = anna.json(&["group", "send", chat, "Hello", "all"]).await;
    assert_eq!(sent["status"], "queued");
    boris
        .json(&["group", "send", chat, "Hello", &format!("@{}", anna.uid)])
        .await;
    assert_eq!(anna.reads(chat).await[1], format!("Hello @{}", anna.uid));
    assert_eq!(boris.reads(chat).await[0], "Hello all");
    let history = anna.json(&["group", "history", chat, "--limit", "1"]).await;
    assert_eq!(history["messages"][0]["mentions"], json!([anna.uid]));
    assert_eq!(history["messages"][0]["proof"], "signed");

    let invite = anna.json(&["group", "invite", chat, "--uses", "1"]).await;
    let joined = cora.json(&["group", "join", &invite.text("code")]).await;
    assert_eq!(joined["status"], "joined");
    boris.json(&["group", "send", chat, "Welcome"]).await;
    assert_eq!(cora.reads(chat).await, ["Welcome"]);
    let members = cora.json(&["group", "members", chat]).await;
    assert_eq!(members.list("members").len(), 3);
    let refused = cora.run(&["group", "remove", chat, &boris.uid]).await;
    refused.refused(REFUSED);
    anna.json(&["group", "role", chat, &boris.uid, "admin"])
        .await;
    boris.json(&["group", "remove", chat, &cora.uid]).await;
    let told = cora.run(&["group", "send", chat, "Still here?"]).await;
    assert!(told.refused(REFUSED).contains("not in this group"));
    boris.json(&["group", "leave", chat]).await;
    assert_eq!(boris.json(&["group", "list"]).await["chats"], json!([]));

    let nothing = anna.run(&["group", "set", chat]).await;
    nothing.refused(USAGE);
    anna.json(&["group", "set", chat, "--title", "Long walks"])
        .await;
    let listed = anna.json(&["group", "list"]).await;
    assert_eq!(listed["chats"][0]["title"], "Long walks");
}

#[tokio::test]
async fn people_talk_in_a_group_on_a_terminal() {
    let server = Server::start().await;
    let cli = Cli::new(&server);
    let anna = Profile::register(&cli, "anna").await;
    let boris = Profile::register(&cli, "boris").await;
    anna.befriend(&boris).await;
    let made = anna.json(&["group", "create", "Walks", &boris.uid]).await;
    let chat = &*made["chat_id"].to_string();
    anna.json(&["group", "send", chat, "Sunday at ten?"]).await;

    let mut terminal = cli.on_terminal(&["--profile", "boris", "group", "chat", chat]);
    terminal
        .answers("Passphrase of this profile", PASSPHRASE)
        .await;
    terminal.shows("Walks (2 members)").await;
    terminal.shows("anna: Sunday at ten?").await;
    terminal.shows("#").await;
    let history = anna.json(&["group", "history", chat]).await;
    let seq = history["messages"][0]["seq"].to_string();
    terminal.types(&format!("/reply {seq} Gladly"));
    terminal.shows("Gladly ✓").await;
    terminal.types(&format!("/react {seq} 👍"));
    terminal.shows("done").await;
    terminal.types("/delete 999999");
    terminal.shows("There is no message #999999").await;
    terminal.types("/quit");
    assert_eq!(terminal.ended().await, Some(0));

    let history = anna.json(&["group", "history", chat]).await;
    let messages = history.list("messages");
    assert_eq!(messages[0]["reactions"][0]["reaction"], "👍");
    assert_eq!(messages[1]["text"], "Gladly");
    assert_eq!(messages[1]["reply_to"], messages[0]["id"]);
}
