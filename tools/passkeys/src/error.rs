//! What can be wrong with a passkey. The rule: each kind tells the person what to do, and none tells an attacker about anybody.

use webauthn_rs_core::error::WebauthnError;

/// Why a ceremony ended without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasskeyError {
    /// The domain of the relying party is none that these origins may use.
    #[error("an origin is not on the relying party's domain, or not secure")]
    Origin,
    /// The browser's answer is too long, or no JSON of the shape that Web Authentication has.
    #[error("the answer is not of the shape that Web Authentication has")]
    Malformed,
    /// It was made for another challenge, page, domain or kind of ceremony.
    #[error("the answer belongs to another ceremony")]
    Foreign,
    /// The authenticator did not make sure who is there, which the policy asks for.
    #[error("the authenticator did not verify its user")]
    NotVerified,
    /// The passkey is one that the person has already, or of somebody else.
    #[error("this passkey is not one that can be used here")]
    WrongPasskey,
    /// The policy asks for authenticators of known make, and this one is not shown to be of them.
    #[error("this kind of authenticator is not accepted")]
    UntrustedAuthenticator,
    /// The policy refuses passkeys that can be copied to other devices.
    #[error("passkeys that are synchronised are not accepted")]
    Synchronised,
    /// The counter went back: there may be two copies of the key.
    #[error("the passkey's counter went back: it may have been copied")]
    Copied,
    /// The signature does not fit, or something in it contradicts what was registered.
    #[error("the passkey's answer is not valid")]
    Invalid,
    /// A record of a passkey cannot be read.
    #[error("the record of a passkey cannot be read")]
    Record,
}

impl From<WebauthnError> for PasskeyError {
    fn from(error: WebauthnError) -> Self {
        use WebauthnError as E;
        match error {
            E::InvalidClientDataType
            | E::MismatchedChallenge
            | E::InvalidRPOrigin
            | E::InvalidRPIDHash
            | E::CredentialCrossOrigin => Self::Foreign,
            E::UserNotPresent | E::UserNotVerified => Self::NotVerified,
            E::CredentialNotFound | E::CredentialAlreadyExists | E::CredentialExcludedFromRequest => {
                Self::WrongPasskey
            }
            E::AttestationNotSupported
            | E::AttestationTrustFailure
            | E::AttestationNotVerifiable
            | E::AttestationUntrustedAaguid
            | E::AttestationFormatMissingAaguid
            | E::AttestationLeafCertMissing
            | E::AttestationCertificateRequirementsNotMet
            | E::AttestationChainNotTrusted(_)
            | E::MissingAttestationCaList => Self::UntrustedAuthenticator,
            E::CredentialMayNotBeHardwareBound => Self::Synchronised,
            E::CredentialPossibleCompromise => Self::Copied,
            E::ParseBase64Failure(_)
            | E::ParseCBORFailure(_)
            | E::ParseJSONFailure(_)
            | E::ParseNOMFailure
            | E::ParseInsufficientBytesAvailable => Self::Malformed,
            _ => Self::Invalid,
        }
    }
}
