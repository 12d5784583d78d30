//! A letter as text and HTML. The rule: both say the same; what is put into HTML is escaped; what is put into a subject has no
//! control characters.

use askama::Template;

/// The longest subject, in characters.
const SUBJECT: usize = 200;

/// What a letter says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// In which language, BCP 47.
    pub language: &'static str,
    /// What it is about.
    pub subject: String,
    /// Its paragraphs.
    pub paragraphs: Vec<String>,
    /// What to do if it was not oneself, and who wrote.
    pub closing: Vec<String>,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    realm: &'a str,
    content: &'a Content,
}

/// A letter that can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What it is about, on one line.
    pub subject: String,
    /// As text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

impl Content {
    /// Writes it, from a realm.
    pub fn write(&self, realm: &str) -> Result<Written, askama::Error> {
        let line = self.subject.chars().filter(|letter| !letter.is_control());
        Ok(Written {
            subject: line.take(SUBJECT).collect(),
            text: self.text(realm),
            html: Html { realm, content: self }.render()?,
        })
    }

    /// A paragraph each, and the realm below the line that mail programs know (RFC 3676, section 4.3).
    fn text(&self, realm: &str) -> String {
        let mut text = String::new();
        for paragraph in self.paragraphs.iter().chain(&self.closing) {
            text.push_str(paragraph);
            text.push_str("\n\n");
        }
        text + "-- \n" + realm + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content {
            language: "en",
            subject: "A\r\nBcc: evil@example.org".to_owned(),
            paragraphs: vec!["Bob's <b>password</b> & more".to_owned(), "Second.".to_owned()],
            closing: vec!["If it was not you, tell us.".to_owned()],
        }
    }

    #[test]
    fn nothing_becomes_markup_or_a_header() {
        let written = content().write("Acme <script>").unwrap();
        assert_eq!(written.subject, "ABcc: evil@example.org");
        assert!(!written.html.contains("<script>") && !written.html.contains("<b>"));
        assert!(
            written
                .html
                .contains("Bob&#39;s &#60;b&#62;password&#60;/b&#62; &#38; more")
        );
    }

    #[test]
    fn text_has_a_paragraph_each() {
        let written = content().write("Acme").unwrap();
        assert_eq!(
            written.text,
            "Bob's <b>password</b> & more\n\nSecond.\n\nIf it was not you, tell us.\n\n-- \nAcme\n"
        );
    }
}
