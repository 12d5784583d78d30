//! Addresses. The rule: what is not one address and nothing else never reaches a header or a command (RFC 5321, 4.1.2), so that
//! no name and no address can bring a second recipient, header or command along.

use std::{fmt, str::FromStr};

use lettre::message::Mailbox;

/// The longest address, in bytes (RFC 5321, 4.5.3.1.3, less its angle brackets).
const ADDRESS: usize = 254;
/// The longest name of a sender, in characters.
const NAME: usize = 100;

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not one address.
    #[error("must be an e-mail address such as name@example.org")]
    NotAnAddress,
    /// The name before it holds what a name does not.
    #[error("must have a name of at most 100 characters, without control characters, or none")]
    Name,
}

/// An address that can be sent to: the local part as it was typed, the domain in ASCII (IDNA).
#[derive(Clone, PartialEq, Eq)]
pub struct Address(lettre::Address);

impl Address {
    /// Its domain.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// Whether it is ASCII, so that every server takes it.
    pub fn is_ascii(&self) -> bool {
        let text: &str = self.0.as_ref();
        text.is_ascii()
    }

    pub(crate) fn to_lettre(&self) -> lettre::Address {
        self.0.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address is personal: it is not shown by the way.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bad = || AddressError::NotAnAddress;
        let (local, domain) = text.rsplit_once('@').ok_or_else(bad)?;
        // Quoted local parts and address literals are valid and nobody's; most of what they are used for is mischief.
        let is_odd = |character: char| {
            character.is_control() || character.is_whitespace() || "()<>[],;:\\\"".contains(character)
        };
        if text.len() > ADDRESS || text.contains(is_odd) || local.contains('@') || local.len() > 64 {
            return Err(bad());
        }
        let host = url::Host::parse(domain).map_err(|_| bad())?;
        let url::Host::Domain(domain) = host else {
            return Err(bad());
        };
        lettre::Address::new(local, domain).map(Self).map_err(|_| bad())
    }
}

/// Who letters are from: an address with a name (`Acme <no-reply@acme.example>`) or alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: Address,
}

impl Sender {
    /// The address.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The name before it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn mailbox(&self, name: Option<&str>) -> Result<Mailbox, AddressError> {
        let name = name.or(self.name.as_deref());
        if name.is_some_and(|name| !is_name(name)) {
            return Err(AddressError::Name);
        }
        Ok(Mailbox::new(name.map(str::to_owned), self.address.to_lettre()))
    }
}

/// Whether a text may stand before an address as its name.
pub fn is_name(name: &str) -> bool {
    (1..=NAME).contains(&name.chars().count()) && !name.contains(char::is_control)
}

impl FromStr for Sender {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('<') else {
            return Ok(Self {
                name: None,
                address: text.parse()?,
            });
        };
        let address = rest.strip_suffix('>').ok_or(AddressError::NotAnAddress)?;
        let name = name.trim().trim_matches('"');
        if !name.is_empty() && !is_name(name) {
            return Err(AddressError::Name);
        }
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: address.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_address_and_nothing_else() {
        for text in [
            "a@example.org",
            "first.last+tag@sub.example.org",
            "o'neil@b.example",
            "ü@example.org",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c.example",
            "a@example.org\r\nBcc: b@example.org",
            "a@example.org\nRCPT TO:<b@example.org>",
            "a@example.org,b@example.org",
            "a@example.org>",
            "<a@example.org>",
            "\"a b\"@example.org",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@example.org ",
            "a@exa mple.org",
            &format!("{}@example.org", "a".repeat(65)),
            &format!("a@{}example.org", "b.".repeat(130)),
        ] {
            assert_eq!(
                text.parse::<Address>(),
                Err(AddressError::NotAnAddress),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_domain_is_sent_to_by_its_ascii_name() {
        let address: Address = "post@bücher.example".parse().unwrap();
        assert_eq!(address.to_string(), "post@xn--bcher-kva.example");
        assert!(address.is_ascii());
        assert!(!"ü@bücher.example".parse::<Address>().unwrap().is_ascii());
    }

    #[test]
    fn a_sender_has_a_name_or_none() {
        let sender: Sender = "Acme, Inc. <no-reply@acme.example>".parse().unwrap();
        assert_eq!(sender.name(), Some("Acme, Inc."));
        assert_eq!(sender.address().to_string(), "no-reply@acme.example");
        let bare: Sender = "no-reply@acme.example".parse().unwrap();
        assert_eq!(bare.name(), None);
        for text in [
            "Acme <no-reply@acme.example",
            "Acme",
            "",
            "A\nB <a@acme.example>",
            "Acme <>",
        ] {
            assert!(text.parse::<Sender>().is_err(), "{text:?}");
        }
        assert_eq!(
            bare.mailbox(Some("A\r\nBcc: x@y.example")),
            Err(AddressError::Name)
        );
    }

    #[test]
    fn an_address_is_not_shown_by_the_way() {
        let address: Address = "alice@example.org".parse().unwrap();
        assert!(!format!("{address:?}").contains("alice"));
    }
}
