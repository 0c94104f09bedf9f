//! Rows of `chat_invites`.
#![allow(missing_docs)] // generated companions; the columns are described in docs/ARCHITECTURE.md

use sea_orm::entity::prelude::*;

use crate::Sealed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_invites")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub chat: i64,
    pub created_by: i64,
    pub code_hash: Vec<u8>,
    pub code: Sealed,
    pub public: bool,
    pub uses: i32,
    pub uses_left: i32,
    pub expires_day: Option<i32>,
    pub expires_at: Option<Sealed>,
    pub created_at: Sealed,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
