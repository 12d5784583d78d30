//! A letter and how it is written (RFC 5322, MIME). The rule: the same letter is the same bytes, whenever it is written, so that
//! what is sent twice can be known for one; and what is not plain text in its subject is refused.

use std::time::SystemTime;

use lettre::message::{
    Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart,
    header::{ContentType, HeaderName, HeaderValue},
};

use crate::{Address, Sender};

/// The longest subject, in characters.
const SUBJECT: usize = 200;
/// The largest part, in bytes.
const PART: usize = 256 * 1024;

/// Why a letter cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// The subject is empty, too long, or holds control characters.
    #[error("the subject must have 1 to 200 characters, without control characters")]
    Subject,
    /// The id holds what an id does not.
    #[error("an id must have letters, digits and hyphens")]
    Id,
    /// The name of the sender holds what a name does not.
    #[error("the sender's name must have at most 100 characters, without control characters")]
    FromName,
    /// The language is not a language tag.
    #[error("the language must be a BCP 47 tag")]
    Language,
    /// A part is larger than 256 KiB.
    #[error("a part is larger than 256 KiB")]
    TooLarge,
    /// The library refuses it.
    #[error("{0}")]
    Malformed(String),
}

/// A picture within a letter: HTML shows it as `cid:` and its id (RFC 2392).
#[derive(Clone, Copy)]
pub struct Inline<'a> {
    /// Its id, of letters, digits and hyphens; it follows from what the picture holds.
    pub cid: &'a str,
    /// What it is, such as `image/png`.
    pub media_type: &'a str,
    /// What it holds.
    pub content: &'a [u8],
}

/// One letter to one person.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// What makes it this one, of letters, digits and hyphens: the same in each try to send it.
    pub id: &'a str,
    /// To whom.
    pub to: &'a Address,
    /// The sender's name, in place of the configured one.
    pub from_name: Option<&'a str>,
    /// What it is about.
    pub subject: &'a str,
    /// As text.
    pub text: &'a str,
    /// As HTML.
    pub html: &'a str,
    /// The picture that the HTML shows, if it shows one.
    pub picture: Option<Inline<'a>>,
    /// In which language, BCP 47.
    pub language: &'a str,
    /// When it was written.
    pub written: SystemTime,
}

/// What a letter says may be secret, and to whom it goes is personal.
impl std::fmt::Debug for Letter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Letter<'_> {
    /// Writes it.
    pub fn write(&self, from: &Sender) -> Result<Vec<u8>, LetterError> {
        let is_tag = |text: &str, most: usize| {
            (1..=most).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_tag(self.id, 64) {
            return Err(LetterError::Id);
        }
        if !is_tag(self.language, 35) {
            return Err(LetterError::Language);
        }
        if !(1..=SUBJECT).contains(&self.subject.chars().count()) || self.subject.contains(char::is_control) {
            return Err(LetterError::Subject);
        }
        if self.picture.is_some_and(|picture| !is_tag(picture.cid, 100)) {
            return Err(LetterError::Id);
        }
        let picture = self.picture.map_or(0, |picture| picture.content.len());
        if [self.text.len(), self.html.len(), picture]
            .into_iter()
            .any(|length| length > PART)
        {
            return Err(LetterError::TooLarge);
        }
        let sender = from.mailbox(self.from_name).map_err(|_| LetterError::FromName)?;
        // RFC 3834: nobody's holiday note answers it.
        let by_machine = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let language = HeaderValue::new(
            HeaderName::new_from_ascii_str("Content-Language"),
            self.language.to_owned(),
        );
        let parts = MultiPart::alternative()
            .boundary(format!("part-{}", self.id))
            .singlepart(SinglePart::plain(self.text.to_owned()));
        let html = SinglePart::html(self.html.to_owned());
        let parts = match self.picture {
            None => parts.singlepart(html),
            Some(picture) => parts.multipart(
                // RFC 2387: the HTML and what it shows are one of the two ways to read the letter.
                MultiPart::related()
                    .boundary(format!("shown-{}", self.id))
                    .singlepart(html)
                    .singlepart(inline(picture)?),
            ),
        };
        let message = MessageBuilder::new()
            .message_id(Some(format!("<{}@{}>", self.id, from.address().domain())))
            .date(self.written)
            .from(sender)
            .to(Mailbox::new(None, self.to.to_lettre()))
            .subject(self.subject)
            .raw_header(by_machine)
            .raw_header(language)
            .multipart(parts)
            .map_err(|error| LetterError::Malformed(error.to_string()))?;
        Ok(message.formatted())
    }
}

