//! What a call has used of its limits, for the headers of its answer.

use std::cell::Cell;
use std::future::Future;

use melo_ephemeral::Spent;

tokio::task_local! {
    static TIGHTEST: Cell<Option<Spent>>;
}

/// Runs `call` and says also which of the limits it touched is the nearest to its end. Only what is taken in
/// the same task counts.
pub async fn watch<F: Future>(call: F) -> (F::Output, Option<Spent>) {
    TIGHTEST
        .scope(Cell::new(None), async {
            let output = call.await;
            (output, TIGHTEST.with(Cell::get))
        })
        .await
}

/// Notes what came of taking one, for the call that is watched. Who watches a part of a call in another task hands on
/// what came of it.
pub fn note(spent: Spent) {
    // Outside of a watched call, in a connection or a job, there are no headers to fill.
    let _ = TIGHTEST.try_with(|tightest| {
        if tightest.get().is_none_or(|before| tighter(&spent, &before)) {
            tightest.set(Some(spent));
        }
    });
}

/// A refusal before anything else, then the smaller part that is left.
fn tighter(one: &Spent, other: &Spent) -> bool {
    if one.refused != other.refused {
        return one.refused;
    }
    let part = |a: &Spent, b: &Spent| u128::from(a.remaining) * u128::from(b.limit);
    part(one, other) < part(other, one)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spent(limit: u64, remaining: u64, refused: bool) -> Spent {
        Spent {
            limit,
            remaining,
            reset: Duration::from_secs(1),
            refused,
        }
    }

    #[tokio::test]
    async fn the_tightest_limit_of_a_call_is_told() {
        let ((), none) = watch(async {}).await;
        assert_eq!(none, None);
        let ((), tightest) = watch(async {
            note(spent(1000, 900, false));
            note(spent(10, 8, false));
            note(spent(100, 99, false));
        })
        .await;
        assert_eq!(tightest, Some(spent(10, 8, false)));
        let ((), refused) = watch(async {
            note(spent(10, 0, true));
            note(spent(10, 0, false));
        })
        .await;
        assert_eq!(refused, Some(spent(10, 0, true)));
        note(spent(1, 1, false));
    }
}
