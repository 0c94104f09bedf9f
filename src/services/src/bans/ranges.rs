//! Banned ranges of addresses. A range has no blind index that its addresses could be looked up by, so the ranges
//! are kept in memory, by their first address and width.

use std::collections::{BTreeSet, HashMap};

use melo_domain::{Network, Timestamp};

/// One look-up for each width that there is, however many ranges: at most 24 for an IPv4 address, 48 for an IPv6
/// one.
#[derive(Default)]
pub(super) struct Ranges {
    ends: HashMap<Network, Option<Timestamp>>,
    widths: BTreeSet<(bool, u8)>,
}

impl Ranges {
    /// Adds a range, and when its ban ends by itself.
    pub(super) fn insert(&mut self, range: Network, ends: Option<Timestamp>) {
        self.widths.insert((range.is_v6(), range.prefix()));
        self.ends.insert(range, ends);
    }

    /// Whether a range around this place is banned at that moment.
    pub(super) fn cover(&self, place: Network, now: Timestamp) -> bool {
        let family = (place.is_v6(), u8::MIN)..=(place.is_v6(), u8::MAX);
        self.widths
            .range(family)
            .filter_map(|(_, width)| self.ends.get(&place.within(*width)?))
            .any(|ends| stands(*ends, now))
    }
}

/// Whether a ban with this end stands at that moment.
pub(super) fn stands(ends: Option<Timestamp>, now: Timestamp) -> bool {
    ends.is_none_or(|ends| ends > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_covered_by_any_range_around_it_that_has_not_ended() {
        let now = Timestamp::from_millis(1_000);
        let mut ranges = Ranges::default();
        for (range, ends) in [
            ("203.0.113.0/24", None),
            ("198.51.0.0/16", Some(1_000)),
            ("198.51.100.0/24", Some(1_001)),
            ("2001:db8::/32", None),
        ] {
            ranges.insert(range.parse().unwrap(), ends.map(Timestamp::from_millis));
        }
        for (address, covered) in [
            ("203.0.113.7", true),
            ("203.0.112.7", false),
            ("198.51.100.7", true),
            ("198.51.101.7", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
        ] {
            let place = Network::of(address.parse().unwrap());
            assert_eq!(ranges.cover(place, now), covered, "{address}");
        }
    }
}