fn inline(picture: Inline<'_>) -> Result<SinglePart, LetterError> {
    let media_type =
        ContentType::parse(picture.media_type).map_err(|error| LetterError::Malformed(error.to_string()))?;
    Ok(Attachment::new_inline(picture.cid.to_owned()).body(picture.content.to_vec(), media_type))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn write(change: impl FnOnce(&mut Letter<'_>)) -> Result<String, LetterError> {
        let to = "bob@example.org".parse().unwrap();
        let mut letter = Letter {
            id: "0198-ab",
            to: &to,
            from_name: None,
            subject: "Grüße, 世界",
            text: "Hello\n.\nöäü",
            html: "<p>Hello</p>",
            picture: None,
            language: "de",
            written: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
        };
        change(&mut letter);
        let written = letter.write(&"Acme <no-reply@acme.example>".parse().unwrap())?;
        Ok(String::from_utf8(written).unwrap())
    }

    #[test]
    fn the_same_letter_is_the_same_bytes() {
        let written = write(|_| {}).unwrap();
        assert_eq!(write(|_| {}).unwrap(), written);
        for line in [
            "Message-ID: <0198-ab@acme.example>\r\n",
            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n",
            "From: Acme <no-reply@acme.example>\r\n",
            "To: bob@example.org\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Language: de\r\n",
            "Content-Type: multipart/alternative;",
        ] {
            assert!(written.contains(line), "{line} in\n{written}");
        }
        assert!(written.is_ascii());
    }

    #[test]
    fn nothing_typed_becomes_a_header() {
        let injected = "x\r\nBcc: evil@example.org";
        assert_eq!(
            write(|letter| letter.subject = injected),
            Err(LetterError::Subject)
        );
        assert_eq!(write(|letter| letter.subject = ""), Err(LetterError::Subject));
        assert_eq!(
            write(|letter| letter.from_name = Some(injected)),
            Err(LetterError::FromName)
        );
        assert_eq!(write(|letter| letter.id = injected), Err(LetterError::Id));
        assert_eq!(
            write(|letter| letter.language = injected),
            Err(LetterError::Language)
        );
        let quoted = write(|letter| letter.from_name = Some("Evil\" <evil@example.org>, \"x")).unwrap();
        let from = quoted.lines().find(|line| line.starts_with("From:")).unwrap();
        assert!(
            from.ends_with("<no-reply@acme.example>") || !from.contains("evil@example.org>,"),
            "{from}"
        );
        let body = write(|letter| letter.text = injected).unwrap();
        let (head, _) = body.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("evil"), "{head}");
    }

    #[test]
    fn a_picture_is_a_part_of_the_letter() {
        static LARGE: [u8; PART + 1] = [0; PART + 1];
        let picture = Inline {
            cid: "logo-00",
            media_type: "image/png",
            content: b"\x89PNG",
        };
        let written = write(|letter| letter.picture = Some(picture)).unwrap();
        assert_eq!(write(|letter| letter.picture = Some(picture)).unwrap(), written);
        for line in [
            "Content-Type: multipart/related;",
            "Content-ID: <logo-00>\r\n",
            "Content-Disposition: inline\r\n",
            "Content-Type: image/png\r\n",
            "iVBORw==",
        ] {
            assert!(written.contains(line), "{line} in\n{written}");
        }
        let with = |picture| write(|letter| letter.picture = Some(picture));
        let cid = "x>\r\nBcc: evil@example.org";
        assert_eq!(with(Inline { cid, ..picture }), Err(LetterError::Id));
        let media_type = "image/png\r\nBcc: evil@example.org";
        assert!(
            !with(Inline {
                media_type,
                ..picture
            })
            .is_ok_and(|letter| letter.contains("\r\nBcc:"))
        );
        let content = &LARGE[..];
        assert_eq!(with(Inline { content, ..picture }), Err(LetterError::TooLarge));
    }
}
