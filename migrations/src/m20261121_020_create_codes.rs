//! What proves that somebody holds a phone or a mailbox, and invites to register.

use sea_orm_migration::prelude::*;

use crate::{big, blind_index, drop_tables, index, sealed, small, table};

/// Creates `codes`, `mail_tokens`, `register_invites`, `sms_deliveries` and `user_emails`.
#[derive(DeriveMigrationName)]
pub struct Migration;

fn count(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.integer().not_null();
    column
}

/// SHA-256 of a bearer secret.
fn hash(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.var_binary(32).not_null();
    column
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                table("codes")
                    .col(big("id").not_null().primary_key())
                    // Of the purpose and of whom it was sent to: one code each.
                    .col(blind_index("subject_index").not_null())
                    .col(sealed("code").not_null())
                    .col(count("attempts"))
                    .col(sealed("expires_at").not_null())
                    // Days since 1970, coarse, for the cleaning up.
                    .col(count("expires_day"))
                    .to_owned(),
            )
            .await?;
        index(manager, "codes", &["subject_index"], true).await?;
        index(manager, "codes", &["expires_day"], false).await?;
        manager
            .create_table(
                table("mail_tokens")
                    .col(big("id").not_null().primary_key())
                    .col(big("uid").not_null())
                    .col(small("purpose").not_null())
                    .col(hash("token_hash"))
                    .col(sealed("email").not_null())
                    .col(sealed("expires_at").not_null())
                    .col(count("expires_day"))
                    .to_owned(),
            )
            .await?;
        index(manager, "mail_tokens", &["token_hash"], true).await?;
        index(manager, "mail_tokens", &["uid"], false).await?;
        index(manager, "mail_tokens", &["expires_day"], false).await?;
        manager
            .create_table(
                table("register_invites")
                    .col(big("id").not_null().primary_key())
                    .col(hash("code_hash"))
                    .col(big("created_by").not_null())
                    .col(count("uses"))
                    .col(count("uses_left"))
                    .col(sealed("note"))
                    .col(sealed("created_at").not_null())
                    .col(sealed("expires_at").not_null())
                    .col(count("expires_day"))
                    .to_owned(),
            )
            .await?;
        index(manager, "register_invites", &["code_hash"], true).await?;
        manager
            .create_table(
                // The id is that of the job which sends it.
                table("sms_deliveries")
                    .col(big("id").not_null().primary_key())
                    .col(small("status").not_null())
                    .col(sealed("updated_at").not_null())
                    .col(count("created_day"))
                    .to_owned(),
            )
            .await?;
        index(manager, "sms_deliveries", &["created_day"], false).await?;
        manager
            .create_table(
                table("user_emails")
                    .col(big("uid").not_null().primary_key())
                    .col(blind_index("email_index").not_null())
                    .col(blind_index("email_index_next"))
                    .col(sealed("email").not_null())
                    .col(sealed("confirmed_at").not_null())
                    .to_owned(),
            )
            .await?;
        index(manager, "user_emails", &["email_index"], true).await?;
        index(manager, "user_emails", &["email_index_next"], true).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "codes",
            "mail_tokens",
            "register_invites",
            "sms_deliveries",
            "user_emails",
        ];
        drop_tables(manager, &tables).await
    }
}
