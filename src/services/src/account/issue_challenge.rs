//! Work to be done before registering, where the operator asks for it.

use std::net::IpAddr;
use std::time::Duration;

use melo_ephemeral::Kind;

use super::AccountError;
use crate::Core;
use crate::limits::{self, Limit};

/// How long a challenge is good for: a slow phone works on the hardest one for minutes.
pub const CHALLENGE_LIFE: Duration = Duration::from_secs(600);

/// Work to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// To be put in front of the nonce.
    pub text: String,
    /// Leading zero bits that the hash must have; 0 where nothing is asked.
    pub bits: u8,
}

/// Work that was done.
#[derive(Debug, Clone)]
pub struct Work {
    /// As issued.
    pub challenge: String,
    /// What solves it.
    pub nonce: String,
}

/// A fresh challenge. Nothing is kept of it.
pub async fn issue_challenge(core: &Core, address: IpAddr) -> Result<Challenge, AccountError> {
    limits::take(core, Limit::Challenge, address).await?;
    let bits = core.policy.registration_pow_bits;
    Ok(Challenge {
        text: core.challenges.issue(bits, core.now().plus(CHALLENGE_LIFE)),
        bits,
    })
}

/// Uses up the work for a registration: of any number of registrations with the same work exactly one goes on.
pub(super) async fn use_work(core: &Core, work: Option<&Work>) -> Result<(), AccountError> {
    let bits = core.policy.registration_pow_bits;
    if bits == 0 {
        return Ok(());
    }
    let work = work.ok_or(AccountError::WorkRequired)?;
    let good = core
        .challenges
        .verify(&work.challenge, &work.nonce, bits, core.now());
    // Only a good one is remembered: what anybody can make up must not fill the memory.
    let unused = good
        && core
            .ephemeral
            .claim(Kind::Challenge, work.challenge.as_bytes(), CHALLENGE_LIFE)
            .await?;
    if unused {
        Ok(())
    } else {
        Err(AccountError::WorkInvalid)
    }
}
