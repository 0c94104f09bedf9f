//! Rows of `chat_keys`.
#![allow(missing_docs)] // generated companions; the columns are described in docs/ARCHITECTURE.md

use sea_orm::entity::prelude::*;

use crate::Sealed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub log: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_ref: Vec<u8>,
    pub seq: i64,
    pub sender: i64,
    pub device: i64,
    pub made_at: Sealed,
    pub devices: Sealed,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
