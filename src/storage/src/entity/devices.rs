//! Rows of `devices`.
#![allow(missing_docs)] // generated companions; the columns are described in docs/ARCHITECTURE.md

use sea_orm::entity::prelude::*;

use crate::Sealed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub uid: i64,
    pub device_index: Vec<u8>,
    pub device_index_next: Option<Vec<u8>>,
    pub device_id: Sealed,
    pub token_hash: Option<Vec<u8>>,
    pub token_expires: Option<Sealed>,
    pub created_at: Sealed,
    pub kid: Option<Sealed>,
    pub encryption_key: Option<Sealed>,
    pub signing_key: Option<Sealed>,
    pub signature: Option<Sealed>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
