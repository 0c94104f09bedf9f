//! Rows of `sessions`.
#![allow(missing_docs)] // generated companions; the columns are described in docs/ARCHITECTURE.md

use sea_orm::entity::prelude::*;

use crate::Sealed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub uid: i64,
    pub device: i64,
    pub device_type: Sealed,
    pub device_name: Sealed,
    pub ip_address: Sealed,
    pub user_agent: Sealed,
    pub created_at: Sealed,
    pub last_activity: Sealed,
    pub active: bool,
    pub kind: i16,
    pub authenticated_at: Option<Sealed>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
