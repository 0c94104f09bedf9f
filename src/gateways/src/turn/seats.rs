//! How many allocations there are, and whose. A seat is given back when it is dropped, wherever that happens.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Transport;
use super::bandwidth::Bucket;
use super::figures::Counters;
use super::settings::{Account, TurnLimits};

/// What the allocations of one account share.
pub(super) struct Holder {
    account: Account,
    pub bandwidth: Bucket,
}

/// There is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// The account has all of its own.
    Quota,
    /// All are taken.
    Capacity,
}

#[derive(Default)]
struct Plan {
    holders: HashMap<Account, (Arc<Holder>, usize)>,
    taken: usize,
}

pub(super) struct Seats {
    plan: Mutex<Plan>,
    limit: usize,
    per_account: usize,
    bandwidth: Option<NonZeroU64>,
    counters: Arc<Counters>,
}

impl Seats {
    pub fn new(limits: &TurnLimits, counters: Arc<Counters>) -> Self {
        Self {
            plan: Mutex::default(),
            limit: limits.allocations,
            per_account: limits.per_account,
            bandwidth: limits.account_bandwidth,
            counters,
        }
    }

    pub fn take(self: &Arc<Self>, account: Account, transport: Transport) -> Result<Seat, Taken> {
        let mut plan = self.plan.lock();
        let mine = plan.holders.get(&account).map_or(0, |(_, count)| *count);
        if mine >= self.per_account {
            return Err(Taken::Quota);
        }
        if plan.taken >= self.limit {
            return Err(Taken::Capacity);
        }
        plan.taken += 1;
        let (holder, count) = plan.holders.entry(account).or_insert_with(|| {
            let bandwidth = Bucket::new(self.bandwidth);
            (Arc::new(Holder { account, bandwidth }), 0)
        });
        *count += 1;
        self.counters.began(transport);
        Ok(Seat {
            holder: Arc::clone(holder),
            transport,
            seats: Arc::clone(self),
        })
    }
}

/// One allocation's place.
pub(super) struct Seat {
    pub holder: Arc<Holder>,
    pub transport: Transport,
    seats: Arc<Seats>,
}

impl Seat {
    pub fn account(&self) -> Account {
        self.holder.account
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut plan = self.seats.plan.lock();
        plan.taken -= 1;
        if let Some((_, count)) = plan.holders.get_mut(&self.holder.account) {
            *count -= 1;
            if *count == 0 {
                plan.holders.remove(&self.holder.account);
            }
        }
        self.seats.counters.ended(self.transport);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_by_account_and_together_and_given_back() {
        let limits = TurnLimits {
            allocations: 3,
            per_account: 2,
            account_bandwidth: None,
            total_bandwidth: None,
            streams: 0,
            streams_per_address: 0,
        };
        let counters = Arc::new(Counters::default());
        let seats = Arc::new(Seats::new(&limits, Arc::clone(&counters)));
        let take = |account| seats.take(Account(account), Transport::Udp);
        let (first, second) = (take(1).ok(), take(1).ok());
        assert!(first.is_some() && second.is_some());
        assert_eq!(take(1).err(), Some(Taken::Quota));
        let third = take(2).ok();
        assert_eq!(take(2).err(), Some(Taken::Capacity));
        assert_eq!(counters.figures().live(), 3);
        drop(first);
        assert!(take(1).is_ok());
        drop((second, third));
        assert_eq!(counters.figures().live(), 0);
        assert!(seats.plan.lock().holders.is_empty());
        assert_eq!(counters.figures().transports[0].made, 4);
    }
}
