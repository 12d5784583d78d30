//! Encrypting the content of a JWE (RFC 7518 section 5): each with a key of its own and a random
//! initialisation vector, and with the header authenticated beside it.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hmac, rand};

use super::ContentEncryption;
use crate::{JoseError, Result};

/// What comes out of encrypting.
pub(super) struct Sealed {
    pub iv: Vec<u8>,
    pub ciphertext: Vec<u8>,
    pub tag: Vec<u8>,
}

impl ContentEncryption {
    /// How long its key is, in bytes. With CBC it is two keys: the first half authenticates, the second
    /// encrypts (RFC 7518 section 5.2.2.1).
    pub(super) const fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A128CbcHs256 | Self::A256Gcm => 32,
            Self::A256CbcHs512 => 64,
        }
    }

    /// Encrypts the content, and authenticates it with the header.
    pub(super) fn seal(self, key: &[u8], header: &[u8], content: &[u8]) -> Result<Sealed> {
        match self {
            Self::A128CbcHs256 | Self::A256CbcHs512 => {
                let mut iv = [0; 16];
                rand::fill(&mut iv).map_err(|_| JoseError::EncryptionFailed)?;
                self.seal_cbc(key, iv, header, content)
            }
            Self::A128Gcm | Self::A256Gcm => {
                // A random nonce is unique: the key encrypts this one content.
                let mut nonce = [0; 12];
                rand::fill(&mut nonce).map_err(|_| JoseError::EncryptionFailed)?;
                self.seal_gcm(key, nonce, header, content)
            }
        }
    }

    /// RFC 7518 section 5.2.2.1.
    fn seal_cbc(self, key: &[u8], iv: [u8; 16], header: &[u8], content: &[u8]) -> Result<Sealed> {
        let failed = |_| JoseError::EncryptionFailed;
        let (mac_key, encryption_key) = key.split_at(key.len() / 2);
        let (cipher, hash) = match self {
            Self::A256CbcHs512 => (&cipher::AES_256, hmac::HMAC_SHA512),
            Self::A128CbcHs256 | Self::A128Gcm | Self::A256Gcm => (&cipher::AES_128, hmac::HMAC_SHA256),
        };
        let encryption_key = UnboundCipherKey::new(cipher, encryption_key).map_err(failed)?;
        let encryption_key = PaddedBlockEncryptingKey::cbc_pkcs7(encryption_key).map_err(failed)?;
        let mut ciphertext = content.to_vec();
        encryption_key
            .less_safe_encrypt(&mut ciphertext, EncryptionContext::Iv128(FixedLength::from(iv)))
            .map_err(failed)?;
        let header_bits = (header.len() as u64) * 8;
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hash, mac_key));
        for part in [header, &iv, &ciphertext, &header_bits.to_be_bytes()] {
            mac.update(part);
        }
        let tag = mac.sign().as_ref()[..mac_key.len()].to_vec();
        Ok(Sealed {
            iv: iv.to_vec(),
            ciphertext,
            tag,
        })
    }

    /// RFC 7518 section 5.3.
    fn seal_gcm(self, key: &[u8], nonce: [u8; 12], header: &[u8], content: &[u8]) -> Result<Sealed> {
        let failed = |_| JoseError::EncryptionFailed;
        let cipher = match self {
            Self::A128Gcm => &AES_128_GCM,
            Self::A256Gcm | Self::A128CbcHs256 | Self::A256CbcHs512 => &AES_256_GCM,
        };
        let key = LessSafeKey::new(UnboundKey::new(cipher, key).map_err(failed)?);
        let mut ciphertext = content.to_vec();
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(header),
                &mut ciphertext,
            )
            .map_err(failed)?;
        Ok(Sealed {
            iv: nonce.to_vec(),
            ciphertext,
            tag: tag.as_ref().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ContentEncryption;

    /// The key, vector, header and content of RFC 7518 appendices B.1 and B.3. The tag is over all of the
    /// ciphertext.
    #[test]
    fn the_tags_of_rfc_7518_come_out() {
        let key: Vec<u8> = (0..64).collect();
        let iv = [
            0x1a, 0xf3, 0x8c, 0x2d, 0xc2, 0xb9, 0x6f, 0xfd, 0xd8, 0x66, 0x94, 0x09, 0x23, 0x41, 0xbc, 0x04,
        ];
        let content = b"A cipher system must not be required to be secret, and it must be able to fall into \
            the hands of the enemy without inconvenience";
        let header = b"The second principle of Auguste Kerckhoffs";
        for (encryption, start, tag) in [
            (
                ContentEncryption::A128CbcHs256,
                [0xc8, 0x0e, 0xdf, 0xa3],
                &[
                    0x65, 0x2c, 0x3f, 0xa3, 0x6b, 0x0a, 0x7c, 0x5b, 0x32, 0x19, 0xfa, 0xb3, 0xa3, 0x0b, 0xc1,
                    0xc4,
                ][..],
            ),
            (
                ContentEncryption::A256CbcHs512,
                [0x4a, 0xff, 0xaa, 0xad],
                &[
                    0x4d, 0xd3, 0xb4, 0xc0, 0x88, 0xa7, 0xf4, 0x5c, 0x21, 0x68, 0x39, 0x64, 0x5b, 0x20, 0x12,
                    0xbf, 0x2e, 0x62, 0x69, 0xa8, 0xc5, 0x6a, 0x81, 0x6d, 0xbc, 0x1b, 0x26, 0x77, 0x61, 0x95,
                    0x5b, 0xc5,
                ],
            ),
        ] {
            let key = &key[..encryption.key_bytes()];
            let sealed = encryption.seal_cbc(key, iv, header, content).unwrap();
            assert_eq!(
                (&sealed.ciphertext[..4], &*sealed.tag),
                (&start[..], tag),
                "{encryption}"
            );
        }
    }

    /// RFC 7516 appendix A.1: content, key, vector and header of the example with A256GCM.
    #[test]
    fn the_content_of_rfc_7516_comes_out() {
        use base64::Engine as _;
        use base64::prelude::BASE64_URL_SAFE_NO_PAD;

        let key = [
            177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7, 110, 91, 112,
            46, 34, 105, 47, 130, 203, 46, 122, 234, 64, 252,
        ];
        let nonce = [227, 197, 117, 252, 2, 219, 233, 68, 180, 225, 77, 219];
        let sealed = ContentEncryption::A256Gcm
            .seal_gcm(
                &key,
                nonce,
                b"eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ",
                b"The true sign of intelligence is not knowledge but imagination.",
            )
            .unwrap();
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(sealed.ciphertext),
            "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A"
        );
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(sealed.tag),
            "XFBoMYUZodetZdvTiFvSkQ"
        );
    }
}
