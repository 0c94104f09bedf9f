//! What those see who administer: people, sessions and devices in pages, and counts. A page goes on after the
//! last id of the one before it; ids are random, so that is an order, but none of time.

pub mod devices;
pub mod figures;
pub mod people;
pub mod sessions;
