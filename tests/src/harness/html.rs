//! Reading the hosted pages as a browser without script does: the form, where it goes and what is hidden in it.

/// A form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtmlForm {
    /// Where it is posted, as written.
    pub action: String,
    /// Its hidden fields, in order.
    pub hidden: Vec<(String, String)>,
    /// The names of all its fields, in order.
    pub names: Vec<String>,
    /// Its buttons, in order.
    pub buttons: Vec<HtmlButton>,
}

/// A button of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtmlButton {
    /// What pressing it adds to the form, if it has a name.
    pub field: Option<(String, String)>,
    /// What it is called to those who hear the page.
    pub label: String,
}

/// The first form of a page.
///
/// # Panics
/// If there is none, or it is not posted.
pub fn form_of(html: &str) -> HtmlForm {
    let form = html.split("<form").nth(1);
    parse(form.unwrap_or_else(|| panic!("no form in {html}")))
}

/// The forms of a page, in order.
///
/// # Panics
/// If one is not posted.
pub fn forms_of(html: &str) -> Vec<HtmlForm> {
    html.split("<form").skip(1).map(parse).collect()
}

/// The fields that pressing a button sends, and where to: the button whose name, as it is heard, holds this text.
///
/// # Panics
/// If there is no such button.
pub fn press(html: &str, label: &str) -> (String, Vec<(String, String)>) {
    for form in forms_of(html) {
        if let Some(button) = form.buttons.iter().find(|button| button.label.contains(label)) {
            let mut fields = form.hidden;
            fields.extend(button.field.clone());
            return (form.action, fields);
        }
    }
    panic!("no button {label:?} in {html}")
}

fn parse(rest: &str) -> HtmlForm {
    let (form, _) = rest.split_once("</form>").expect("the form ends");
    let (head, body) = form.split_once('>').expect("the tag ends");
    assert_eq!(attribute(head, "method").as_deref(), Some("post"), "{head}");
    let (mut hidden, mut names) = (Vec::new(), Vec::new());
    for input in body.split("<input").skip(1) {
        let tag = tag_of(input);
        let Some(name) = attribute(tag, "name") else {
            continue;
        };
        if attribute(tag, "type").as_deref() == Some("hidden") {
            hidden.push((name.clone(), attribute(tag, "value").unwrap_or_default()));
        }
        names.push(name);
    }
    let buttons = body.split("<button").skip(1).map(|button| {
        let tag = tag_of(button);
        let text = button[tag.len()..].trim_start_matches('>').split('<').next();
        HtmlButton {
            field: attribute(tag, "name").map(|name| (name, attribute(tag, "value").unwrap_or_default())),
            label: attribute(tag, "aria-label")
                .unwrap_or_else(|| unescaped(text.unwrap_or_default()).trim().to_owned()),
        }
    });
    HtmlForm {
        action: attribute(head, "action").expect("an action"),
        hidden,
        names,
        buttons: buttons.collect(),
    }
}

/// What a page asks of the browser's authenticators: the options of `navigator.credentials`.
///
/// # Panics
/// If it asks nothing.
pub fn passkey_options(html: &str) -> serde_json::Value {
    let (_, form) = html
        .split_once(" data-passkey=")
        .unwrap_or_else(|| panic!("no passkey is asked for in {html}"));
    let options = attribute(tag_of(form), "data-options").expect("options");
    serde_json::from_str(&options).expect("JSON")
}

/// Up to the end of a tag; a `>` inside quotes does not end it.
fn tag_of(text: &str) -> &str {
    let mut quoted = false;
    let end = text.find(|character| {
        quoted ^= character == '"';
        character == '>' && !quoted
    });
    &text[..end.unwrap_or(text.len())]
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescaped)
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (entity, tail) = after.split_once(';').expect("an entity ends");
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => number
                .strip_prefix('#')
                .and_then(|digits| match digits.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => digits.parse().ok(),
                })
                .and_then(char::from_u32)
                .unwrap_or_else(|| panic!("unknown entity {entity:?}")),
        });
        rest = tail;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_tells_where_it_goes_and_what_it_hides() {
        let form = form_of(
            r#"<p>x</p><form method="post" action="/a?b=1&#38;c=2"><input type="hidden" name="flow" value="&lt;>&#x27;">
            <label>Name <input name="username" type="text" value=""></label></form><form></form>"#,
        );
        assert_eq!(form.action, "/a?b=1&c=2");
        assert_eq!(form.hidden, [("flow".to_owned(), "<>'".to_owned())]);
        assert_eq!(form.names, ["flow", "username"]);
    }

    #[test]
    fn a_button_is_found_by_what_it_is_called_and_sends_what_it_holds() {
        let page = r#"<form method="post" action="/a"><button type="submit">Out</button></form>
            <form method="post" action="/b"><input type="hidden" name="flow" value="x">
            <button type="submit" name="id" value="7" aria-label="Take it &amp; go">Take</button></form>"#;
        let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(press(page, "Out"), ("/a".to_owned(), Vec::new()));
        assert_eq!(
            press(page, "it & go"),
            ("/b".to_owned(), vec![owned("flow", "x"), owned("id", "7")])
        );
    }
}
