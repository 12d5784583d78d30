//! The committing seal, and the derivations beside it. Everything here is pure; keys come from the keyring.
//! The rule: a sealed message opens under exactly one key, and only with the associated data that it was made with.
//!
//! ```text
//! 1 | salt (24) | commitment (32) | AES-256-GCM ciphertext and tag (16)
//! (message key (32), commitment (32)) = HKDF-SHA256(key, salt, "chancery seal v1")
//! ```
//!
//! GCM alone does not commit: a ciphertext can be crafted that opens under two keys to two plaintexts, and then
//! who reads what depends on which key is tried. The commitment is a collision-resistant function of the key.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
    hkdf,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::KeyError;
use crate::clock::Random;

/// A key in the open; overwritten when it is dropped.
pub(super) type Key = Zeroizing<[u8; KEY]>;

pub(super) const KEY: usize = 32;

const VERSION: u8 = 1;
const SALT: usize = 24;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
const HEADER: usize = 1 + SALT + COMMITMENT;

/// The message key is used for one message only, because 192 random bits of salt went into it. Its nonce therefore
/// never repeats under it, whatever it is, and need not be stored.
const NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];

/// Seals under `key`, bound to `associated` (see [`bind`]).
pub(super) fn seal(
    key: &Key,
    random: &dyn Random,
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let mut salt = [0; SALT];
    random.fill(&mut salt);
    let (message_key, commitment) = message_key(key, &salt).map_err(|_| cannot_seal())?;
    let mut sealed = Vec::with_capacity(HEADER + plaintext.len() + TAG);
    sealed.push(VERSION);
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(&commitment);
    // Encrypted apart from the header: on an error, nothing of the plaintext is left in what would be returned.
    let mut text = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG));
    text.extend_from_slice(plaintext);
    message_key
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(NONCE),
            Aad::from(associated),
            &mut *text,
        )
        .map_err(|_| cannot_seal())?;
    sealed.extend_from_slice(&text);
    Ok(sealed)
}

/// Opens what [`seal`] made. `None` for any other key or associated data, and for anything altered or malformed;
/// which of these it was is not told.
pub(super) fn open(key: &Key, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (version, rest) = sealed.split_first()?;
    let (salt, rest) = rest.split_at_checked(SALT)?;
    let (commitment, text) = rest.split_at_checked(COMMITMENT)?;
    if *version != VERSION || text.len() < TAG {
        return None;
    }
    let (message_key, expected) = message_key(key, salt).ok()?;
    if !bool::from(expected.ct_eq(commitment)) {
        return None;
    }
    let mut text = Zeroizing::new(text.to_vec());
    let length = message_key
        .open_in_place(
            Nonce::assume_unique_for_key(NONCE),
            Aad::from(associated),
            &mut text,
        )
        .ok()?
        .len();
    text.truncate(length);
    Some(text)
}

fn message_key(key: &Key, salt: &[u8]) -> Result<(LessSafeKey, [u8; COMMITMENT]), Unspecified> {
    let mut derived = Zeroizing::new([0; KEY + COMMITMENT]);
    expand(
        key.as_slice(),
        salt,
        &[b"chancery seal v1"],
        derived.as_mut_slice(),
    )?;
    let (encryption, committed) = derived.split_at(KEY);
    let mut commitment = [0; COMMITMENT];
    commitment.copy_from_slice(committed);
    Ok((
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, encryption)?),
        commitment,
    ))
}

/// A key of its own for the use that `info` names (HKDF-SHA256, RFC 5869).
pub(super) fn derive(secret: &[u8], info: &[&[u8]]) -> Result<Key, KeyError> {
    let mut derived = Key::default();
    expand(secret, b"", &[&bind(info)], derived.as_mut_slice())
        .map_err(|_| KeyError::Unavailable("a key could not be derived".to_owned()))?;
    Ok(derived)
}

fn expand(secret: &[u8], salt: &[u8], info: &[&[u8]], output: &mut [u8]) -> Result<(), Unspecified> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let length = Length(output.len());
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, length)?
        .fill(output)
}

