//! The passwords that were found in breaches elsewhere, from a file that the operator gives (NIST SP 800-63B-4 section 3.1.1.2: "passwords
//! obtained from previous breach corpuses").
//!
//! The rule: nothing leaves the machine, and whoever names a file is served by all of it or not at all: one that is cut short, is of another
//! kind or cannot be read is refused when it is opened; where it cannot be read later, the password that was to be looked up is refused.
//!
//! # The file
//! [`write()`] makes it from the list of [Pwned Passwords](https://haveibeenpwned.com/Passwords) (SHA-1 in hexadecimal, a colon and how often
//! it was seen, ordered by hash), or any list of that form. It holds the first 64 bits of each hash, in order, behind a head: 8 bytes
//! for each password, 8 GB for a billion. Of passwords that are in no breach, one in 18 billion is taken for one that is (a billion hashes of
//! 64 bits).
//!
//! None of it is kept in memory: a lookup reads some thirty hashes from the file, which the system caches as far as there is room. An open file
//! stays as it is when another takes its name; that is used from the next start on.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::normalize::nfkc;

/// What a file begins with; the number is raised with its form.
const MAGIC: &[u8; 16] = b"chancery-breach1";
/// The head: what it is, and how many there are.
const HEAD: u64 = 24;
/// Of each hash so many bytes are kept.
const KEPT: u64 = 8;
/// So many places are looked at when a file is opened.
const LOOKED_AT: u64 = 256;
/// No line of a list is longer, in bytes.
const LONGEST_LINE: u64 = 128;

/// Why a file is not used, or was not written.
#[derive(Debug, thiserror::Error)]
pub enum BreachedError {
    /// It could not be read, or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("this is no file of breached passwords of this version")]
    NotOne,
    /// It ends before its end, or goes on after it.
    #[error("it says that it has {said} passwords, and its length is that of another number")]
    Length {
        /// How many it says that it has.
        said: u64,
    },
    /// What is in it is not in order.
    #[error("its hashes are not in order")]
    Disordered,
    /// A line of a list is not a hash in hexadecimal, with or without a number.
    #[error("line {line} is not a SHA-1 hash in hexadecimal, a colon and a number")]
    Line {
        /// Which, from 1.
        line: u64,
    },
    /// A line of a list comes before the one that it follows.
    #[error("line {line} is not in order: the list must be the one that is ordered by hash")]
    Order {
        /// Which, from 1.
        line: u64,
    },
    /// There was nothing in the list.
    #[error("the list has no passwords")]
    Empty,
}

/// The passwords that were found in breaches.
pub struct Breached {
    file: File,
    count: u64,
}

impl fmt::Debug for Breached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breached")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Breached {
    /// Opens a file that [`write()`] has made.
    pub fn open(path: &Path) -> Result<Self, BreachedError> {
        let mut file = File::open(path)?;
        let (mut magic, mut count) = ([0; MAGIC.len()], [0; 8]);
        let head = file
            .read_exact(&mut magic)
            .and_then(|()| file.read_exact(&mut count));
        head.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => BreachedError::NotOne,
            _ => error.into(),
        })?;
        if magic != *MAGIC {
            return Err(BreachedError::NotOne);
        }
        let count = u64::from_be_bytes(count);
        let length = count
            .checked_mul(KEPT)
            .and_then(|length| length.checked_add(HEAD));
        if count == 0 || length != Some(file.metadata()?.len()) {
            return Err(BreachedError::Length { said: count });
        }
        let breached = Self { file, count };
        let step = (count / LOOKED_AT).max(1);
        let mut before = None;
        for place in (0..count).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let found = Some(breached.at(place)?);
            if found <= before {
                return Err(BreachedError::Disordered);
            }
            before = found;
        }
        // What was to be copied and was not is often a hole at the end.
        if Some(breached.at(count - 1)?) < before {
            return Err(BreachedError::Disordered);
        }
        Ok(breached)
    }

    /// How many there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether a password (in NFKC) is one of them. It reads a file, so it is not for async threads.
    pub fn has(&self, password: &str) -> io::Result<bool> {
        let wanted = kept(digest(&SHA1_FOR_LEGACY_USE_ONLY, nfkc(password).as_bytes()).as_ref());
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle)?.cmp(&wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }

    fn at(&self, place: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, HEAD + place * KEPT)?;
        Ok(u64::from_be_bytes(bytes))
    }
}

