//! REST calls of one user.

use melo_client::crypto::random;
use melo_client::rest::{Api, calls};
use melo_domain::{LogId, Secret, Uid};
use melo_protocol::rest::account::{LoginAnswer, LoginRequest, RegisterRequest};
use melo_protocol::rest::contacts::{ConfirmRequest, SubscribeRequest};

use crate::fail::Failure;
use crate::snapshot::User;

/// Phone numbers begin with the code of satellite phones, which nobody here has: there is room for 10^12.
const PHONE_PREFIX: &str = "+870";
const PHONE_RANGE: u64 = 1_000_000_000_000;

/// A user who is signed in.
pub(crate) struct SignedIn {
    pub user: User,
    pub access_token: Secret,
    pub csrf_token: String,
}

/// Registers a user under random names and signs in with the password.
pub(crate) async fn register(api: &Api, public_key: &str) -> Result<SignedIn, Failure> {
    let device_id = hex(&random::bytes::<8>()?);
    let password = Secret::new(hex(&random::bytes::<16>()?));
    let request = RegisterRequest {
        phone: format!("{PHONE_PREFIX}{:012}", random::below(PHONE_RANGE)),
        name: "Load".to_owned(),
        nickname: "Load".to_owned(),
        password: password.clone(),
        device_id: device_id.clone(),
        public_e2e_key: public_key.to_owned(),
        pow: None,
        code: None,
        invite: None,
    };
    let call = calls::register(&request).map_err(Failure::call("register"))?;
    let answer = api
        .send(&call, None)
        .await
        .map_err(Failure::call("register"))?;
    let signed_in = with_password(api, answer.unique_id, &device_id, &password).await?;
    Ok(SignedIn {
        user: User {
            uid: answer.unique_id,
            device_id,
            device_token: signed_in.device_token,
            password,
        },
        access_token: signed_in.access_token,
        csrf_token: signed_in.csrf_token,
    })
}

/// Signs in with the password: the server computes a password hash.
pub(crate) async fn with_password(
    api: &Api,
    uid: Uid,
    device_id: &str,
    password: &Secret,
) -> Result<LoginAnswer, Failure> {
    login(api, uid, device_id, Some(password), None).await
}

/// Signs in with the device token, and gives the access token.
pub(crate) async fn with_device_token(api: &Api, user: &User) -> Result<Secret, Failure> {
    let answer = login(
        api,
        user.uid,
        &user.device_id,
        None,
        Some(&user.device_token),
    )
    .await?;
    Ok(answer.access_token)
}

/// Signs in on the user's `n`-th device. All but the first are new to the server, which computes a password hash.
pub(crate) async fn on_device(api: &Api, user: &User, n: usize) -> Result<Secret, Failure> {
    if n == 0 {
        return with_device_token(api, user).await;
    }
    let device_id = hex(&random::bytes::<8>()?);
    let answer = with_password(api, user.uid, &device_id, &user.password).await?;
    Ok(answer.access_token)
}

async fn login(
    api: &Api,
    uid: Uid,
    device_id: &str,
    password: Option<&Secret>,
    device_token: Option<&Secret>,
) -> Result<LoginAnswer, Failure> {
    let request = LoginRequest {
        identifier: uid.to_string(),
        password: password.cloned(),
        device_id: device_id.to_owned(),
        device_token: device_token.cloned(),
        public_e2e_key: None,
        code: None,
        cookie: false,
    };
    let call = calls::login(&request).map_err(Failure::call("login"))?;
    api.send(&call, None).await.map_err(Failure::call("login"))
}

/// Makes two users contacts, and gives their conversation's log.
pub(crate) async fn befriend(
    api: &Api,
    first: &SignedIn,
    second: &SignedIn,
) -> Result<LogId, Failure> {
    let ask = SubscribeRequest {
        target_id: second.user.uid.to_string(),
        secret: false,
        csrf_token: first.csrf_token.clone(),
    };
    let call = calls::subscribe(&ask).map_err(Failure::call("subscribe"))?;
    let asked = api.send(&call, Some(&first.access_token)).await;
    asked.map_err(Failure::call("subscribe"))?;
    let confirm = ConfirmRequest {
        target_id: first.user.uid.to_string(),
        csrf_token: second.csrf_token.clone(),
    };
    let call = calls::confirm_subscribe(&confirm).map_err(Failure::call("confirm_subscribe"))?;
    let confirmed = api.send(&call, Some(&second.access_token)).await;
    confirmed.map_err(Failure::call("confirm_subscribe"))?;
    let listed = api
        .send(&calls::contacts(1, 1), Some(&first.access_token))
        .await;
    let listed = listed.map_err(Failure::call("contacts"))?;
    let contact = listed
        .contacts
        .iter()
        .find(|c| c.unique_id == second.user.uid);
    let contact = contact.ok_or_else(|| Failure::Server("lists no new contact".to_owned()))?;
    Ok(contact.log)
}

fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}
