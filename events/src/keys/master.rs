//! The master key, which wraps every realm's key: from the environment, or from a file in development.
//! The rule: it is never shown, and a file that holds anything else is refused rather than replaced.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::{
    KeyError,
    seal::{KEY, Key},
};
use crate::{clock::Random, envelope::hex};

const EITHER_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, EITHER_PADDING);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, EITHER_PADDING);

/// 32 bytes that nobody may guess; overwritten when dropped.
pub struct MasterKey(pub(super) Key);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Reads exactly 32 bytes in base64, base64url (either with or without padding) or hexadecimal; white space
    /// around it is ignored. Bytes that are all the same are a placeholder, not a key, and are refused.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let key = from_hex(text)
            .or_else(|| from_base64(&BASE64, text))
            .or_else(|| from_base64(&BASE64URL, text))
            .ok_or_else(|| {
                KeyError::Refused(
                    "the master key must be 32 bytes in base64 or hexadecimal (`openssl rand -base64 32`)"
                        .to_owned(),
                )
            })?;
        if key.iter().all(|byte| *byte == key[0]) {
            return Err(KeyError::Refused(
                "the master key's bytes are all the same: make a random one".to_owned(),
            ));
        }
        Ok(Self(key))
    }

    /// Reads the key from a file or, where there is no such file, makes one that only its owner may read. For
    /// development: in production the key comes from elsewhere and is not on the disk that it protects.
    ///
    /// Blocks on the file system. A file that holds something else is refused, and never overwritten.
    pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, KeyError> {
        if let Some(key) = load(path)? {
            return Ok(key);
        }
        create(path, random).map_err(|error| unavailable("made", path, &error))?;
        // What counts is what the file holds: another process may have been first.
        load(path)?.ok_or_else(|| unavailable("read", path, &io::ErrorKind::NotFound.into()))
    }
}

fn load(path: &Path) -> Result<Option<MasterKey>, KeyError> {
    let text = match fs::read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unavailable("read", path, &error)),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
        if open {
            tracing::warn!(path = %path.display(), "others can read the master key's file: its mode should be 0600");
        }
    }
    let key = str::from_utf8(&text)
        .map_err(|_| KeyError::Refused("it is not text".to_owned()))
        .and_then(MasterKey::parse)
        .map_err(|error| match error {
            KeyError::Refused(why) => KeyError::Refused(format!("{}: {why}", path.display())),
            other => other,
        })?;
    Ok(Some(key))
}

/// Writes a new key beside `path`, makes it durable, and only then gives it its name; an existing file stays.
fn create(path: &Path, random: &dyn Random) -> io::Result<()> {
    let mut suffix = [0; 8];
    random.fill(&mut suffix);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", hex(&suffix)));
    let beside = path.with_file_name(name);

    let mut key = Key::default();
    random.fill(key.as_mut_slice());
    let mut text = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(key.as_slice()));
    text.push('\n');

    let written = write_private(&beside, text.as_bytes()).and_then(|()| give_name(&beside, path));
    let removed = fs::remove_file(&beside);
    written?;
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    sync_folder(path)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A hard link fails where the name is taken, which a rename does not. Where the file system has no hard links
/// (FAT, some shared folders) there is only the rename.
fn give_name(beside: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(beside, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) if !path.exists() => fs::rename(beside, path),
        Err(error) => Err(error),
    }
}

/// Creates a file that only its owner may read and write; fails where there is one.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Makes the names in a file's folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        File::open(folder)?.sync_all()
    }
    #[cfg(not(unix))]
    {
        let _ = (path, PathBuf::new());
        Ok(())
    }
}

fn from_base64(engine: &GeneralPurpose, text: &str) -> Option<Key> {
    if text.len() > 44 {
        return None;
    }
    let mut buffer = Zeroizing::new([0; 48]);
    let length = engine.decode_slice(text, buffer.as_mut_slice()).ok()?;
    exactly(&buffer[..length])
}

fn from_hex(text: &str) -> Option<Key> {
    if text.len() != 2 * KEY {
        return None;
    }
    let mut key = Key::default();
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = [digits[0], digits[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(key)
}

fn exactly(bytes: &[u8]) -> Option<Key> {
    let mut key = Key::default();
    (bytes.len() == KEY).then(|| key.copy_from_slice(bytes))?;
    Some(key)
}

fn unavailable(what: &str, path: &Path, error: &io::Error) -> KeyError {
    KeyError::Unavailable(format!(
        "the master key's file {} cannot be {what}: {error}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose as standard;

    use super::*;
    use crate::clock::SystemRandom;

    fn sample() -> [u8; 32] {
        // Its base64 has both of the characters in which the alphabets differ.
        std::array::from_fn(|index| 0xfb_u8.wrapping_add(u8::try_from(index).unwrap() * 3) | 0xc0)
    }

    #[test]
    fn a_key_is_read_in_base64_base64url_and_hexadecimal() {
        let bytes = sample();
        for text in [
            standard::STANDARD.encode(bytes),
            standard::STANDARD_NO_PAD.encode(bytes),
            standard::URL_SAFE.encode(bytes),
            standard::URL_SAFE_NO_PAD.encode(bytes),
            hex(&bytes),
            hex(&bytes).to_uppercase(),
            format!("  {}\n", standard::STANDARD.encode(bytes)),
        ] {
            assert_eq!(*MasterKey::parse(&text).unwrap().0, bytes, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            String::new(),
            "change-me".to_owned(),
            hex(&sample()[..31]),
            format!("{}00", hex(&sample())),
            format!("g{}", &hex(&sample())[1..]),
            standard::STANDARD.encode(&sample()[..31]),
            standard::STANDARD.encode([&sample()[..], &[1]].concat()),
            standard::STANDARD.encode([0; 32]),
            hex(&[0x5a; 32]),
            "é".repeat(32),
            "A".repeat(100_000),
        ] {
            let shown = text.chars().take(70).collect::<String>();
            assert!(
                matches!(MasterKey::parse(&text), Err(KeyError::Refused(_))),
                "{shown}"
            );
        }
    }

    #[test]
    fn nothing_of_the_key_is_shown() {
        let key = MasterKey::parse(&hex(&sample())).unwrap();
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
    }

    #[test]
    fn a_file_is_made_once_for_its_owner_alone_and_then_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let made = MasterKey::load_or_create(&path, &SystemRandom).unwrap();
        let read = MasterKey::load_or_create(&path, &SystemRandom).unwrap();
        assert_eq!(*made.0, *read.0);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing else is left behind"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn many_at_once_make_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| *MasterKey::load_or_create(&path, &SystemRandom).unwrap().0))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_malformed_file_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        for content in [&b""[..], b"half a ke", &[0xff; 32]] {
            fs::write(&path, content).unwrap();
            let Err(KeyError::Refused(why)) = MasterKey::load_or_create(&path, &SystemRandom) else {
                panic!("{content:?} was accepted");
            };
            assert!(why.contains("master.key"), "{why}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        let missing = folder.path().join("nowhere").join("master.key");
        assert!(matches!(
            MasterKey::load_or_create(&missing, &SystemRandom),
            Err(KeyError::Unavailable(_))
        ));
    }
}