/// The part of a hash that is kept.
fn kept(hash: &[u8]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |kept, byte| (kept << 8) | u64::from(*byte))
}

/// Makes a file from a list, of the passwords that were seen at least so often; answers how many they are. Memory does not grow with the
/// list. Until it is whole it is no file of this kind.
pub fn write(mut list: impl BufRead, file: &mut File, at_least: u64) -> Result<u64, BreachedError> {
    let mut out = BufWriter::new(&mut *file);
    out.write_all(&[0; MAGIC.len() + 8])?;
    let (mut count, mut before) = (0, None);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if list.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text)? == 0 {
            break;
        }
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            continue;
        }
        let (hash, seen) = parse(trimmed).ok_or(BreachedError::Line { line })?;
        if before.is_some_and(|before| hash < before) {
            return Err(BreachedError::Order { line });
        }
        if seen >= at_least && before != Some(hash) {
            out.write_all(&hash.to_be_bytes())?;
            count += 1;
            before = Some(hash);
        }
    }
    if count == 0 {
        return Err(BreachedError::Empty);
    }
    out.flush()?;
    drop(out);
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(MAGIC)?;
    file.write_all(&u64::to_be_bytes(count))?;
    file.sync_all()?;
    Ok(count)
}

/// The kept part of a line's hash, and how often it was seen; once, if it does not say.
fn parse(line: &[u8]) -> Option<(u64, u64)> {
    let line = std::str::from_utf8(line).ok()?;
    let (hash, seen) = line.split_once(':').unwrap_or((line, "1"));
    let is_hash = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let first = hash.get(..16).filter(|_| is_hash)?;
    Some((u64::from_str_radix(first, 16).ok()?, seen.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{HashError, Hasher, Parameters};

    fn line(password: &str, seen: u64) -> String {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let mut line = String::new();
        for byte in hash.as_ref() {
            write!(line, "{byte:02X}").unwrap();
        }
        format!("{line}:{seen}")
    }

    /// A list in order, ended as Windows ends lines.
    fn list(passwords: &[(String, u64)]) -> String {
        let mut lines: Vec<_> = passwords
            .iter()
            .map(|(password, seen)| line(password, *seen))
            .collect();
        lines.sort();
        lines.join("\r\n")
    }

    /// A file that is gone when it is dropped.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(bytes: &[u8]) -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("breached-{}-{number}", std::process::id()));
            std::fs::write(&path, bytes).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn made(list: &str, at_least: u64) -> Result<(Vec<u8>, u64), BreachedError> {
        let scratch = Scratch::new(&[]);
        let mut file = File::create(&scratch.0).unwrap();
        let count = write(list.as_bytes(), &mut file, at_least)?;
        Ok((std::fs::read(&scratch.0).unwrap(), count))
    }

    fn opened(bytes: &[u8]) -> Result<Breached, BreachedError> {
        Breached::open(&Scratch::new(bytes).0)
    }

    #[test]
    fn what_is_in_the_list_is_found_and_nothing_else() {
        let passwords: Vec<_> = (0..2_000).map(|number| (format!("stolen {number}"), 1)).collect();
        let (bytes, count) = made(&list(&passwords), 1).unwrap();
        assert_eq!(count, 2_000);
        let breached = opened(&bytes).unwrap();
        for (password, _) in &passwords {
            assert!(breached.has(password).unwrap(), "{password}");
        }
        for number in 2_000..4_000 {
            assert!(!breached.has(&format!("stolen {number}")).unwrap());
        }
    }

    #[test]
    fn a_password_is_looked_up_in_the_form_in_which_it_is_hashed() {
        let (bytes, _) = made(&line("Zo\u{eb}", 3), 1).unwrap();
        assert!(opened(&bytes).unwrap().has("Zoe\u{308}").unwrap());
    }

    #[test]
    fn what_was_seen_seldom_can_be_left_out() {
        let passwords = [("often".to_owned(), 100), ("seldom".to_owned(), 2)];
        let (bytes, count) = made(&list(&passwords), 10).unwrap();
        assert_eq!(count, 1);
        let breached = opened(&bytes).unwrap();
        assert!(breached.has("often").unwrap() && !breached.has("seldom").unwrap());
    }

    #[test]
    fn a_list_that_is_something_else_is_refused_by_its_line() {
        let good = list(&[("one".to_owned(), 1), ("two".to_owned(), 1)]);
        let (first, second) = good.split_once("\r\n").unwrap();
        let backwards = format!("{second}\n{first}");
        assert!(matches!(
            made(&backwards, 1),
            Err(BreachedError::Order { line: 2 })
        ));
        let endless = "0".repeat(1_000_000);
        let bad = [
            "password",
            &good[..39],
            &format!("{first}:many"),
            &first.replace(':', ";"),
            "é",
            &endless,
        ];
        for bad in bad {
            assert!(
                matches!(made(bad, 1), Err(BreachedError::Line { line: 1 })),
                "{bad}"
            );
        }
        assert!(matches!(made("\n\n", 1), Err(BreachedError::Empty)));
        assert!(matches!(made(&good, 2), Err(BreachedError::Empty)));
    }

    #[test]
    fn a_file_that_is_not_whole_is_not_opened() {
        let passwords: Vec<_> = (0..10).map(|number| (format!("stolen {number}"), 1)).collect();
        let (bytes, _) = made(&list(&passwords), 1).unwrap();
        for cut in 0..bytes.len() {
            assert!(opened(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut longer = bytes.clone();
        longer.extend([0; 8]);
        assert!(matches!(opened(&longer), Err(BreachedError::Length { said: 10 })));
        let mut backwards = bytes.clone();
        backwards[24..].reverse();
        assert!(matches!(opened(&backwards), Err(BreachedError::Disordered)));
        let mut with_a_hole = bytes.clone();
        with_a_hole[24 + 72..].fill(0);
        assert!(matches!(opened(&with_a_hole), Err(BreachedError::Disordered)));
        let mut of_another_kind = bytes;
        of_another_kind[15] = b'2';
        assert!(matches!(opened(&of_another_kind), Err(BreachedError::NotOne)));
        let nowhere = Breached::open(Path::new("/nowhere/breached"));
        assert!(matches!(nowhere, Err(BreachedError::Io(_))));
    }

    #[test]
    fn of_many_the_end_is_looked_at_too() {
        let passwords: Vec<_> = (0..1_000).map(|number| (format!("stolen {number}"), 1)).collect();
        let (mut bytes, _) = made(&list(&passwords), 1).unwrap();
        let last = bytes.len() - 8;
        bytes[last..].fill(0);
        assert!(matches!(opened(&bytes), Err(BreachedError::Disordered)));
    }

    #[test]
    fn a_file_that_is_not_made_to_its_end_is_none() {
        let good = list(&[("one".to_owned(), 1), ("two".to_owned(), 1)]);
        let scratch = Scratch::new(&[]);
        let mut file = File::create(&scratch.0).unwrap();
        let broken_off = format!("{good}\nnothing");
        assert!(write(broken_off.as_bytes(), &mut file, 1).is_err());
        assert!(matches!(Breached::open(&scratch.0), Err(BreachedError::NotOne)));
    }

    #[tokio::test]
    async fn a_hasher_passes_no_password_that_it_could_not_look_up() {
        let hasher = || Hasher::new(Parameters::default(), 1, 1).unwrap();
        let (stolen, other) = ("stolen".into(), "another".into());
        assert!(!hasher().is_breached(&stolen).await.unwrap(), "nobody said which");
        let (bytes, _) = made(&line("stolen", 1), 1).unwrap();
        let scratch = Scratch::new(&bytes);
        let hasher = hasher().knowing(Breached::open(&scratch.0).unwrap());
        assert!(hasher.is_breached(&stolen).await.unwrap());
        assert!(!hasher.is_breached(&other).await.unwrap());
        File::create(&scratch.0).unwrap();
        let refused = hasher.is_breached(&other).await;
        assert!(
            matches!(refused, Err(HashError::BreachedUnreadable)),
            "{refused:?}"
        );
    }
}
