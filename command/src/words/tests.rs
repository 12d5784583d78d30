//! Every message is there in every language, with the same variables, and in use; no page has a word of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use fluent_syntax::parser;
use time::macros::datetime;

use super::{
    messages::{self, Unsaid, source},
    testing::say,
    *,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The parts of a file's text by the names of its messages.
fn by_name(language: Language) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in source(language).lines().filter(|line| !line.starts_with('#')) {
        if let Some((start, rest)) = line.split_once(" =")
            && !line.starts_with(' ')
        {
            start.clone_into(&mut name);
            assert!(
                found.insert(name.clone(), rest.to_owned()).is_none(),
                "{name} is there twice in {}",
                language.tag()
            );
        } else if let Some(text) = found.get_mut(&name) {
            text.push_str(line);
        }
    }
    found
}

fn variables(text: &str) -> BTreeSet<&str> {
    text.split('$')
        .skip(1)
        .filter_map(|rest| rest.split([' ', '}']).next())
        .collect()
}

/// The files of a folder and those below, of an extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_file_is_read_without_a_fault() {
    for language in Language::ALL {
        let read = parser::parse(source(language));
        assert!(
            read.is_ok(),
            "{}: {:?}",
            language.tag(),
            read.err().map(|(_, errors)| errors)
        );
    }
}

#[test]
fn every_message_is_there_in_every_language_with_the_same_variables_and_markup() {
    let english = by_name(Language::English);
    for language in Language::ALL {
        let theirs = by_name(language);
        let names = |messages: &BTreeMap<String, String>| messages.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&theirs), names(&english), "{}", language.tag());
        for (name, text) in &theirs {
            let tag = language.tag();
            assert!(!text.trim().is_empty(), "{tag}: {name} says nothing");
            assert_eq!(variables(text), variables(&english[name]), "{tag}: {name}");
            let strong = text.matches("<strong>").count();
            assert_eq!(strong, english[name].matches("<strong>").count(), "{tag}: {name}");
            assert_eq!(strong, text.matches("</strong>").count(), "{tag}: {name}");
            assert_eq!(
                strong * 2,
                text.matches('<').count(),
                "{tag}: {name} has other markup"
            );
            assert!(!text.contains('&'), "{tag}: {name} has a reference");
        }
    }
}

#[test]
fn every_message_is_said_with_its_variables_and_not_without_one_of_them() {
    for language in Language::ALL {
        for (name, text) in by_name(language) {
            let numbers = ["seconds", "minutes", "number", "month", "day"];
            let value = |name: &str| {
                if numbers.contains(&name) {
                    Value::Number(7)
                } else {
                    Value::Text(format!("<{name}>"))
                }
            };
            let needed = variables(&text);
            let known = [
                "realm",
                "title",
                "application",
                "username",
                "destination",
                "attributes",
                "name",
                "code",
                "account",
                "address",
                "when",
                "duration",
                "seconds",
                "minutes",
                "number",
                "day",
                "month",
                "year",
                "clock",
                "span",
                "email",
                "since",
                "system",
                "what",
            ];
            let values: Vec<_> = known
                .into_iter()
                .filter(|name| needed.contains(name))
                .map(|name| (name, value(name)))
                .collect();
            assert_eq!(values.len(), needed.len(), "{name} has a variable of a new name");
            let said = messages::of(language).say(&name, &values);
            assert!(
                said.as_ref().is_ok_and(|said| !said.contains(['{', '$'])),
                "{name}: {said:?}"
            );
            for at in 0..values.len() {
                let mut fewer = values.clone();
                let (missing, _) = fewer.remove(at);
                let refused = messages::of(language).say(&name, &fewer);
                assert_eq!(refused, Err(Unsaid::NoValue(missing)), "{name}");
            }
        }
    }
    assert_eq!(
        messages::of(Language::English).say("no-such", &[]),
        Err(Unsaid::NoMessage)
    );
}

#[test]
fn translations_are_not_the_english_text() {
    let english = by_name(Language::English);
    let same = |language| {
        let theirs = by_name(language);
        theirs
            .into_iter()
            .filter(|(name, text)| english[name] == *text)
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(same(Language::Chinese), Vec::<String>::new());
    // What is the same word in both.
    assert_eq!(same(Language::German), ["device-code", "error-code"]);
}

/// Everything between quotation marks in the sources that ask for messages, and in the templates.
fn named() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut asked, mut quoted) = (BTreeSet::new(), BTreeSet::new());
    let mut sources = files(&root().join("src"), "rs");
    sources.extend(files(&root().join("templates"), "html"));
    for path in sources {
        if path.ends_with("words/tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("text");
        let code = text.split("mod tests {").next().unwrap_or_default();
        for call in ["say.text(\"", "self.text(\"", "say.title(\""] {
            for rest in code.split(call).skip(1) {
                asked.extend(rest.split('"').next().map(str::to_owned));
            }
        }
        quoted.extend(code.split('"').map(str::to_owned));
    }
    // The example of `words/mod.rs`.
    asked.remove("code-for");
    (asked, quoted)
}

