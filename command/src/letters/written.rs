//! A letter as text and HTML. The rule: both say the same; what is put into HTML is escaped; what is put into a subject has no
//! control characters.

use askama::Template;
use zeroize::Zeroizing;

/// The longest subject, in characters.
const SUBJECT: usize = 200;

/// What a letter says.
#[derive(Clone, Default)]
pub struct Content {
    /// In which language, BCP 47.
    pub language: &'static str,
    /// What it is about.
    pub subject: String,
    /// Its paragraphs.
    pub paragraphs: Vec<String>,
    /// What is to be typed.
    pub code: Option<Zeroizing<String>>,
    /// What is to be opened, and what its button says.
    pub link: Option<(Zeroizing<String>, String)>,
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
pub struct Written {
    /// What it is about, on one line.
    pub subject: String,
    /// As text.
    pub text: Zeroizing<String>,
    /// As HTML.
    pub html: Zeroizing<String>,
}

impl Content {
    /// Writes it, from a realm.
    pub fn write(&self, realm: &str) -> Result<Written, askama::Error> {
        let line = self.subject.chars().filter(|letter| !letter.is_control());
        Ok(Written {
            subject: line.take(SUBJECT).collect(),
            text: self.text(realm),
            html: Html { realm, content: self }.render()?.into(),
        })
    }

    /// A paragraph each, and the realm below the line that mail programs know (RFC 3676, section 4.3).
    fn text(&self, realm: &str) -> Zeroizing<String> {
        let (code, link) = (self.code.iter(), self.link.iter());
        let code = code.map(|code| code.as_str());
        // A link stands alone on its line, so that it can be followed and copied.
        let link = link.flat_map(|(link, _)| [link.as_str()]);
        let before = self.paragraphs.iter().map(String::as_str);
        let after = self.closing.iter().map(String::as_str);
        let mut text = Zeroizing::new(String::new());
        for paragraph in before.chain(code).chain(link).chain(after) {
            text.push_str(paragraph);
            text.push_str("\n\n");
        }
        text.push_str("-- \n");
        text.push_str(realm);
        text.push('\n');
        text
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
            ..Content::default()
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
            *written.text,
            "Bob's <b>password</b> & more\n\nSecond.\n\nIf it was not you, tell us.\n\n-- \nAcme\n"
        );
    }

    #[test]
    fn a_code_and_a_link_stand_alone() {
        let content = Content {
            code: Some("123456".to_owned().into()),
            link: Some((
                "https://id.example/x?token=a&b".to_owned().into(),
                "Go".to_owned(),
            )),
            ..content()
        };
        let written = content.write("Acme").unwrap();
        assert!(
            written
                .text
                .contains("\n\n123456\n\nhttps://id.example/x?token=a&b\n\n")
        );
        assert!(
            written
                .html
                .contains(r#"href="https://id.example/x?token=a&#38;b""#)
        );
        assert!(written.html.contains(">123456<") && written.html.contains(">Go<"));
    }
}
