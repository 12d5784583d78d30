//! The devices that people sign in on, as they are shown. Whether one is trusted, or revoked, is never decided from here: that is asked of the
//! subject.

use events::{
    clock::Timestamp,
    devices::DeviceEvent,
    event::{Event, Happened},
    ids::{DeviceId, RealmId, UserId},
    sealing::Sealed,
    subject::Lane,
};

use crate::{
    cell::Cell,
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::Select,
    table::{Key, Record, Table, record},
};

record! {
    /// A device of a user; gone when it is revoked.
    pub struct DeviceRow in "known_devices"
    key {
        /// Whose realm.
        realm: RealmId,
        /// Whose.
        user_id: UserId,
        /// Which; sorts by when it was first seen.
        id: DeviceId,
    }
    row {
        /// What its user calls it; `None` where they do not, or once erased.
        name: Option<String>,
        /// Its browser and system, in words; `None` once erased.
        agent: Option<String>,
        /// When its user first signed in on it.
        first_at: Timestamp,
        /// When they last did.
        last_at: Timestamp,
        /// Until when no second factor is asked for on it, unless all sessions were ended since that was said.
        trusted_until: Option<Timestamp>,
        /// The version of the subject of all of their devices.
        version: u64,
    }
    indexes []
}

/// The table of devices.
#[derive(Debug)]
pub struct Devices;

/// Whose device it is about, and which.
const fn about(event: &DeviceEvent) -> (UserId, DeviceId) {
    match event {
        DeviceEvent::Added { user, device, .. }
        | DeviceEvent::Seen { user, device, .. }
        | DeviceEvent::Named { user, device, .. }
        | DeviceEvent::Trusted { user, device, .. }
        | DeviceEvent::TrustEnded { user, device }
        | DeviceEvent::Revoked { user, device } => (*user, *device),
    }
}

fn key(happened: &Happened) -> Option<Key> {
    let Event::Devices(event) = &happened.event else {
        return None;
    };
    let (user, device) = about(event);
    Some(DeviceRow::key(happened.stream.realm, user, device))
}

impl Projection for Devices {
    fn name(&self) -> &'static str {
        "devices"
    }

    fn lane(&self) -> Lane {
        Lane::Activity
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![DeviceRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        key(happened).into_iter().collect()
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let (Event::Devices(event), Some(key)) = (&happened.event, key(happened)) else {
            return;
        };
        let (user_id, id) = about(event);
        let change = |rows: &mut Rows, change: &dyn Fn(&mut DeviceRow)| {
            rows.update(&key, |row: &mut DeviceRow| {
                row.version = happened.version;
                change(row);
            });
        };
        match event {
            DeviceEvent::Added { agent, .. } => rows.put(&DeviceRow {
                realm: happened.stream.realm,
                user_id,
                id,
                name: None,
                agent: agent.known().cloned(),
                first_at: happened.time,
                last_at: happened.time,
                trusted_until: None,
                version: happened.version,
            }),
            DeviceEvent::Seen { agent, .. } => change(rows, &|row| {
                row.agent = agent.known().cloned();
                row.last_at = happened.time;
            }),
            DeviceEvent::Named { name, .. } => change(rows, &|row| row.name = known(name)),
            DeviceEvent::Trusted { until, .. } => change(rows, &|row| row.trusted_until = Some(*until)),
            DeviceEvent::TrustEnded { .. } => change(rows, &|row| row.trusted_until = None),
            DeviceEvent::Revoked { .. } => rows.remove(&key),
        }
    }
}

fn known(name: &Sealed<String>) -> Option<String> {
    name.known().cloned()
}

/// At most `limit` devices of a user after one of them, in the order in which they were first seen.
pub async fn of_user(
    reads: &Reads,
    realm: RealmId,
    user: UserId,
    after: Option<DeviceId>,
    limit: u32,
) -> Result<Vec<DeviceRow>, ReadError> {
    let select = Select::<DeviceRow>::from()
        .and("realm = ?", [realm.to_value()])
        .and("user_id = ?", [user.to_value()]);
    reads.select(select.page("id", after.as_ref(), limit)).await
}
