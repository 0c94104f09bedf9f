//! `melo keys rotate-jwt`: a new key for access tokens. The old one signs no more; its public half goes on
//! verifying until the last of its tokens has expired, so nobody is signed out.

use std::fs;
use std::io;
use std::path::Path;

use melo_crypto::keygen;

use super::files;
use super::locations::{Locations, Place};
use super::make::JWT_BITS;
use super::{KeyProblem, load, retired};
use crate::settings::Settings;

const WHAT: &str = "the JWT key";

/// Makes the new key and returns its name. A crash at any moment leaves keys that work: the old public half
/// is kept before the new key takes the old one's place.
pub fn rotate_jwt(settings: &Settings) -> Result<String, KeyProblem> {
    let places = Locations::of(settings);
    let (Place::Own(private), Some(Place::Own(public))) = (&places.jwt_private, &places.jwt_public)
    else {
        return Err(KeyProblem::NotGenerated {
            what: WHAT,
            problem: format!(
                "it is not ours: JWT_PRIVATE_KEY_PATH names it. Put the old public key into {} first, \
                 then replace the private one",
                retired::file(&settings.secrets.keys_dir, "<kid>").display()
            ),
        });
    };
    let old = load::jwt_keys(settings, &places)?;
    let dir = &settings.secrets.keys_dir;
    retired::prune(dir, settings.tokens.life).map_err(not_made(dir))?;
    let kept = retired::file(dir, old.kid());
    files::create_private(&kept, old.public_pem().as_bytes()).map_err(not_made(&kept))?;

    let pem = keygen::rsa_private_pem(JWT_BITS).map_err(generating)?;
    let new_public = keygen::rsa_public_pem(&pem).map_err(generating)?;
    // The public file must never belong to another private one; without it, it is made anew.
    remove(public)?;
    replace(private, pem.expose())?;
    files::create_private(public, new_public.as_bytes()).map_err(not_made(public))?;
    Ok(load::jwt_keys(settings, &places)?.kid().to_owned())
}

/// Puts a new content in a file's place, whole or not at all.
fn replace(file: &Path, content: &str) -> Result<(), KeyProblem> {
    let next = file.with_extension("pem.new");
    remove(&next)?;
    files::create_private(&next, content.as_bytes()).map_err(not_made(&next))?;
    fs::rename(&next, file).map_err(not_made(file))
}

fn remove(file: &Path) -> Result<(), KeyProblem> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(not_made(file)(error)),
        _ => Ok(()),
    }
}

fn not_made(file: &Path) -> impl FnOnce(io::Error) -> KeyProblem {
    let file = file.to_owned();
    move |source| KeyProblem::NotMade { file, source }
}

fn generating(error: keygen::KeygenError) -> KeyProblem {
    KeyProblem::NotGenerated {
        what: WHAT,
        problem: error.to_string(),
    }
}
