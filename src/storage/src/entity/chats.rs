//! Rows of `chats`.
#![allow(missing_docs)] // generated companions; the columns are described in docs/ARCHITECTURE.md

use sea_orm::entity::prelude::*;

use crate::Sealed;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chats")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub owner: i64,
    pub is_public: bool,
    pub by_request: bool,
    pub share_history: bool,
    pub slow_mode: i32,
    pub title: Sealed,
    pub description: Option<Sealed>,
    pub avatar: Option<Sealed>,
    pub avatar_mime: Option<Sealed>,
    pub created_at: Sealed,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
