//! Where a sealed value lives.

/// A column of a table: what a sealed value is bound to, and what a blind index is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Column {
    /// The table, as the database calls it.
    pub table: &'static str,
    /// The column, as the database calls it.
    pub column: &'static str,
}

impl Column {
    /// Names a column. Meant for constants.
    ///
    /// # Panics
    /// At compile time, when a name has anything but `a-z`, `0-9` and `_`: a dot or a zero byte in one
    /// would let two columns share their associated data.
    pub const fn new(table: &'static str, column: &'static str) -> Self {
        assert!(
            is_plain(table) && is_plain(column),
            "column names have a-z, 0-9 and _ only"
        );
        Self { table, column }
    }

    /// `<table>.<column>`, a zero byte, the row: the associated data of a sealed value.
    pub(crate) fn associated_data(self, row: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.table.len() + self.column.len() + 2 + row.len());
        data.extend_from_slice(self.table.as_bytes());
        data.push(b'.');
        data.extend_from_slice(self.column.as_bytes());
        data.push(0);
        data.extend_from_slice(row);
        data
    }
}

const fn is_plain(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit() || bytes[i] == b'_') {
            return false;
        }
        i += 1;
    }
    !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn associated_data_names_table_column_and_row() {
        const PHONE: Column = Column::new("users", "phone");
        assert_eq!(
            PHONE.associated_data(&[1, 0, 2]),
            b"users.phone\0\x01\0\x02"
        );
    }

    #[test]
    fn names_that_could_be_mistaken_for_another_column_are_not_plain() {
        for bad in ["", "a.b", "a\0b", "A", "naïve"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
        assert!(is_plain("device_keys_2"));
    }
}
