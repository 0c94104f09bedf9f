//! What becomes of a job after an attempt.

use std::time::Duration;

use melo_crypto::random;
use melo_domain::{DeliveryStatus, JobKind};
use melo_storage::{StorageError, deliveries, jobs};

use super::{Claim, MAX_ATTEMPTS};
use crate::Core;

/// The first pause; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(3);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Too late to be of use: dropped.
    TooLate,
    /// May succeed later.
    Later,
    /// Never will.
    Never,
}

/// Removes the job, puts it back, or gives it up. If its lease is over and somebody else has it, it is left
/// alone.
pub async fn settle(core: &Core, claim: &Claim, outcome: Outcome) -> Result<(), StorageError> {
    let outcome = match outcome {
        Outcome::Later if claim.attempt >= MAX_ATTEMPTS => Outcome::Never,
        other => other,
    };
    let tx = core.store.db.begin().await?;
    let (own, status) = match outcome {
        Outcome::Done => (jobs::finish(&tx, claim).await?, Some(DeliveryStatus::Sent)),
        Outcome::TooLate => (
            jobs::finish(&tx, claim).await?,
            Some(DeliveryStatus::Failed),
        ),
        Outcome::Never => (jobs::bury(&tx, claim).await?, Some(DeliveryStatus::Failed)),
        Outcome::Later => {
            let due = core.now().plus(pause(claim.attempt, random::u64()));
            (jobs::put_back(&tx, claim, due).await?, None)
        }
    };
    if let (true, JobKind::SendSms, Some(status)) = (own, claim.kind, status) {
        deliveries::advance(&tx, &core.store.keys, claim.id, status, core.now()).await?;
    }
    Ok(tx.commit().await?)
}

/// The pause after this attempt, a fifth longer or shorter by chance, so that what failed together is not
/// tried again together.
fn pause(attempt: u32, chance: u64) -> Duration {
    let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
    let pause = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
    let percent = 80 + u32::try_from(chance % 41).unwrap_or(20);
    pause * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let seconds = |attempt, chance| pause(attempt, chance).as_secs_f64();
        assert!((seconds(1, 20) - 3.0).abs() < 0.01);
        assert!((seconds(2, 20) - 6.0).abs() < 0.01);
        assert!((seconds(1, 0) - 2.4).abs() < 0.01);
        assert!((seconds(1, 40) - 3.6).abs() < 0.01);
        assert!((seconds(20, 20) - 600.0).abs() < 0.01);
        assert!((seconds(u32::MAX, 40) - 720.0).abs() < 0.01);
    }
}
