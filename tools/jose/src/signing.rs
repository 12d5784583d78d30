//! A private key that signs tokens, kept parsed for as long as it lives.
//! What leaves it is signatures and the public half; the private half only as PKCS#8, to be sealed at once.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{Algorithm, JoseError, Jwk, MAX_TOKEN_BYTES, Result, VerifyingKey, strict_json};

/// A private key, its id and its one algorithm.
///
/// The parsed key is kept: parsing it for each signature would halve the rate of ES256. `Debug` shows the id
/// and the algorithm only.
pub struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: Jwk,
    verifying: VerifyingKey,
}

/// A parsed private key. No `Debug`, so that none is derived by accident further out.
enum Pair {
    Es256(EcdsaKeyPair),
    /// With the padding of RS256 or PS256.
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    EdDsa(Ed25519KeyPair),
}

/// The protected header of every token that is signed here (RFC 7515 section 4.1).
#[derive(Serialize)]
struct Header<'a> {
    alg: Algorithm,
    typ: &'a str,
    kid: &'a str,
}

impl SigningKey {
    /// A new key from the system's randomness, named by its RFC 7638 thumbprint. RSA keys have 2048 bits, and
    /// take a good part of a second: off the async threads.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let failed = |_| JoseError::GenerationFailed;
        let (pair, pkcs8) = match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
                let pkcs8 = pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec();
                (Pair::Es256(pair), pkcs8)
            }
            Algorithm::Ps256 | Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                let pkcs8 = pair.as_der().map_err(failed)?.as_ref().to_vec();
                (Pair::rsa(pair, algorithm), pkcs8)
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                let pkcs8 = pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec();
                (Pair::EdDsa(pair), pkcs8)
            }
        };
        let kid = pair.components()?.thumbprint()?;
        Self::assemble(algorithm, kid, pair, Zeroizing::new(pkcs8))
    }

    /// A key read back from PKCS#8 (DER), under the id that it was given. One of another kind, an RSA key of
    /// less than 2048 bits, and an empty id are refused. PKCS#8 does not tell RS256 from PS256: whoever
    /// stores a key stores its algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, kid: String, pkcs8: &[u8]) -> Result<Self> {
        let pair = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Pair::Es256)
            }
            Algorithm::Ps256 | Algorithm::Rs256 => {
                RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Pair::rsa(pair, algorithm))
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Pair::EdDsa),
        }
        .map_err(|_| JoseError::InvalidKey)?;
        Self::assemble(algorithm, kid, pair, Zeroizing::new(pkcs8.to_vec()))
    }

    /// Puts the halves together. Reading the public half as any verifier would is the check that it is one.
    fn assemble(algorithm: Algorithm, kid: String, pair: Pair, pkcs8: Zeroizing<Vec<u8>>) -> Result<Self> {
        let public = Jwk {
            key_use: Some("sig".to_owned()),
            alg: Some(algorithm.to_string()),
            kid: Some(kid),
            ..pair.components()?
        };
        let verifying = VerifyingKey::from_jwk(&public)?;
        Ok(Self {
            algorithm,
            pair,
            pkcs8,
            public,
            verifying,
        })
    }

    /// The private key as PKCS#8 (DER, RFC 5208), to be sealed and stored.
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }

    /// The key's id: what `kid` says in the tokens that it signs.
    pub fn kid(&self) -> &str {
        self.verifying.kid()
    }

    /// The key's one algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half, as it is published.
    pub fn public_jwk(&self) -> Jwk {
        self.public.clone()
    }

    /// The public half, ready to verify.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// Signs the claims as a token of this type, in compact form (RFC 7515 section 7.1).
    ///
    /// What [`verify`](fn@crate::verify) would refuse as text is not signed either: claims that are not an
    /// object, that have a member twice (as flattened custom claims may), a token that is too long.
    pub fn sign<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String> {
        let header = Header {
            alg: self.algorithm,
            typ,
            kid: self.kid(),
        };
        let header = serde_json::to_vec(&header).map_err(|_| JoseError::SigningFailed)?;
        let payload = serde_json::to_vec(claims).map_err(|_| JoseError::InvalidClaims)?;
        if payload.len() > MAX_TOKEN_BYTES {
            return Err(JoseError::TooLarge);
        }
        strict_json::object(&payload).ok_or(JoseError::InvalidClaims)?;

        let mut token = String::with_capacity((header.len() + payload.len() + 256) * 4 / 3 + 8);
        BASE64_URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.pair.signature(token.as_bytes())?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JoseError::TooLarge);
        }
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

impl Pair {
    /// An RSA key with the padding of its algorithm: PSS only for PS256.
    fn rsa(pair: RsaKeyPair, algorithm: Algorithm) -> Self {
        let padding: &'static dyn RsaEncoding = match algorithm {
            Algorithm::Ps256 => &RSA_PSS_SHA256,
            Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa => &RSA_PKCS1_SHA256,
        };
        Self::Rsa(Box::new(pair), padding)
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Self::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &random, message, &mut signature)
                    .map(|()| signature)
            }
            Self::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
        .map_err(|_| JoseError::SigningFailed)
    }

    /// What makes up the public key: the required members of its JWK.
    fn components(&self) -> Result<Jwk> {
        let encoded = |octets: &[u8]| Some(BASE64_URL_SAFE_NO_PAD.encode(octets));
        Ok(match self {
            Self::Es256(pair) => {
                // SEC 1 section 2.3.3: 0x04, x, y.
                let (x, y) = match pair.public_key().as_ref() {
                    [4, point @ ..] if point.len() == 64 => point.split_at(32),
                    _ => return Err(JoseError::InvalidKey),
                };
                Jwk {
                    kty: "EC".into(),
                    crv: Some("P-256".into()),
                    x: encoded(x),
                    y: encoded(y),
                    ..Jwk::default()
                }
            }
            Self::Rsa(pair, _) => {
                let RsaPublicKeyComponents::<Vec<u8>> { n, e } = pair.public_key().into();
                Jwk {
                    kty: "RSA".into(),
                    n: encoded(&n),
                    e: encoded(&e),
                    ..Jwk::default()
                }
            }
            Self::EdDsa(pair) => {
                let x = encoded(pair.public_key().as_ref());
                Jwk {
                    kty: "OKP".into(),
                    crv: Some("Ed25519".into()),
                    x,
                    ..Jwk::default()
                }
            }
        })
    }
}
