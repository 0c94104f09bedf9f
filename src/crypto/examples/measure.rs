//! Prints what the operations of the message path cost on this machine:
//! `cargo run --release -p melo-crypto --example measure`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use melo_crypto::{
    AccessClaims, Column, JwtKeys, Keyring, PasswordCost, PasswordHasher, Purpose, RootKey, keygen,
    random,
};
use melo_domain::{DeviceHandle, Secret, SessionId, Timestamp, Uid};

const PHONE: Column = Column::new("users", "phone");
const START: Timestamp = Timestamp::from_millis(0);

fn measure(what: &str, rounds: u32, mut operation: impl FnMut()) {
    for _ in 0..rounds / 10 {
        operation();
    }
    let begin = Instant::now();
    for _ in 0..rounds {
        operation();
    }
    let each = begin.elapsed() / rounds;
    println!("{what:<40} {each:>12.1?}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = RootKey::generate();
    let keys = (1..).zip(Purpose::ALL);
    let keys = keys.map(|(id, purpose)| root.wrap_new(id, purpose, START));
    let keyring = Keyring::open(&root, keys.collect())?;
    let row = 10_000_001_i64.to_be_bytes();
    let value = [7; 300];
    let sealed = keyring.seal(PHONE, &row, &value)?;

    measure("random nonce", 1_000_000, || {
        black_box(random::bytes::<12>());
    });
    measure("seal, 300 bytes", 1_000_000, || {
        let _ = black_box(keyring.seal(PHONE, &row, &value));
    });
    measure("open, 300 bytes", 1_000_000, || {
        let _ = black_box(keyring.open_sealed(PHONE, &row, &sealed));
    });
    measure("blind index", 200_000, || {
        black_box(keyring.blind_index(PHONE, b"+79991234567"));
    });
    measure("ephemeral name", 200_000, || {
        black_box(keyring.ephemeral_name("presence", &row));
    });

    let pem = keygen::rsa_private_pem(2048)?;
    let jwt = JwtKeys::from_pem(&pem, "melo", "melo")?;
    let claims = AccessClaims::new(
        Uid::from_random(1),
        SessionId::from_random(2),
        DeviceHandle::from_random(2),
        "all",
        START,
        Duration::from_mins(1),
    );
    let token = jwt.issue(&claims)?;
    measure("issue an access token, RSA 2048", 500, || {
        let _ = black_box(jwt.issue(&claims));
    });
    measure("verify an access token, RSA 2048", 20_000, || {
        let _ = black_box(jwt.verify(token.expose(), START));
    });

    let pepper = Secret::new("a pepper of 32 characters or so.".to_owned());
    let hasher = PasswordHasher::new(&pepper, PasswordCost::default())?;
    let stored = hasher.hash(&pepper)?;
    measure("compare a password", 20, || {
        let _ = black_box(hasher.verify(&pepper, &stored));
    });
    measure("compare for an absent account", 20, || {
        hasher.verify_absent(&pepper);
    });
    Ok(())
}
