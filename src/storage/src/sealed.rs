//! The sealed column type, and the one way to make and open its values.

use melo_crypto::{Column, Keyring};
use melo_domain::Timestamp;
use sea_orm::DeriveValueType;
use zeroize::Zeroizing;

use crate::StorageError;

/// A column value under AES-256-GCM (docs/CRYPTO.md). Its bytes come from a [`Keyring`] or from the database,
/// never from a caller.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct Sealed(Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Seals and opens the columns of one row: the associated data names table, column and row, so a value
/// that was moved elsewhere does not open.
pub(crate) struct RowSeal<'a> {
    keys: &'a Keyring,
    table: &'static str,
    row: String,
}

impl<'a> RowSeal<'a> {
    /// The row of `table` whose primary key reads `row` in decimal, composite keys joined by `:`.
    pub(crate) fn new(keys: &'a Keyring, table: &'static str, row: impl ToString) -> Self {
        Self {
            keys,
            table,
            row: row.to_string(),
        }
    }

    pub(crate) fn bytes(&self, column: &'static str, plain: &[u8]) -> Result<Sealed, StorageError> {
        let column = Column::new(self.table, column);
        Ok(Sealed(self.keys.seal(
            column,
            self.row.as_bytes(),
            plain,
        )?))
    }

    pub(crate) fn text(&self, column: &'static str, plain: &str) -> Result<Sealed, StorageError> {
        self.bytes(column, plain.as_bytes())
    }

    pub(crate) fn time(
        &self,
        column: &'static str,
        moment: Timestamp,
    ) -> Result<Sealed, StorageError> {
        self.bytes(column, &moment.millis().to_be_bytes())
    }

    pub(crate) fn open(
        &self,
        column: &'static str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, StorageError> {
        self.keys
            .open_sealed(
                Column::new(self.table, column),
                self.row.as_bytes(),
                &sealed.0,
            )
            .map_err(|source| StorageError::Open {
                column: format!("{}.{column}", self.table),
                source,
            })
    }

    pub(crate) fn open_text(
        &self,
        column: &'static str,
        sealed: &Sealed,
    ) -> Result<String, StorageError> {
        let plain = self.open(column, sealed)?;
        String::from_utf8(plain.to_vec()).map_err(|_| StorageError::Corrupt("sealed text"))
    }

    pub(crate) fn open_time(
        &self,
        column: &'static str,
        sealed: &Sealed,
    ) -> Result<Timestamp, StorageError> {
        let plain = self.open(column, sealed)?;
        let bytes = <[u8; 8]>::try_from(plain.as_slice())
            .map_err(|_| StorageError::Corrupt("sealed time"))?;
        Ok(Timestamp::from_millis(i64::from_be_bytes(bytes)))
    }
}
