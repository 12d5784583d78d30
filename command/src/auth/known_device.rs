//! Devices that somebody signed in on before. The rule: a known device proves nobody; it only has attempts of its own, so that its
//! user still gets in while somebody else tries passwords on the account. It is known by a cookie that a sign-in leaves, which names the
//! user and is believed only under our own MAC for this realm; it is known for a while, and until its user or an administrator revokes it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    clock::Timestamp,
    devices::Devices,
    ids::{DeviceId, RealmId, UserId},
    kernel::{Kernel, KernelError},
};
use http::HeaderValue;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{
    session_cookie::{self, Name},
    visit::Visit,
};

/// For how many seconds after the last sign-in a device is known: half a year.
const KNOWN_SECONDS: u64 = 180 * 86_400;
/// How many people one browser is known to: the last ones.
const MOST: usize = 5;

/// What the cookie says of one user: `user.device.since.tag`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    user: UserId,
    device: DeviceId,
    since: Timestamp,
    tag: Vec<u8>,
}

impl Entry {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '.');
        let mut next = || parts.next();
        Some(Self {
            user: UserId(Uuid::try_parse(next()?).ok()?),
            device: DeviceId(Uuid::try_parse(next()?).ok()?),
            since: Timestamp::from_seconds(next()?.parse().ok()?),
            tag: URL_SAFE_NO_PAD.decode(next()?).ok()?,
        })
    }

    fn write(&self) -> String {
        let (user, device) = (self.user.0.simple(), self.device.0.simple());
        let (since, tag) = (self.since.seconds(), URL_SAFE_NO_PAD.encode(&self.tag));
        format!("{user}.{device}.{since}.{tag}")
    }

    async fn mac(&self, kernel: &Kernel, realm: RealmId) -> Result<[u8; 32], KernelError> {
        let since = self.since.seconds().to_be_bytes();
        let parts: [&[u8]; 3] = [self.user.0.as_bytes(), self.device.0.as_bytes(), &since];
        Ok(kernel.keyring().digest(realm, "known devices", &parts).await?)
    }

    /// Whether we gave it, and not too long ago.
    async fn is_good(&self, kernel: &Kernel, realm: RealmId) -> Result<bool, KernelError> {
        let expected = self.mac(kernel, realm).await?;
        let ours = bool::from(expected[..].ct_eq(&self.tag[..]));
        Ok(ours && kernel.now() < self.since.after_seconds(KNOWN_SECONDS))
    }
}

fn entries(visit: &Visit) -> Vec<Entry> {
    let name = session_cookie::name(Name::Device, visit.realm.id, visit.edge.is_loopback_http());
    let value = session_cookie::value(&visit.headers, &name).unwrap_or_default();
    value.split('~').take(MOST).filter_map(Entry::read).collect()
}

/// The device that the request came from, if this user signed in on it before.
pub async fn of(visit: &Visit, user: UserId) -> Result<Option<DeviceId>, KernelError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let entry = entries(visit).into_iter().find(|entry| entry.user == user);
    match entry {
        Some(entry) if entry.is_good(kernel, realm).await? => {
            let devices = kernel.current::<Devices>(realm, user.0).await?.state;
            Ok((!devices.revoked.contains(&entry.device)).then_some(entry.device))
        }
        Some(_) | None => Ok(None),
    }
}

/// `Set-Cookie` after a sign-in: from now on the device is known to this user, too.
pub async fn remember(visit: &Visit, user: UserId, device: DeviceId) -> Result<HeaderValue, KernelError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let mut entry = Entry {
        user,
        device,
        since: kernel.now(),
        tag: Vec::new(),
    };
    entry.tag = entry.mac(kernel, realm).await?.to_vec();
    let others = entries(visit).into_iter().filter(|other| other.user != user);
    let kept: Vec<String> = [entry]
        .into_iter()
        .chain(others)
        .take(MOST)
        .map(|entry| entry.write())
        .collect();
    let loopback = visit.edge.is_loopback_http();
    let name = session_cookie::name(Name::Device, realm, loopback);
    session_cookie::header_value(&format!(
        "{name}={}; Max-Age={KNOWN_SECONDS}{}",
        kept.join("~"),
        session_cookie::attributes(loopback)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written_and_nothing_else_is() {
        let entry = Entry {
            user: UserId(Uuid::from_u128(1)),
            device: DeviceId(Uuid::from_u128(2)),
            since: Timestamp::from_seconds(3),
            tag: vec![4; 32],
        };
        let text = entry.write();
        assert_eq!(Entry::read(&text), Some(entry));
        for wrong in [
            "",
            "a.b.c.d",
            &text[1..],
            &text.replace('.', "-"),
            &format!("{text}.x"),
        ] {
            assert_eq!(Entry::read(wrong), None, "{wrong}");
        }
    }
}
