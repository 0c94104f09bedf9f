//! Rows of `audit_log`.
#![allow(missing_docs)] // generated companions; the columns are described in docs/ARCHITECTURE.md

use sea_orm::entity::prelude::*;

use crate::Sealed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub at: Sealed,
    pub actor: Option<i64>,
    pub action: String,
    pub object: String,
    pub details: Sealed,
    pub ip_address: Sealed,
    pub user_agent: Sealed,
    pub request_id: String,
    pub chain: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
