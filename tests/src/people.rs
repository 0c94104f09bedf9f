//! Who uses the server: somebody unknown, a person with an account, a signed-in device.

use std::sync::Arc;

use melo_protocol::ErrorCode;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Call};
use crate::server::Site;
use crate::shape::{Fields, assert_shape};
use crate::socket::Socket;
use crate::{keys, unique};

/// What a person registers with.
#[derive(Debug, Clone)]
pub struct Person {
    /// E.164.
    pub phone: String,
    /// Shown to contacts.
    pub name: String,
    /// Shown to contacts.
    pub nickname: String,
    /// In plain.
    pub password: String,
    /// RSA, PEM.
    pub public_e2e_key: String,
    /// How their programs call themselves.
    pub user_agent: String,
}

impl Person {
    /// Somebody with a name and otherwise values of their own.
    pub fn named(name: &str) -> Self {
        Self {
            phone: unique::phone(),
            name: name.to_owned(),
            nickname: name.to_lowercase(),
            // Nothing that others know of them is in it.
            password: format!("quiet river lamps {}", unique::device_id()),
            public_e2e_key: keys::RSA_PEM[0].to_owned(),
            user_agent: "melo-flows/1.0 (linux)".to_owned(),
        }
    }

    /// The body of POST /register.
    pub fn registration(&self, device_id: &str) -> Value {
        json!({
            "phone": self.phone,
            "name": self.name,
            "nickname": self.nickname,
            "password": self.password,
            "device_id": device_id,
            "public_e2e_key": self.public_e2e_key,
        })
    }
}

/// Somebody without an access token.
#[derive(Debug, Clone)]
pub struct Anonymous {
    site: Arc<Site>,
}

impl Anonymous {
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Self { site }
    }

    /// Where they are.
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// A call without a token.
    pub fn call(&self, method: Method, path: &str) -> Call {
        self.site.call(method, path)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    /// Makes an account.
    pub async fn register(&self, person: Person) -> User {
        let device_id = unique::device_id();
        let answer = self
            .post("/register", &person.registration(&device_id))
            .await;
        User {
            uid: answer.ok().text("unique_id"),
            first_device: device_id,
            person,
            site: Arc::clone(&self.site),
        }
    }

    /// Makes an account and signs its first device in.
    pub async fn join(&self, name: &str) -> Device {
        let user = self.register(Person::named(name)).await;
        user.login_first().await
    }
}

/// A person with an account.
#[derive(Debug, Clone)]
pub struct User {
    /// Public id.
    pub uid: String,
    /// The `device_id` of the registration.
    pub first_device: String,
    /// As registered.
    pub person: Person,
    site: Arc<Site>,
}

impl User {
    /// Where the account is.
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// POST /login with the password, and whatever `more` says.
    pub async fn try_login(&self, device_id: &str, more: &Value) -> Answer {
        let mut body = json!({
            "identifier": self.uid,
            "password": self.person.password,
            "device_id": device_id,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.site
            .call(Method::POST, "/login")
            .header("user-agent", &self.person.user_agent)
            .json(&body)
            .send()
            .await
    }

    /// Signs in on the device of the registration.
    pub async fn login_first(&self) -> Device {
        self.login(&self.first_device).await
    }

    /// Signs in on a device that the account has not seen.
    pub async fn login_new(&self) -> Device {
        self.login(&unique::device_id()).await
    }

    /// Signs in on a device.
    pub async fn login(&self, device_id: &str) -> Device {
        let answer = self.try_login(device_id, &Value::Null).await.ok();
        Device {
            token: answer.text("access_token"),
            csrf: answer.text("csrf_token"),
            device_token: answer.text("device_token"),
            handle: answer.text("device"),
            uid: self.uid.clone(),
            user: self.clone(),
        }
    }
}

/// A signed-in device.
#[derive(Debug, Clone)]
pub struct Device {
    /// Access token.
    pub token: String,
    /// For calls that take one.
    pub csrf: String,
    /// Replaces the password.
    pub device_token: String,
    /// Public name.
    pub handle: String,
    /// Whose.
    pub uid: String,
    /// Whose, in full.
    pub user: User,
}

impl Device {
    /// Where it is.
    pub fn site(&self) -> &Arc<Site> {
        &self.user.site
    }

    /// A call with its token.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let call = self.site().call(method, path);
        call.token(&self.token)
            .header("user-agent", &self.user.person.user_agent)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path).json(body).send().await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }

    /// Asks somebody to become a contact.
    pub async fn subscribe(&self, target: &str, secret: bool) -> Answer {
        let body = json!({"target_id": target, "secret": secret, "csrf_token": self.csrf});
        self.post("/subscribe", &body).await
    }

    /// Accepts somebody's request.
    pub async fn confirm(&self, requester: &str) -> Answer {
        let body = json!({"target_id": requester, "csrf_token": self.csrf});
        self.post("/confirm_subscribe", &body).await
    }

    /// The log of the conversation with a contact.
    pub async fn log_with(&self, contact: &str) -> String {
        let answer = self.get("/contacts?per_page=100").await.ok();
        let found = answer
            .list("contacts")
            .iter()
            .find(|c| c["unique_id"] == contact);
        found.expect("a contact").text("log")
    }

    /// Sends a message over REST.
    pub async fn post_message(&self, target: &str, data: &Value, client_id: Uuid) -> Answer {
        let body = json!({"target_id": target, "data": data, "client_id": client_id});
        self.post("/messages/send", &body).await
    }

    /// Opens a WebSocket on the WSS port, and leaves everything to the caller.
    pub async fn connect(&self) -> Socket {
        Socket::open(self.site(), &self.token).await
    }

    /// Opens a WebSocket, and lets the server send what this device has missed: the frames before `synced`.
    pub async fn catch_up(&self) -> (Socket, Vec<Value>) {
        let mut socket = self.connect().await;
        let missed = socket.until("synced").await;
        (socket, missed)
    }

    /// Opens a WebSocket that has missed nothing.
    #[track_caller]
    pub fn online(&self) -> impl Future<Output = Socket> {
        let place = std::panic::Location::caller();
        async move {
            let (socket, missed) = self.catch_up().await;
            assert!(missed.is_empty(), "{place}: missed before: {missed:?}");
            socket
        }
    }

    /// Opens a WebSocket, takes what was missed, and acknowledges it.
    pub async fn settled(&self) -> Socket {
        let (mut socket, missed) = self.catch_up().await;
        for frame in missed {
            socket.ack(&frame.text("log"), frame.number("seq")).await;
        }
        assert_eq!(
            socket.barrier().await,
            [Value::Null; 0],
            "nothing but the missed frames"
        );
        socket
    }

    /// The error of sending to somebody over REST.
    pub async fn cannot_write_to(&self, target: &str, code: ErrorCode) {
        let answer = self
            .post_message(target, &json!("text"), unique::client_id())
            .await;
        answer.problem(code);
    }
}

/// Makes two people contacts and returns the log of their conversation. Whoever of them is connected gets a
/// notice for it.
pub async fn befriend(one: &Device, other: &Device) -> String {
    let asked = one.subscribe(&other.uid, false).await.ok();
    assert_eq!(asked, json!({"status": "subscription_requested"}));
    let confirmed = other.confirm(&one.uid).await.ok();
    assert_eq!(confirmed, json!({"status": "confirmed"}));
    let log = one.log_with(&other.uid).await;
    assert_shape(&json!({ "log": log }), "log:log");
    log
}