/// Writes parts one after the other, each after its length, so that no two lists of parts give the same bytes.
pub(super) fn bind(parts: &[&[u8]]) -> Vec<u8> {
    let mut bound = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bound.extend_from_slice(part);
    }
    bound
}

fn cannot_seal() -> KeyError {
    KeyError::Unavailable("a message could not be sealed".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::SystemRandom;

    fn key(byte: u8) -> Key {
        Key::new([byte; KEY])
    }

    #[test]
    fn what_is_sealed_opens_and_never_looks_the_same_twice() {
        let sealed = seal(&key(1), &SystemRandom, b"bound", b"text").unwrap();
        assert_eq!(open(&key(1), b"bound", &sealed).unwrap().as_slice(), b"text");
        assert_ne!(seal(&key(1), &SystemRandom, b"bound", b"text").unwrap(), sealed);
        assert_eq!(sealed.len(), HEADER + 4 + TAG);
        let empty = seal(&key(1), &SystemRandom, b"", b"").unwrap();
        assert!(open(&key(1), b"", &empty).unwrap().is_empty());
    }

    #[test]
    fn another_key_or_another_binding_does_not_open() {
        let sealed = seal(&key(1), &SystemRandom, b"bound", b"text").unwrap();
        assert!(open(&key(2), b"bound", &sealed).is_none());
        assert!(open(&key(1), b"bounD", &sealed).is_none());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let sealed = seal(&key(1), &SystemRandom, b"bound", b"text").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key(1), b"bound", &altered).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(
                open(&key(1), b"bound", &sealed[..length]).is_none(),
                "cut to {length}"
            );
        }
    }

    /// The inner ciphertext is valid under the key; only the commitment says that the message was made for another.
    #[test]
    fn a_valid_ciphertext_with_the_commitment_of_another_key_is_refused() {
        let sealed = seal(&key(1), &SystemRandom, b"", b"text").unwrap();
        let salt = &sealed[1..=SALT];
        let (inner, _) = message_key(&key(1), salt).unwrap();
        let mut text = sealed[HEADER..].to_vec();
        inner
            .open_in_place(Nonce::assume_unique_for_key(NONCE), Aad::from(b""), &mut text)
            .expect("plain GCM would accept it");
        let (_, foreign) = message_key(&key(2), salt).unwrap();
        let mut crafted = sealed.clone();
        crafted[1 + SALT..HEADER].copy_from_slice(&foreign);
        assert!(open(&key(1), b"", &crafted).is_none());
        assert!(open(&key(2), b"", &crafted).is_none());
    }

    /// The stored form is read for as long as the log is: these bytes were written by format 1.
    #[test]
    fn the_stored_form_does_not_change() {
        #[derive(Debug)]
        struct Fixed;
        impl Random for Fixed {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(7);
            }
        }
        let sealed = seal(&key(1), &Fixed, &bind(&[b"a", b"b"]), b"text").unwrap();
        assert_eq!(
            crate::envelope::hex(&sealed),
            concat!(
                "01070707070707070707070707070707070707070707070707630c41b203e48947f5ce90a00c12c014",
                "338540d57365f4aadac807c5bbe990dcec16513a3c24fe24c7f298331b5ce61a31c2fc35"
            )
        );
        assert_eq!(
            crate::envelope::hex(derive(key(1).as_slice(), &[b"use"]).unwrap().as_slice()),
            "77acacf119a08b599d155537a9acfc9cfc76eea662c3659fb7dfd52e852ee352"
        );
    }

    proptest! {
        #[test]
        fn no_two_lists_bind_alike(
            left in prop::collection::vec(prop::collection::vec(0u8..3, 0..4), 0..4),
            right in prop::collection::vec(prop::collection::vec(0u8..3, 0..4), 0..4),
        ) {
            let of = |parts: &[Vec<u8>]| bind(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(of(&left) == of(&right), left == right);
        }
    }
}
