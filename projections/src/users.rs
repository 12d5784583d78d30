//! Users, as they are shown and searched. What a user is follows from the domain's own fold; beside it stand the
//! columns that searching compares, normalised like login names. An erased profile leaves nothing of itself.

use events::{
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    ids::{RealmId, UserId},
    kernel::Kernel,
    subject::{Lane, Stream, Subject, SubjectKind},
    users::{Lock, Profile, User, UserEvent, login_name},
};

use crate::{
    cell::{Cell, Value},
    history::{HistoryError, fold_until},
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::{Select, containing},
    table::{Key, Record, Table, record},
};

record! {
    /// A user.
    pub struct UserRow in "users"
    key {
        /// Whose.
        realm: RealmId,
        /// Which; sorts by registration.
        id: UserId,
    }
    row {
        /// What is known of the person; nothing once erased.
        profile: Option<Profile>,
        /// The user name, normalised.
        username: Option<String>,
        /// The e-mail address, normalised.
        email: Option<String>,
        /// What a search looks through, normalised: user name, e-mail address, names, phone number, one a line.
        search: Option<String>,
        /// Whether the profile's key was destroyed.
        erased: bool,
        /// Whether they are disabled.
        disabled: bool,
        /// Whether they were locked; a lock may have ended since.
        locked: bool,
        /// Until when they are locked; without it, until unlocked.
        locked_until: Option<Timestamp>,
        /// Whether they have a password.
        has_password: bool,
        /// When they were registered.
        created_at: Timestamp,
        /// When the profile or the status last changed.
        updated_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    // Ending in the order of the lists: an engine that has counted nothing would rather walk a whole realm than sort.
    indexes [["realm", "username", "id"], ["realm", "email", "id"]]
}

/// Whether a user may be signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// Yes.
    Active,
    /// No, and no session or token of theirs is good.
    Disabled,
    /// Not now, though sessions that stand go on.
    Locked,
    /// No more, and nothing is known of them.
    Erased,
}

impl UserStatus {
    /// The name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            UserStatus::Active => "active",
            UserStatus::Disabled => "disabled",
            UserStatus::Locked => "locked",
            UserStatus::Erased => "erased",
        }
    }
}

impl std::str::FromStr for UserStatus {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [
            UserStatus::Active,
            UserStatus::Disabled,
            UserStatus::Locked,
            UserStatus::Erased,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or(())
    }
}

impl UserRow {
    /// The status at a moment: a lock may have run out.
    pub fn status(&self, now: Timestamp) -> UserStatus {
        if self.erased {
            UserStatus::Erased
        } else if self.disabled {
            UserStatus::Disabled
        } else if self.locked && self.locked_until.is_none_or(|until| until > now) {
            UserStatus::Locked
        } else {
            UserStatus::Active
        }
    }

    fn state(&self) -> User {
        User {
            exists: true,
            profile: self.profile.clone().unwrap_or_default(),
            erased: self.erased,
            disabled: self.disabled,
            locked: self.locked.then_some(Lock {
                until: self.locked_until,
            }),
            registered: self.created_at,
            // Told to sessions by `auth::Endings`; a row of a user says nothing of it.
            sessions_ended: 0,
        }
    }

    fn new(realm: RealmId, id: UserId, user: User, has_password: bool, happened: &Happened) -> Self {
        let profile = (!user.erased).then_some(user.profile);
        let normal = |name: fn(&Profile) -> &Option<String>| {
            profile
                .as_ref()
                .and_then(|profile| name(profile).as_deref())
                .map(login_name)
        };
        Self {
            realm,
            id,
            username: normal(|profile| &profile.username),
            email: normal(|profile| &profile.email),
            search: profile.as_ref().map(searched),
            profile,
            erased: user.erased,
            disabled: user.disabled,
            locked: user.locked.is_some(),
            locked_until: user.locked.and_then(|lock| lock.until),
            has_password,
            created_at: user.registered,
            updated_at: happened.time,
            version: happened.version,
        }
    }
}

