//! Passwords: Argon2id (RFC 9106) with a pepper, the parameters kept in each hash; bcrypt for hashes that were
//! brought from elsewhere.

use std::hint::black_box;

use argon2::password_hash::Error as PhcError;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
};
use melo_domain::Secret;

use crate::random;

/// The longest password that is hashed, in bytes.
const LONGEST: usize = 1024;
/// The shortest pepper, in bytes.
const SHORTEST_PEPPER: usize = 16;
/// The costliest stored hash that is computed: a row that was tampered with must not stop the server.
const COSTLIEST: PasswordCost = PasswordCost {
    memory_kib: 1 << 20,
    passes: 16,
    lanes: 16,
};

/// The costliest bcrypt hash that is computed: about four seconds.
const COSTLIEST_BCRYPT: u32 = 16;

/// What one hash costs. The default is the least that design allows in production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
        }
    }
}

impl PasswordCost {
    /// As cheap as Argon2 gets, for tests and for filling a database with made-up people.
    pub const fn for_testing() -> Self {
        Self {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
        }
    }

    fn within(self, most: Self) -> bool {
        self.memory_kib <= most.memory_kib && self.passes <= most.passes && self.lanes <= most.lanes
    }

    fn params(self) -> Result<Params, PasswordError> {
        // Before the library multiplies the lanes.
        if !self.within(COSTLIEST) {
            return Err(PasswordError::InvalidCost);
        }
        Params::new(
            self.memory_kib,
            self.passes,
            self.lanes,
            Some(Params::DEFAULT_OUTPUT_LEN),
        )
        .map_err(|_| PasswordError::InvalidCost)
    }
}

/// A password could not be hashed or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Longer than 1,024 bytes.
    #[error("a password has at most 1024 bytes")]
    TooLong,
    /// Parameters that Argon2 does not allow, or beyond 1 GiB, 16 passes or 16 lanes.
    #[error("Argon2 takes 8 KiB per lane to 1 GiB, 1 to 16 passes and 1 to 16 lanes")]
    InvalidCost,
    /// Shorter than 16 bytes.
    #[error("the pepper must have at least 16 bytes")]
    ShortPepper,
    /// What is stored is not an Argon2id hash that this version computes.
    #[error("the stored password hash is malformed or of an unknown kind")]
    UnknownHash,
    /// No memory for the computation now.
    #[error("not enough memory to hash a password")]
    OutOfMemory,
}

/// What came of comparing a password with a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password.
    Wrong,
    /// The password.
    Right,
    /// The password, hashed with other parameters than today's: hash it anew and store that.
    RightButOutdated,
}

/// Hashes and compares passwords. Each call takes tens of milliseconds and the configured memory: run it
/// away from the event loop, and bound how many run at once.
pub struct PasswordHasher {
    pepper: Secret,
    cost: PasswordCost,
    params: Params,
    /// A well-formed hash that no password has.
    decoy: String,
}

impl PasswordHasher {
    /// `pepper` is a secret kept outside the database, of 16 bytes or more.
    pub fn new(pepper: &Secret, cost: PasswordCost) -> Result<Self, PasswordError> {
        if pepper.expose().len() < SHORTEST_PEPPER {
            return Err(PasswordError::ShortPepper);
        }
        let params = cost.params()?;
        let decoy = decoy(&params).map_err(|_| PasswordError::InvalidCost)?;
        Ok(Self {
            pepper: pepper.clone(),
            cost,
            params,
            decoy,
        })
    }

    /// Hashes a new password. The answer is a PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
    pub fn hash(&self, password: &Secret) -> Result<String, PasswordError> {
        let password = password.expose().as_bytes();
        if password.len() > LONGEST {
            return Err(PasswordError::TooLong);
        }
        let salt = random::bytes::<16>();
        let hash = self.argon2()?.hash_password_with_salt(password, &salt);
        hash.map(|hash| hash.to_string())
            .map_err(|error| from_phc(&error))
    }

