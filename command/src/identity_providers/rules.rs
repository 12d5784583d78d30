//! What a provider's settings must be, however they come to be. The rule: nothing is taken that could not be asked for or shown, and an
//! address that is not trusted opens no account.

use events::identity_providers::{ClaimMapping, EmailTrust, IdentityProviderSettings, Linking};

use crate::{
    Faults,
    applications::rules::{address_is_good, check_scopes},
};

/// Longest display name, in characters.
const DISPLAY_NAME: usize = 100;
/// Longest alias.
const ALIAS: usize = 64;
/// Longest `client_id`, name of a claim, value of `acr` and `amr`.
const TEXT: usize = 256;
/// Longest client secret: Apple's is a signed token.
const SECRET: usize = 4_096;
/// Most entries of a list.
const ITEMS: usize = 100;

/// Lower-case letters, digits and hyphens: it stands in addresses.
pub fn is_alias(alias: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=ALIAS).contains(&alias.len())
        && alias.bytes().all(|byte| good(byte) || byte == b'-')
        && alias.bytes().next().is_some_and(good)
        && alias.bytes().next_back().is_some_and(good)
}

/// Notes what is wrong with an alias.
pub fn check_alias(alias: &str, faults: &mut Faults) {
    faults.unless(
        is_alias(alias),
        "alias",
        "must have 1 to 64 lower-case letters, digits and hyphens, and begin and end with a letter or digit",
    );
}

/// Notes what is wrong with an issuer identifier (OpenID Connect Core, section 2).
pub fn check_issuer(issuer: &str, faults: &mut Faults) {
    address_is_good(faults, "issuer", issuer);
    faults.unless(
        !issuer.contains('?'),
        "issuer",
        "must not have a query (OpenID Connect Core, section 2)",
    );
}

/// Notes what is wrong with a client secret.
pub fn check_secret(secret: &str, faults: &mut Faults) {
    let good = (1..=SECRET).contains(&secret.len())
        && secret.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    faults.unless(
        good,
        "client_secret",
        format!("must have 1 to {SECRET} printable ASCII characters"),
    );
}

fn is_text(text: &str) -> bool {
    (1..=TEXT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Notes what is wrong with settings.
pub fn check(settings: &IdentityProviderSettings, faults: &mut Faults) {
    faults.text("display_name", &settings.display_name, DISPLAY_NAME);
    faults.unless(
        is_text(&settings.client_id),
        "client_id",
        "must be what the provider calls the realm: 1 to 256 visible ASCII characters",
    );
    check_scopes("scopes", &settings.scopes, faults);
    check_claims(&settings.claims, faults);
    for (field, values) in [
        ("multi_factor_acr", &settings.multi_factor_acr),
        ("multi_factor_amr", &settings.multi_factor_amr),
    ] {
        faults.unless(values.len() <= ITEMS, field, format!("must be at most {ITEMS}"));
        for (index, value) in values.iter().enumerate() {
            faults.unless(
                is_text(value),
                format!("{field}[{index}]"),
                "must have 1 to 256 visible ASCII characters",
            );
        }
    }
    faults.unless(
        settings.applications.len() <= ITEMS,
        "applications",
        format!("must be at most {ITEMS}"),
    );
    faults.unless(
        settings.linking != Linking::VerifiedEmail || settings.email_trust != EmailTrust::Never,
        "linking",
        "cannot be verified_email where the provider's addresses never count as confirmed",
    );
}

fn check_claims(claims: &ClaimMapping, faults: &mut Faults) {
    let ClaimMapping {
        username,
        email,
        name,
        given_name,
        family_name,
        locale,
        zoneinfo,
        attributes,
    } = claims;
    let fields = [
        ("username", username),
        ("email", email),
        ("name", name),
        ("given_name", given_name),
        ("family_name", family_name),
        ("locale", locale),
        ("zoneinfo", zoneinfo),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(field, claim)| Some((field.to_owned(), claim.as_ref()?)));
    let attributes_of = attributes
        .iter()
        .map(|(attribute, claim)| (format!("attributes.{attribute}"), claim));
    for (field, claim) in fields.chain(attributes_of) {
        faults.unless(
            is_text(claim),
            format!("claims.{field}"),
            "must be the name of a claim: 1 to 256 visible ASCII characters",
        );
    }
    faults.unless(
        attributes.len() <= ITEMS,
        "claims",
        format!("must fill at most {ITEMS} attributes"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(settings: &IdentityProviderSettings) -> Vec<String> {
        let mut faults = Faults::default();
        check(settings, &mut faults);
        faults.fields().map(str::to_owned).collect()
    }

    fn good() -> IdentityProviderSettings {
        IdentityProviderSettings {
            display_name: "Acme".to_owned(),
            client_id: "chancery".to_owned(),
            ..IdentityProviderSettings::default()
        }
    }

    #[test]
    fn an_alias_is_good_in_an_address() {
        for alias in ["a", "google", "acme-2", "0"] {
            assert!(is_alias(alias), "{alias}");
        }
        let long = "a".repeat(65);
        for alias in ["", "-a", "a-", "A", "a_b", "a/b", "ä", "a b", "..", &long] {
            assert!(!is_alias(alias), "{alias}");
        }
    }

    #[test]
    fn an_issuer_is_https_without_query_and_fragment() {
        let wrong = |issuer: &str| {
            let mut faults = Faults::default();
            check_issuer(issuer, &mut faults);
            faults.into_result().is_err()
        };
        for issuer in [
            "https://id.example",
            "https://id.example/",
            "http://127.0.0.1:8080/realms/a",
        ] {
            assert!(!wrong(issuer), "{issuer}");
        }
        for issuer in [
            "http://id.example",
            "https://id.example?a",
            "https://id.example#a",
            "id.example",
            "",
        ] {
            assert!(wrong(issuer), "{issuer}");
        }
    }

    #[test]
    fn settings_are_bounded_and_do_not_contradict_themselves() {
        assert!(faults(&good()).is_empty());
        let bad = IdentityProviderSettings {
            display_name: String::new(),
            client_id: "a b".to_owned(),
            scopes: vec!["e mail".to_owned()],
            multi_factor_amr: vec![String::new()],
            claims: ClaimMapping {
                username: Some(String::new()),
                ..ClaimMapping::default()
            },
            linking: Linking::VerifiedEmail,
            email_trust: EmailTrust::Never,
            ..good()
        };
        assert_eq!(
            faults(&bad),
            [
                "display_name",
                "client_id",
                "scopes[0]",
                "claims.username",
                "multi_factor_amr[0]",
                "linking"
            ]
        );
    }

    #[test]
    fn a_secret_is_something_that_can_be_sent() {
        let wrong = |secret: &str| {
            let mut faults = Faults::default();
            check_secret(secret, &mut faults);
            faults.into_result().is_err()
        };
        assert!(!wrong("a secret"));
        assert!(wrong("") && wrong("a\nb") && wrong("ä") && wrong(&"a".repeat(5_000)));
    }
}
