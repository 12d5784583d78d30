//! Tokens as nobody may send them: one good token, and what becomes of it when one thing about it is wrong.
//! The rule: the table is made by rules and not by hand, so that every kind of token is tried with all of it; whoever signs is believed to have
//! the right key wherever that makes the attack stronger.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Signer, header_of, now, payload_of};

/// What is wrong, and the token.
pub type Hostile = (String, String);

/// A kind of token that an outsider signs, and that is judged by us.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The header of a good one.
    pub header: Value,
    /// The claims of a good one.
    pub claims: Value,
    /// The dates that it must have: `exp`, or `iat` of a DPoP proof.
    pub date: &'static str,
    /// Whether the date must be there.
    pub date_required: bool,
    /// The texts that it must have.
    pub texts: &'static [&'static str],
    /// Whether its key stands in its header (RFC 9449).
    pub carries_key: bool,
}

/// What no date is. A number beyond all dates is written as text, since JSON cannot be made of it.
fn no_dates() -> Vec<(&'static str, String)> {
    let text = |value: Value| value.to_string();
    vec![
        ("text", text(json!("1893456000"))),
        ("a word", text(json!("soon"))),
        ("null", text(Value::Null)),
        ("a list", text(json!([now() + 60]))),
        ("an object", text(json!({ "at": now() + 60 }))),
        ("true", text(json!(true))),
        ("negative", text(json!(-1))),
        ("nothing", text(json!(0))),
        ("long ago", text(json!(now() - 86_400))),
        ("beyond numbers", "1e999".to_owned()),
    ]
}

fn encoded(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

/// An object as text, with one member written as it stands.
fn with_raw(object: &Value, name: &str, raw: &str) -> String {
    let mut rest = object.clone();
    if let Some(members) = rest.as_object_mut() {
        members.remove(name);
    }
    let rest = rest.to_string();
    format!("{{\"{name}\":{raw},{}", &rest[1..])
}

fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut changed = object.clone();
    changed[name] = value;
    changed
}

fn without(object: &Value, name: &str) -> Value {
    let mut changed = object.clone();
    if let Some(members) = changed.as_object_mut() {
        members.remove(name);
    }
    changed
}

impl Kind {
    /// The good one, signed.
    pub fn good(&self, signer: &Signer) -> String {
        self.with_claims(signer, &self.claims)
    }

    /// With other claims.
    fn with_claims(&self, signer: &Signer, claims: &Value) -> String {
        signer.sign(&self.header, claims)
    }

    /// All that is wrong with one of this kind.
    pub fn hostile(&self, signer: &Signer) -> Vec<Hostile> {
        let mut all = self.wrong_claims(signer);
        all.extend(self.wrong_headers(signer));
        all.extend(forged(
            &self.good(signer),
            &json!(signer.public_jwk()),
            self.carries_key,
        ));
        all
    }

    fn wrong_claims(&self, signer: &Signer) -> Vec<Hostile> {
        let header = self.header.to_string();
        let mut all = Vec::new();
        for (what, raw) in no_dates() {
            let claims = with_raw(&self.claims, self.date, &raw);
            all.push((
                format!("{} is {what}", self.date),
                signer.sign_text(&header, &claims),
            ));
        }
        if self.date_required {
            let claims = without(&self.claims, self.date);
            all.push((format!("no {}", self.date), self.with_claims(signer, &claims)));
        }
        let twice = with_raw(&self.claims, self.date, &(now() + 60).to_string());
        let twice = format!("{{\"{}\":1,{}", self.date, &twice[1..]);
        all.push((format!("{} twice", self.date), signer.sign_text(&header, &twice)));
        for &name in self.texts {
            for value in [
                Value::Null,
                json!(7),
                json!([[]]),
                json!({}),
                json!(true),
                json!(""),
            ] {
                let what = format!("{name} is {value}");
                all.push((what, self.with_claims(signer, &with(&self.claims, name, value))));
            }
            all.push((
                format!("no {name}"),
                self.with_claims(signer, &without(&self.claims, name)),
            ));
        }
        for (name, value) in [
            ("nbf", json!("later")),
            ("nbf", json!(now() + 3_600)),
            ("iat", json!([1])),
        ] {
            let what = format!("{name} is {value}");
            if self.date != "iat" || name == "iat" {
                all.push((what, self.with_claims(signer, &with(&self.claims, name, value))));
            }
        }
        all.push((
            "oversized".to_owned(),
            self.with_claims(signer, &with(&self.claims, "padding", "x".repeat(20_000).into())),
        ));
        for claims in ["", "null", "[]", "7", "\"text\"", "{", "{} {}"] {
            all.push((
                format!("the claims are {claims:?}"),
                signer.sign_text(&header, claims),
            ));
        }
        all
    }