    /// Compares a password with a stored hash, in constant time, at the cost stored with the hash.
    /// Over-long passwords take the same time as others and are wrong. A bcrypt hash, of an account that was
    /// brought from elsewhere, is compared as well and always outdated.
    pub fn verify(&self, password: &Secret, stored: &str) -> Result<Verdict, PasswordError> {
        if stored.starts_with("$2") {
            return verify_bcrypt(password, stored);
        }
        let stored = PasswordHash::new(stored).map_err(|_| PasswordError::UnknownHash)?;
        let supported = stored.algorithm == ARGON2ID_IDENT
            && stored.version == Some(Version::V0x13.into())
            && stored.salt.is_some()
            && stored.hash.is_some();
        let params = Params::try_from(&stored).map_err(|_| PasswordError::UnknownHash)?;
        let cost = PasswordCost {
            memory_kib: params.m_cost(),
            passes: params.t_cost(),
            lanes: params.p_cost(),
        };
        if !supported || !cost.within(COSTLIEST) {
            return Err(PasswordError::UnknownHash);
        }
        match self
            .argon2()?
            .verify_password(password.expose().as_bytes(), &stored)
        {
            Ok(()) if cost == self.cost => Ok(Verdict::Right),
            Ok(()) => Ok(Verdict::RightButOutdated),
            Err(PhcError::PasswordInvalid) => Ok(Verdict::Wrong),
            Err(error) => Err(from_phc(&error)),
        }
    }

    /// Does the work of a wrong password, for an account that does not exist: an answer must not come
    /// sooner for it.
    pub fn verify_absent(&self, password: &Secret) {
        // The decoy is well-formed; without memory there is nothing to be done but to answer.
        let _ = black_box(self.verify(password, &self.decoy));
    }

    fn argon2(&self) -> Result<Argon2<'_>, PasswordError> {
        Argon2::new_with_secret(
            self.pepper.expose().as_bytes(),
            Algorithm::Argon2id,
            Version::V0x13,
            self.params.clone(),
        )
        .map_err(|_| PasswordError::InvalidCost)
    }
}

/// Like the servers that made these hashes, bcrypt looks at the first 72 bytes only.
fn verify_bcrypt(password: &Secret, stored: &str) -> Result<Verdict, PasswordError> {
    let parts: bcrypt::HashParts = stored.parse().map_err(|_| PasswordError::UnknownHash)?;
    if stored.len() != 60 || parts.get_cost() > COSTLIEST_BCRYPT {
        return Err(PasswordError::UnknownHash);
    }
    let right = bcrypt::verify(password.expose(), stored);
    let right = right.map_err(|_| PasswordError::UnknownHash)?;
    if right && password.expose().len() <= LONGEST {
        Ok(Verdict::RightButOutdated)
    } else {
        Ok(Verdict::Wrong)
    }
}

/// Random bytes in the place of a hash: to find a password for them is to invert Argon2.
fn decoy(params: &Params) -> Result<String, PhcError> {
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(&random::bytes::<16>())?),
        hash: Some(Output::new(&random::bytes::<32>())?),
    };
    Ok(hash.to_string())
}

