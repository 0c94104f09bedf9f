//! What a ban does to those who are signed in already: the rows in its transaction, the live connections after it.

use melo_domain::{AdminAction, Banned, Network, Uid, may_administer};
use melo_protocol::CloseCode;
use melo_realtime::{BusMessage, Close};
use melo_storage::devices::{self, Tokens};
use melo_storage::sessions::Which;
use melo_storage::{DatabaseTransaction, accounts, admin};

use super::BanError;
use crate::admin::{Actor, AdminError};
use crate::sessions::{self, Ended};
use crate::{Core, Origin};

/// Whom a ban has put out and who does not know it yet.
#[must_use = "tell after the commit"]
pub(super) struct PutOut {
    ended: Vec<Ended>,
    network: Option<Network>,
}

impl PutOut {
    /// How many sessions were ended.
    pub(super) fn sessions(&self) -> u64 {
        self.ended.iter().map(Ended::count).sum()
    }

    /// Closes the connections, here and on every other node.
    pub(super) fn tell(self, core: &Core) {
        for ended in self.ended {
            sessions::tell(core, ended, CloseCode::AccountLocked);
        }
        if let Some(network) = self.network {
            core.bus.publish(BusMessage::AddressesClosed {
                network,
                close: Close {
                    code: CloseCode::AccountLocked,
                    reason: "this address is barred".to_owned(),
                },
            });
        }
    }
}

/// Ends the sessions of the account with a phone number, with its tokens and device tokens; or those on a device,
/// with its device token. Of an address only the connections are closed, and calls from there are refused: sessions
/// move about. Nobody puts out
/// themselves, or somebody who is not of a lower rank.
pub(super) async fn put_out(
    core: &Core,
    tx: &DatabaseTransaction,
    actor: Actor,
    origin: &Origin,
    banned: &Banned,
) -> Result<PutOut, BanError> {
    let keys = &core.store.keys;
    let mut out = PutOut {
        ended: Vec::new(),
        network: None,
    };
    match banned {
        Banned::Address(network) => {
            if network.contains(origin.address) {
                return Err(BanError::SelfTarget);
            }
            out.network = Some(*network);
        }
        Banned::Phone(phone) => {
            if let Some(account) = accounts::find_by_phone(tx, keys, phone).await? {
                let uid = account.uid;
                check_rank(tx, actor, uid).await?;
                devices::drop_tokens(tx, uid, Tokens::All).await?;
                out.ended.push(sessions::end(tx, uid, Which::All).await?);
            }
        }
        Banned::Device(id) => {
            for (uid, device) in admin::devices::called(tx, keys, id).await? {
                let rank = check_rank(tx, actor, uid).await;
                let tokens = devices::drop_tokens(tx, uid, Tokens::Of(device)).await?;
                let ended = sessions::end(tx, uid, Which::OfDevice(device)).await?;
                // Who has left the device does not stand in the way.
                if tokens + ended.count() > 0 {
                    rank?;
                }
                out.ended.push(ended);
            }
        }
    }
    Ok(out)
}

/// Holds the account's row: a login that has begun before comes to its end first, and its session is found.
async fn check_rank(tx: &DatabaseTransaction, actor: Actor, uid: Uid) -> Result<(), BanError> {
    if uid == actor.uid {
        return Err(BanError::SelfTarget);
    }
    match accounts::hold_standing(tx, uid).await? {
        Some(held) if !may_administer(actor.role, AdminAction::Ban, Some(held.role)) => {
            Err(AdminError::TargetRank.into())
        }
        _ => Ok(()),
    }
}