    fn wrong_headers(&self, signer: &Signer) -> Vec<Hostile> {
        let claims = self.claims.to_string();
        let sign = |header: &Value| signer.sign_text(&header.to_string(), &claims);
        let mut all = Vec::new();
        for typ in [
            json!("at+jwt"),
            json!("logout+jwt"),
            json!("secevent+jwt"),
            json!(7),
            Value::Null,
        ] {
            let what = format!("typ is {typ}");
            all.push((what, sign(&with(&self.header, "typ", typ))));
        }
        for alg in [
            json!("none"),
            json!("None"),
            json!("HS256"),
            json!("RS256"),
            json!("PS256"),
            json!("ES384"),
            json!("EdDSA"),
            json!("es256"),
            json!(7),
            Value::Null,
        ] {
            let what = format!("alg is {alg}");
            all.push((what, sign(&with(&self.header, "alg", alg))));
        }
        all.push(("no alg".to_owned(), sign(&without(&self.header, "alg"))));
        if self.carries_key {
            let stranger = Signer::default();
            let theirs = stranger.proof_header()["jwk"].clone();
            let private = with(&self.header["jwk"], "d", "AAAA".into());
            let symmetric = json!({ "kty": "oct", "k": "AAAA" });
            for jwk in [theirs, private, symmetric, Value::Null, json!({}), json!("key")] {
                let what = format!("jwk is {jwk}");
                all.push((what, sign(&with(&self.header, "jwk", jwk))));
            }
        } else {
            for kid in [
                json!("another"),
                json!("../../key"),
                json!(7),
                Value::Null,
                json!(["a"]),
            ] {
                let what = format!("kid is {kid}");
                all.push((what, sign(&with(&self.header, "kid", kid))));
            }
            let own = signer.proof_header()["jwk"].clone();
            all.push(("jwk beside kid".to_owned(), sign(&with(&self.header, "jwk", own))));
        }
        for (name, value) in [
            ("jku", json!("https://evil.example/jwks")),
            ("x5u", json!("https://evil.example/chain")),
            ("x5c", json!(["AAAA"])),
            ("zip", json!("DEF")),
            ("crit", json!(["exp"])),
            ("b64", json!(false)),
        ] {
            all.push((
                format!("{name} in the header"),
                sign(&with(&self.header, name, value)),
            ));
        }
        let alg_twice = format!("{{\"alg\":\"none\",{}", &self.header.to_string()[1..]);
        all.push(("alg twice".to_owned(), signer.sign_text(&alg_twice, &claims)));
        for header in ["", "null", "[]", "{", "7"] {
            all.push((
                format!("the header is {header:?}"),
                signer.sign_text(header, &claims),
            ));
        }
        all
    }
}

/// What somebody makes of a token who has not its key, but knows the public one: signed with that as a shared secret, with a key of their own,
/// or not at all; with the claims as they were and with better ones.
pub fn forged(token: &str, public_jwk: &Value, carries_key: bool) -> Vec<Hostile> {
    let (header, claims) = (header_of(token), payload_of(token));
    let text = claims.to_string();
    let mut all = Vec::new();
    for alg in ["none", "None", "NONE"] {
        let header = with(&header, "alg", alg.into()).to_string();
        all.push((
            format!("alg {alg}, no signature"),
            format!("{}.", encoded(&header, &text)),
        ));
    }
    let symmetric = with(&header, "alg", "HS256".into()).to_string();
    let coordinate = |name: &str| {
        let text = public_jwk[name].as_str().unwrap_or_default();
        URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
    };
    let point = [&[4][..], &coordinate("x"), &coordinate("y")].concat();
    for (what, secret) in [
        ("JWK", public_jwk.to_string().into_bytes()),
        ("point", point),
        ("nothing", Vec::new()),
    ] {
        let signed = encoded(&symmetric, &text);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        let tag = URL_SAFE_NO_PAD.encode(tag.as_ref());
        all.push((
            format!("HS256 with the public key as {what}"),
            format!("{signed}.{tag}"),
        ));
    }
    let stranger = Signer::default();
    all.push(("another's signature".to_owned(), {
        stranger.sign_text(&header.to_string(), &text)
    }));
    if !carries_key {
        let own = stranger.proof_header()["jwk"].clone();
        all.push(("a key that it brings along".to_owned(), {
            stranger.sign(&with(&header, "jwk", own), &claims)
        }));
        let named = with(&header, "kid", stranger.kid().into());
        all.push(("a kid of their own".to_owned(), stranger.sign(&named, &claims)));
    }
    for (what, raw) in no_dates() {
        let claims = with_raw(&claims, "exp", &raw);
        let signature = token.rsplit('.').next().unwrap_or_default();
        let changed = format!("{}.{signature}", encoded(&header.to_string(), &claims));
        all.push((format!("exp is {what}, the old signature"), changed));
    }
    let parts: Vec<_> = token.split('.').collect();
    for (what, changed) in [
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("five parts", format!("{token}.x.y")),
        ("padding", format!("{token}=")),
        ("a space", format!("{} .{}.{}", parts[0], parts[1], parts[2])),
        (
            "a zero signature",
            format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64])),
        ),
        (
            "an empty signature of another length",
            format!("{}.{}.AA", parts[0], parts[1]),
        ),
        ("dots", "..".to_owned()),
        ("a text", "token".to_owned()),
        ("20,000 bytes", "x".repeat(20_000)),
    ] {
        all.push((what.to_owned(), changed));
    }
    all
}