fn from_phc(error: &PhcError) -> PasswordError {
    match error {
        PhcError::OutOfMemory => PasswordError::OutOfMemory,
        _ => PasswordError::UnknownHash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn hasher(pepper: &str, cost: PasswordCost) -> PasswordHasher {
        PasswordHasher::new(&secret(pepper), cost).unwrap()
    }

    const PEPPER: &str = "a pepper of some length";

    #[test]
    fn right_wrong_and_outdated() {
        let cheap = hasher(PEPPER, PasswordCost::for_testing());
        let stored = cheap.hash(&secret("correct horse")).unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"),
            "{stored}"
        );
        assert_eq!(
            cheap.verify(&secret("correct horse"), &stored),
            Ok(Verdict::Right)
        );
        assert_eq!(cheap.verify(&secret("wrong"), &stored), Ok(Verdict::Wrong));
        let dearer = hasher(
            PEPPER,
            PasswordCost {
                memory_kib: 16,
                ..PasswordCost::for_testing()
            },
        );
        assert_eq!(
            dearer.verify(&secret("correct horse"), &stored),
            Ok(Verdict::RightButOutdated)
        );
        assert_eq!(dearer.verify(&secret("wrong"), &stored), Ok(Verdict::Wrong));
    }

    #[test]
    fn another_pepper_or_salt_gives_another_hash() {
        let one = hasher(PEPPER, PasswordCost::for_testing());
        let stored = one.hash(&secret("pw")).unwrap();
        let other = hasher("another pepper, also long", PasswordCost::for_testing());
        assert_eq!(other.verify(&secret("pw"), &stored), Ok(Verdict::Wrong));
        assert_ne!(one.hash(&secret("pw")).unwrap(), stored);
    }

    #[test]
    fn the_default_cost_is_in_the_hash() {
        let stored = hasher(PEPPER, PasswordCost::default())
            .hash(&secret("pw"))
            .unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
    }

    #[test]
    fn the_decoy_is_compared_like_a_stored_hash_of_the_same_cost() {
        let hasher = hasher(PEPPER, PasswordCost::for_testing());
        assert_eq!(
            hasher.verify(&secret("anything"), &hasher.decoy),
            Ok(Verdict::Wrong)
        );
        let stored = hasher.hash(&secret("x")).unwrap();
        assert_eq!(hasher.decoy.len(), stored.len());
        assert_eq!(hasher.decoy[..27], stored[..27]);
    }

    #[test]
    fn over_long_passwords_are_not_hashed_and_are_wrong() {
        let hasher = hasher(PEPPER, PasswordCost::for_testing());
        let long = secret(&"x".repeat(1025));
        assert_eq!(hasher.hash(&long), Err(PasswordError::TooLong));
        let stored = hasher.hash(&secret(&"x".repeat(1024))).unwrap();
        assert_eq!(hasher.verify(&long, &stored), Ok(Verdict::Wrong));
    }

    #[test]
    fn stored_hashes_of_other_kinds_or_ruinous_cost_are_refused() {
        let hasher = hasher(PEPPER, PasswordCost::for_testing());
        for stored in [
            "",
            "plain",
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMU",
            "$2b$31$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
            "$2q$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
            "$2",
            "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=16$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=8,t=4294967295,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(
                hasher.verify(&secret("x"), stored),
                Err(PasswordError::UnknownHash),
                "{stored}"
            );
        }
    }

    #[test]
    fn bcrypt_hashes_of_elsewhere_are_compared_and_outdated() {
        let hasher = hasher(PEPPER, PasswordCost::for_testing());
        // Known answers: of Openwall's crypt_blowfish, of Wikipedia's article on bcrypt, and of Spring Security.
        for (password, stored) in [
            (
                "U*U",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            ),
            (
                "U*U*",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
            ),
            (
                "",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy",
            ),
            (
                "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
                "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            ),
            (
                "abc123xyz",
                "$2a$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
            ),
        ] {
            let verdict = hasher.verify(&secret(password), stored);
            assert_eq!(verdict, Ok(Verdict::RightButOutdated), "{stored}");
            assert_eq!(hasher.verify(&secret("x"), stored), Ok(Verdict::Wrong));
        }
    }

    #[test]
    fn settings_that_protect_nothing_are_refused() {
        let new = |pepper: &str, cost| PasswordHasher::new(&secret(pepper), cost).err();
        assert_eq!(
            new("short", PasswordCost::default()),
            Some(PasswordError::ShortPepper)
        );
        for cost in [
            PasswordCost {
                memory_kib: 7,
                passes: 1,
                lanes: 1,
            },
            PasswordCost {
                memory_kib: 8,
                passes: 0,
                lanes: 1,
            },
            PasswordCost {
                memory_kib: 8,
                passes: 1,
                lanes: 2,
            },
            PasswordCost {
                memory_kib: u32::MAX,
                passes: 1,
                lanes: u32::MAX,
            },
        ] {
            assert_eq!(
                new(PEPPER, cost),
                Some(PasswordError::InvalidCost),
                "{cost:?}"
            );
        }
    }
}
