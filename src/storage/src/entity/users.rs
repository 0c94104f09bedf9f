//! Rows of `users`.
#![allow(missing_docs)] // generated companions; the columns are described in docs/ARCHITECTURE.md

use sea_orm::entity::prelude::*;

use crate::Sealed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub uid: i64,
    pub phone_index: Vec<u8>,
    pub phone_index_next: Option<Vec<u8>>,
    pub username_index: Option<Vec<u8>>,
    pub username_index_next: Option<Vec<u8>>,
    pub phone: Sealed,
    pub name: Sealed,
    pub nickname: Sealed,
    pub username: Option<Sealed>,
    pub bio: Option<Sealed>,
    pub password_hash: String,
    pub e2e_key: Sealed,
    pub e2e_key_updated: Sealed,
    pub created_at: Sealed,
    pub private_log: i64,
    pub directory_version: i64,
    pub identity_key: Option<Sealed>,
    pub key_backup: Option<Sealed>,
    pub key_backup_updated: Option<Sealed>,
    pub role: i16,
    pub state: i16,
    pub reset_required: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
