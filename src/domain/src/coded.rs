//! Enumerations that the database keeps as numbers.

/// A number in the database that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} code {code}")]
pub struct UnknownCode {
    /// Which enumeration.
    pub what: &'static str,
    /// The number found.
    pub code: i16,
}

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $code:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The number the database keeps.
            pub fn code(self) -> i16 {
                match self { $(Self::$variant => $code),* }
            }

            /// Reads the number back.
            pub fn from_code(code: i16) -> Result<Self, $crate::UnknownCode> {
                match code {
                    $($code => Ok(Self::$variant),)*
                    code => Err($crate::UnknownCode { what: $what, code }),
                }
            }
        }
    };
}

pub(crate) use coded;
