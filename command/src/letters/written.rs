//! A letter as text and HTML. The rule: both say the same; what is put into HTML is escaped; what is put into a subject has no
//! control characters.

use askama::Template;
use zeroize::Zeroizing;

use super::head::Head;

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
    head: &'a Head,
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
    /// Writes it, in a realm's name.
    pub fn write(&self, head: &Head) -> Result<Written, askama::Error> {
        let line = self.subject.chars().filter(|letter| !letter.is_control());
        Ok(Written {
            subject: line.take(SUBJECT).collect(),
            text: self.text(&head.name),
            html: Html { head, content: self }.render()?.into(),
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
    use crate::letters::head::Logo;

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
        let written = content().write(&Head::plain("Acme <script>")).unwrap();
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
        let written = content().write(&Head::plain("Acme")).unwrap();
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
        let written = content.write(&Head::plain("Acme")).unwrap();
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

    #[test]
    fn a_letter_looks_as_the_pages_of_its_realm_do() {
        let plain = Head::plain("Acme");
        assert!(!content().write(&plain).unwrap().html.contains("<img"));
        let head = Head {
            colour: "#7a1f5c".to_owned(),
            logo: Some(Logo {
                cid: "logo-00".to_owned(),
                media_type: "image/png".to_owned(),
                width: 120,
                height: 28,
                image: vec![0],
            }),
            ..Head::plain("Acme \"& Sons")
        };
        let html = content().write(&head).unwrap().html;
        assert!(
            html.contains(r#"<img src="cid:logo-00" alt="Acme &#34;&#38; Sons" width="120" height="28""#)
        );
        assert!(html.contains("border-top:4px solid #7a1f5c"));
        assert!(!html.contains("http"), "nothing is loaded from anywhere");
    }
}
