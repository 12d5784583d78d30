//! Claims that mean one thing to everybody. The rule: neither an application nor an attribute can put something else
//! in their place.

/// What protocols say in tokens, and what we say of a user from the profile.
const RESERVED: &[&str] = &[
    // JWT (RFC 7519, section 4.1)
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "typ",
    // OpenID Connect Core, sections 2 and 3.3.2.11, and its logout specifications
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sub_jwk",
    "sid",
    "events",
    "_claim_names",
    "_claim_sources",
    // OAuth: access tokens (RFC 9068), introspection (RFC 7662), exchange (RFC 8693), possession (RFC 7800), RAR (RFC 9396)
    "client_id",
    "scope",
    "scp",
    "active",
    "token_type",
    "token_use",
    "act",
    "may_act",
    "cnf",
    "authorization_details",
    // Our own: the grant of a token
    "gid",
    // OpenID Connect Core, section 5.1: told from the profile, for the scope that asks
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
    "zoneinfo",
    "locale",
    "updated_at",
];

/// Whether a name is taken by a claim that has a meaning of its own.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}
