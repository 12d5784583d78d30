//! What a token must be to be believed: said by the reader beforehand, never taken from the token.
//! Type and issuer cannot be left out; what may be left out (audience, expiry) is named at the place of use.

/// What a token must be to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    pub(crate) typ: String,
    pub(crate) issuer: String,
    pub(crate) audiences: Option<Vec<String>>,
    pub(crate) expiry_leeway_secs: u32,
    pub(crate) future_leeway_secs: u32,
    pub(crate) allow_expired: bool,
}

impl Expectation {
    /// A token of this type (`typ` of the header, such as `at+jwt`) from exactly this issuer, that has not
    /// expired.
    pub fn new(typ: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self {
            typ: typ.into(),
            issuer: issuer.into(),
            audiences: None,
            expiry_leeway_secs: 0,
            future_leeway_secs: 5,
            allow_expired: false,
        }
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