#[test]
fn what_is_asked_for_is_there_and_what_is_there_is_asked_for() {
    let english = by_name(Language::English);
    let (asked, quoted) = named();
    for name in &asked {
        assert!(english.contains_key(name), "there is no message {name}");
    }
    for name in english.keys() {
        assert!(quoted.contains(name), "nobody asks for the message {name}");
    }
}

/// A template without its comments, expressions, and markup; and the texts of the attributes that people read or hear.
fn bare(template: &str) -> String {
    let mut text = template.to_owned();
    for (start, end) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}")] {
        while let Some(from) = text.find(start) {
            let to = text[from..].find(end).expect("it ends") + from + end.len();
            text.replace_range(from..to, "");
        }
    }
    let mut bare = String::new();
    for attribute in [
        " aria-label=\"",
        " title=\"",
        " alt=\"",
        " placeholder=\"",
        " label=\"",
    ] {
        for rest in text.split(attribute).skip(1) {
            bare.extend(rest.split('"').next());
        }
    }
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => bare.push(letter),
            _ => {}
        }
    }
    bare
}

#[test]
fn no_template_has_a_word_of_its_own() {
    assert_eq!(bare("<p title=\"a\">{{ x }}b{% if c %}</p>").trim(), "ab");
    for path in files(&root().join("templates"), "html") {
        let text = fs::read_to_string(&path).expect("text");
        let words: String = bare(&text)
            .chars()
            .filter(|letter| letter.is_alphabetic())
            .collect();
        assert_eq!(words, "", "{}", path.display());
        assert!(
            !text.contains("lang=\"en\"") || path.ends_with("error.html"),
            "{} has a language of its own",
            path.display()
        );
    }
}

#[test]
fn a_message_with_markup_is_asked_for_as_such_and_no_other_is() {
    let english = by_name(Language::English);
    for path in files(&root().join("templates"), "html") {
        let text = fs::read_to_string(&path).expect("text");
        for rest in text.split("say.text(\"").skip(1) {
            let name = rest.split('"').next().expect("a name");
            let call = rest.split("}}").next().expect("an end");
            assert_eq!(
                call.contains(".rich()"),
                english[name].contains("<strong>"),
                "{}: {name}",
                path.display()
            );
        }
    }
}

#[test]
fn waits_read_right_and_are_never_too_short() {
    let told = |language, seconds| say(language).wait(seconds).to_string();
    for (seconds, english, german, chinese) in [
        (
            0,
            "Wait a second and try again.",
            "Warten Sie eine Sekunde und versuchen Sie es noch einmal.",
            "请等待 1 秒后重试。",
        ),
        (
            45,
            "Wait 45 seconds and try again.",
            "Warten Sie 45 Sekunden und versuchen Sie es noch einmal.",
            "请等待 45 秒后重试。",
        ),
        (
            121,
            "Wait 3 minutes and try again.",
            "Warten Sie 3 Minuten und versuchen Sie es noch einmal.",
            "请等待 3 分钟后重试。",
        ),
    ] {
        assert_eq!(told(Language::English, seconds), english);
        assert_eq!(told(Language::German, seconds), german);
        assert_eq!(told(Language::Chinese, seconds), chinese);
    }
}

#[test]
fn a_moment_is_told_in_utc_as_it_is_written_in_the_language() {
    let moment = datetime!(2026-07-22 14:05 +2);
    let told = |language| say(language).moment(moment).to_string();
    assert_eq!(told(Language::English), "22 July 2026, 12:05 UTC");
    assert_eq!(told(Language::German), "22. Juli 2026, 12:05 Uhr (UTC)");
    assert_eq!(told(Language::Chinese), "2026 年 7 月 22 日 12:05（UTC）");
}

#[test]
fn what_is_put_in_is_never_markup_and_never_a_message() {
    let say = say(Language::English);
    let hostile = "<b>{ $realm }</b>";
    let rich = say
        .text("sign-in-lede")
        .with("application", hostile)
        .rich()
        .to_string();
    assert_eq!(
        rich,
        "to go on to <strong>&#60;b&#62;{ $realm }&#60;/b&#62;</strong>"
    );
    let plain = say.text("go-on-to").with("application", hostile).to_string();
    assert_eq!(plain, "Go on to <b>{ $realm }</b>");
}

#[test]
fn a_page_that_is_shown_again_says_so_first() {
    assert_eq!(say(Language::German).title("sign-in", true), "Fehler: Anmelden");
    assert_eq!(say(Language::German).title("sign-in", false), "Anmelden");
}
