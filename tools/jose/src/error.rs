//! Why a key or a token was refused: one closed list, with a stable code for each.
//! Nothing of the token's content is repeated in an error, so errors may be logged.

/// A result of this crate.
pub type Result<T, E = JoseError> = std::result::Result<T, E>;

/// Why a key or a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JoseError {
    // The token as text.
    /// Longer than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
    #[error("the token is longer than is accepted")]
    TooLarge,
    /// Not exactly three parts between dots (RFC 7515 section 7.1; so also no JWE).
    #[error("the token does not have exactly three parts")]
    NotThreeParts,
    /// A part is not canonical base64url without padding (RFC 7515 section 2).
    #[error("a part of the token is not canonical base64url")]
    InvalidBase64,

    // The header.
    /// Not a JSON object, or one with a member twice, or with a member of the wrong type.
    #[error("the token's header is not a well-formed JSON object")]
    InvalidHeader,
    /// The header holds a member that is never accepted, such as a key or a reference to one (RFC 8725
    /// section 3.10).
    #[error("the token's header holds `{0}`, which is never accepted")]
    ForbiddenHeader(&'static str),
    /// `typ` is absent or names another kind of token (RFC 8725 section 3.11).
    #[error("the token is not of the expected type")]
    WrongType,
    /// The header names no key.
    #[error("the token names no key")]
    MissingKeyId,
    /// The key set holds no key of this id.
    #[error("the token names a key that is not known")]
    UnknownKey,
    /// `alg` is absent, or not the algorithm of the key that `kid` names (RFC 8725 section 3.1).
    #[error("the token's algorithm is not that of its key")]
    AlgorithmMismatch,
    /// The signature is not the key's signature of this header and payload.
    #[error("the token's signature is not valid")]
    InvalidSignature,

    // The payload.
    /// Not a JSON object, or one with a member twice.
    #[error("the token's payload is not a well-formed JSON object")]
    InvalidPayload,
    /// A required claim is absent, or a claim has the wrong type or an impossible value.
    #[error("the token's claim `{0}` is absent or malformed")]
    InvalidClaim(&'static str),
    /// `iss` is not the expected issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `sub` is not the expected subject, or one that it must not be.
    #[error("the token is about another subject")]
    WrongSubject,
    /// `aud` names none of the expected audiences.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `exp` lies further ahead than is accepted.
    #[error("the token would be valid for too long")]
    LifetimeTooLong,
    /// `nbf` has not been reached.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` lies in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// The claims do not have the shape that was asked for.
    #[error("the token's claims do not have the expected shape")]
    UnexpectedShape,

    // DPoP proofs (RFC 9449 section 4.3).
    /// `htm` is not the method of the request.
    #[error("the proof is for another method")]
    WrongMethod,
    /// `htu` is not the address of the request.
    #[error("the proof is for another address")]
    WrongUrl,
    /// `ath` is not the hash of the access token that came with the proof.
    #[error("the proof is for another access token")]
    WrongAccessToken,
    /// `iat` lies too far in the past.
    #[error("the proof is too old")]
    TooOld,

    // Keys.
    /// Not one of [`Algorithm`](crate::Algorithm).
    #[error("the algorithm is not supported")]
    UnsupportedAlgorithm,
    /// A JWK of a kind, curve, use or algorithm that is not supported here. In a set of someone else's it may
    /// be skipped.
    #[error("the key is of a kind that is not supported")]
    UnsupportedKey,
    /// Key material that is malformed, too weak, or of another algorithm than was said.
    #[error("the key is malformed or too weak")]
    InvalidKey,
    /// The set holds no key that fits.
    #[error("there is no key that fits")]
    NoSuitableKey,
    /// Two keys of one set have the same id, so `kid` would not say which is meant.
    #[error("two keys have the same id")]
    DuplicateKeyId,
    /// The cryptographic library could not make a key.
    #[error("the key could not be generated")]
    GenerationFailed,

    // Signing.
    /// What was to be signed is not a JSON object, or has a member twice, so that
    /// [`verify`](fn@crate::verify) would refuse it.
    #[error("the claims to sign are not a well-formed JSON object")]
    InvalidClaims,
    /// The cryptographic library could not sign.
    #[error("the token could not be signed")]
    SigningFailed,
    /// The cryptographic library could not encrypt.
    #[error("the token could not be encrypted")]
    EncryptionFailed,
}

impl JoseError {
    /// A stable code for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotThreeParts => "not_three_parts",
            Self::InvalidBase64 => "invalid_base64",
            Self::InvalidHeader => "invalid_header",
            Self::ForbiddenHeader(_) => "forbidden_header",
            Self::WrongType => "wrong_type",
            Self::MissingKeyId => "missing_key_id",
            Self::UnknownKey => "unknown_key",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::InvalidSignature => "invalid_signature",
            Self::InvalidPayload => "invalid_payload",
            Self::InvalidClaim(_) => "invalid_claim",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongSubject => "wrong_subject",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::UnexpectedShape => "unexpected_shape",
            Self::WrongMethod => "wrong_method",
            Self::WrongUrl => "wrong_url",
            Self::WrongAccessToken => "wrong_access_token",
            Self::TooOld => "too_old",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::UnsupportedKey => "unsupported_key",
            Self::InvalidKey => "invalid_key",
            Self::NoSuitableKey => "no_suitable_key",
            Self::DuplicateKeyId => "duplicate_key_id",
            Self::GenerationFailed => "generation_failed",
            Self::InvalidClaims => "invalid_claims",
            Self::SigningFailed => "signing_failed",
            Self::EncryptionFailed => "encryption_failed",
        }
    }
}
