//! What a token must be to be believed: said by the reader beforehand, never taken from the token.
//! Type and issuer cannot be left out; what may be left out (audience, expiry) is named at the place of use.

/// The longest that an assertion of a client's may still last, in seconds: an hour, which is what common
/// client libraries say.
pub const MAX_ASSERTION_SECS: u32 = 3600;

/// What clients' clocks may be ahead, in seconds. FAPI 2.0 (section 5.3.2.1) wants 10 accepted, and more than
/// 60 refused.
const FOREIGN_CLOCK_SECS: u32 = 30;

/// What a token must be to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    pub(crate) types: Vec<String>,
    pub(crate) type_optional: bool,
    pub(crate) issuer: String,
    pub(crate) subject: Subject,
    pub(crate) audiences: Option<Vec<String>>,
    pub(crate) expiry_leeway_secs: u32,
    pub(crate) future_leeway_secs: u32,
    pub(crate) lifetime_secs: Option<u32>,
    pub(crate) allow_expired: bool,
    pub(crate) expiry_optional: bool,
    pub(crate) token_id_required: bool,
}

/// Whom the token must be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Somebody.
    Any,
    /// Exactly this one.
    Exactly(String),
    /// Nobody, or anybody but this one.
    NoneOrAnother(String),
}

impl Expectation {
    /// A token of this type (`typ` of the header, such as `at+jwt`) from exactly this issuer, about somebody,
    /// that has not expired.
    pub fn new(typ: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self {
            types: vec![typ.into()],
            type_optional: false,
            issuer: issuer.into(),
            subject: Subject::Any,
            audiences: None,
            expiry_leeway_secs: 0,
            future_leeway_secs: 5,
            lifetime_secs: None,
            allow_expired: false,
            expiry_optional: false,
            token_id_required: false,
        }
    }

    /// By which a client shows who it is (RFC 7523 section 3, OpenID Connect Core section 9): from the client
    /// and about it, for one of these audiences, with a `jti`, over within [`MAX_ASSERTION_SECS`]. `typ` is
    /// `client-authentication+jwt`, `JWT`, or absent, as it was before types were told apart.
    pub fn client_assertion<A: Into<String>>(
        client_id: impl Into<String>,
        audiences: impl IntoIterator<Item = A>,
    ) -> Self {
        let client_id = client_id.into();
        Self {
            subject: Subject::Exactly(client_id.clone()),
            ..Self::of_a_client("client-authentication+jwt", client_id).audiences(audiences)
        }
        .token_id_required()
    }

    /// An authorization request as a token (RFC 9101): from the client, for one of these audiences, over
    /// within [`MAX_ASSERTION_SECS`]. `typ` is `oauth-authz-req+jwt`, `JWT`, or absent. It is not about the
    /// client, so that a client's assertion is not taken for one (RFC 9101 section 10.8).
    pub fn request_object<A: Into<String>>(
        client_id: impl Into<String>,
        audiences: impl IntoIterator<Item = A>,
    ) -> Self {
        let client_id = client_id.into();
        Self {
            subject: Subject::NoneOrAnother(client_id.clone()),
            ..Self::of_a_client("oauth-authz-req+jwt", client_id).audiences(audiences)
        }
    }

    /// An assertion that is exchanged for a token (the JWT bearer grant, RFC 7523 section 2.1): from this
    /// issuer, about somebody, for one of these audiences, with a `jti`, over within [`MAX_ASSERTION_SECS`].
    /// `typ` is `authorization-grant+jwt`, `JWT`, or absent.
    pub fn authorization_grant<A: Into<String>>(
        issuer: impl Into<String>,
        audiences: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::of_a_client("authorization-grant+jwt", issuer)
            .audiences(audiences)
            .token_id_required()
    }

    /// By which a provider says who signed in there (OpenID Connect Core section 3.1.3.7): from the provider,
    /// about somebody, for the client. `typ` is `JWT` or absent. How long it is good is the provider's affair,
    /// and clocks may differ by half a minute; `azp`, `iat` and `nonce` are for the caller to check.
    pub fn id_token(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            type_optional: true,
            ..Self::new("JWT", issuer)
        }
        .audience(client_id)
        .future_leeway_secs(FOREIGN_CLOCK_SECS)
        .expiry_leeway_secs(FOREIGN_CLOCK_SECS)
    }

    fn of_a_client(typ: &str, issuer: impl Into<String>) -> Self {
        Self {
            types: vec![typ.to_owned(), "JWT".to_owned()],
            type_optional: true,
            ..Self::new(typ, issuer)
        }
        .future_leeway_secs(FOREIGN_CLOCK_SECS)
        .lifetime_at_most_secs(MAX_ASSERTION_SECS)
    }

    /// Only the expected type itself: neither plain `JWT` nor none at all.
    #[must_use]
    pub fn exact_type(mut self) -> Self {
        self.types.truncate(1);
        self.type_optional = false;
        self
    }

    /// The token must have a `jti` of 1 to 256 bytes, by which it can be accepted once.
    #[must_use]
    pub const fn token_id_required(mut self) -> Self {
        self.token_id_required = true;
        self
    }

    /// `exp` may lie at most so many seconds ahead (and the leeway for clocks).
    #[must_use]
    pub const fn lifetime_at_most_secs(mut self, seconds: u32) -> Self {
        self.lifetime_secs = Some(seconds);
        self
    }

    /// `exp` may be absent: of request objects outside of FAPI, which are bound by what they are used for
    /// (RFC 9101 demands none).
    #[must_use]
    pub const fn expiry_optional(mut self) -> Self {
        self.expiry_optional = true;
        self
    }

    /// The token must be for this audience, or for another one that was named so. Without any, `aud` is not
    /// looked at beyond its form.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.get_or_insert_default().push(audience.into());
        self
    }

    /// The token must be for one of these audiences. Of an empty list no token is.
    #[must_use]
    pub fn audiences<A: Into<String>>(mut self, audiences: impl IntoIterator<Item = A>) -> Self {
        self.audiences
            .get_or_insert_default()
            .extend(audiences.into_iter().map(Into::into));
        self
    }

    /// For how many seconds after `exp` the token is still good. 0 unless said: where issuer and reader share
    /// a clock, expired is expired.
    #[must_use]
    pub const fn expiry_leeway_secs(mut self, seconds: u32) -> Self {
        self.expiry_leeway_secs = seconds;
        self
    }

    /// How many seconds `nbf` and `iat` may lie in the future. 5 unless said, for clocks that differ a
    /// little.
    #[must_use]
    pub const fn future_leeway_secs(mut self, seconds: u32) -> Self {
        self.future_leeway_secs = seconds;
        self
    }

    /// Also a token that has expired: for hints about who is meant (`id_token_hint`, OpenID Connect
    /// RP-Initiated Logout section 2), never for access. `exp` must still be there and well-formed.
    #[must_use]
    pub const fn allow_expired(mut self) -> Self {
        self.allow_expired = true;
        self
    }
}
