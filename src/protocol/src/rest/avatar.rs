//! Bodies of calls about pictures.

use serde::{Deserialize, Serialize};

/// Answer of POST /avatar/upload and DELETE /avatar/.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OkAnswer {
    /// True.
    pub ok: bool,
}

/// Answer of GET /avatar/{uid}.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvatarAnswer {
    /// True.
    pub ok: bool,
    /// The picture's file in base64url with padding. The member's name is that of existing clients; it is sealed
    /// where it is kept, not here.
    pub encrypted_avatar: String,
    /// `image/jpeg` or `image/png`.
    pub mime: String,
}