fn searched(profile: &Profile) -> String {
    let parts = [&profile.username, &profile.email, &profile.name, &profile.phone]
        .into_iter()
        .flatten();
    let names = [&profile.given_name, &profile.family_name]
        .into_iter()
        .flatten()
        .cloned()
        .collect::<Vec<_>>();
    let lines: Vec<_> = parts
        .cloned()
        .chain(std::iter::once(names.join(" ")))
        .map(|part| login_name(&part))
        .collect();
    lines.join("\n").trim_end().to_owned()
}

/// The table of users.
#[derive(Debug)]
pub struct Users;

impl Projection for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![UserRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        match happened.subject {
            Some(Subject {
                kind: SubjectKind::User | SubjectKind::Password,
                id,
            }) => {
                vec![UserRow::key(happened.stream.realm, UserId(id))]
            }
            _ => Vec::new(),
        }
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let Some(Subject { kind, id }) = happened.subject else {
            return;
        };
        let (realm, id) = (happened.stream.realm, UserId(id));
        let key = UserRow::key(realm, id);
        match (kind, &happened.event) {
            (SubjectKind::User, Event::Users(_)) => {
                let row = rows.get::<UserRow>(&key);
                let has_password = row.as_ref().is_some_and(|row| row.has_password);
                let mut user = row.map(|row| row.state()).unwrap_or_default();
                user.apply(happened);
                rows.put(&UserRow::new(realm, id, user, has_password, happened));
            }
            (SubjectKind::Password, Event::Users(UserEvent::PasswordSet { .. })) => {
                rows.update(&key, |row: &mut UserRow| row.has_password = true);
            }
            _ => {}
        }
    }
}

/// Which users. What is not named does not matter.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Part of a user name, an e-mail address, a name or a phone number.
    pub query: Option<String>,
    /// The whole user name.
    pub username: Option<String>,
    /// The whole e-mail address.
    pub email: Option<String>,
    /// The status, and the moment at which they have it.
    pub status: Option<(UserStatus, Timestamp)>,
}

/// At most `limit` users of a realm after an id, in the order of their registration.
pub async fn search(
    reads: &Reads,
    realm: RealmId,
    filter: &UserFilter,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserRow>, ReadError> {
    let mut select = Select::<UserRow>::from().and("realm = ?", [realm.to_value()]);
    if let Some(username) = &filter.username {
        select = select.and("username = ?", [Value::Text(login_name(username))]);
    }
    if let Some(email) = &filter.email {
        select = select.and("email = ?", [Value::Text(login_name(email))]);
    }
    if let Some(query) = &filter.query {
        select = select.and("search LIKE ? ESCAPE '\\'", [containing(query)]);
    }
    if let Some((status, now)) = filter.status {
        let now = now.to_value();
        select = match status {
            UserStatus::Erased => select.and("erased = 1", []),
            UserStatus::Disabled => select.and("erased = 0 AND disabled = 1", []),
            UserStatus::Locked => select.and(
                "erased = 0 AND disabled = 0 AND locked = 1 AND (locked_until IS NULL OR locked_until > ?)",
                [now],
            ),
            UserStatus::Active => select.and(
                "erased = 0 AND disabled = 0 AND (locked = 0 OR locked_until <= ?)",
                [now],
            ),
        };
    }
    if let Some(after) = after {
        select = select.and("id > ?", [after.to_value()]);
    }
    reads.select(select.order("id").limit(limit)).await
}

/// A user of a realm.
pub async fn get(reads: &Reads, realm: RealmId, id: UserId) -> Result<Option<UserRow>, ReadError> {
    reads.get(UserRow::key(realm, id)).await
}

/// A user as they were at a moment; what was erased since is not told.
pub async fn as_of(
    kernel: &Kernel,
    realm: RealmId,
    id: UserId,
    moment: Timestamp,
) -> Result<Option<UserRow>, HistoryError> {
    let subjects = [Subject::user(id), Subject::password(id)];
    let mut rows = fold_until(kernel, &Users, Stream::facts(realm), &subjects, moment).await?;
    Ok(rows.get(&UserRow::key(realm, id)))
}
