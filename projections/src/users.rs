//! Users, as they are shown and searched. What a user is follows from the domain's own fold; beside it stand the
//! words that a search finds them by, normalised like login names. An erased profile leaves nothing of itself.
//!
//! The rule of a search: the rarest term leads through the index of words, the others are compared; no page looks at more
//! than a fixed number of words, however many there are that begin with the term.

use std::collections::{BTreeSet, HashMap};

use events::{
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    ids::{RealmId, UserId},
    kernel::Kernel,
    subject::{Lane, Stream, Subject, SubjectKind},
    users::{Endings, Lock, Profile, User, UserEvent, login_name},
};

use serde::{Deserialize, Serialize};

use crate::{
    cell::{Cell, Value},
    history::{HistoryError, fold_until},
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::{Select, with_a_line},
    table::{Key, Record, Row, Table, record},
    words,
};

/// Most words that are looked at for one page.
const MOST_WORDS: usize = 2_000;
/// How many words are looked at at once, where as many as fit on a page did not fill it.
const PORTION: u32 = 500;
/// How many words are looked at to learn which term is rare.
const PROBE: u32 = 250;
/// How many terms are probed, the longest first.
const PROBED: usize = 8;

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
        /// The words that a search finds them by, each after the end of a line.
        words: Option<String>,
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
    derived UserRow::derived
}

record! {
    /// A word that a user is found by.
    struct WordRow in "user_words"
    key {
        /// Whose.
        realm: RealmId,
        /// The word.
        word: String,
        /// The user.
        user_id: UserId,
    }
    row {}
    indexes []
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
            address: None,
            number: None,
            // Told to sessions by `auth::Endings`; a row of a user says nothing of it.
            sessions_ended: Endings::default(),
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
            words: profile.as_ref().map(|profile| {
                let words = words::words_of(profile);
                words.iter().flat_map(|word| ["\n", word]).collect()
            }),
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

    /// The rows of the user's words.
    fn derived(row: &Row) -> Vec<Key> {
        let words = Self::table()
            .columns
            .iter()
            .position(|column| column.name == "words");
        let (realm, id) = (&row[0], &row[1]);
        match words.map(|index| &row[index]) {
            Some(Value::Text(words)) => lines(words)
                .map(|word| Key {
                    table: WordRow::table(),
                    values: vec![realm.clone(), Value::Text(word.to_owned()), id.clone()],
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The first of the user's words that begins so.
    fn first_word(&self, beginning: &str) -> Option<&str> {
        lines(self.words.as_deref()?).find(|word| word.starts_with(beginning))
    }
}

/// The words of a user, in order.
fn lines(words: &str) -> impl Iterator<Item = &str> {
    words.split('\n').skip(1)
}

/// The tables of users and their words.
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
        vec![UserRow::table(), WordRow::table()]
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
    /// Terms, each of which is the beginning of one of the user's words (`words_of`).
    pub query: Option<String>,
    /// The whole user name.
    pub username: Option<String>,
    /// The whole e-mail address.
    pub email: Option<String>,
    /// The status, and the moment at which they have it.
    pub status: Option<(UserStatus, Timestamp)>,
}

/// Where a list of users goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum After {
    /// Behind this user, in the order of their registration.
    User(UserId),
    /// Behind this word of this user, in the order of the words that begin with a term of the query.
    Word {
        /// Which term leads.
        term: usize,
        /// The last word that was looked at.
        word: String,
        /// Whose it was.
        user: UserId,
    },
}

/// A page of users.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// At most as many as were asked for. Of a search there may be fewer, though it goes on.
    pub users: Vec<UserRow>,
    /// Where the next page starts, if there may be one.
    pub next: Option<After>,
}

/// At most `limit` users of a realm after a place: of a query, in the order of the words that it finds them by, else in the
/// order of their registration.
pub async fn search(
    reads: &Reads,
    realm: RealmId,
    filter: &UserFilter,
    after: Option<After>,
    limit: u32,
) -> Result<Found, ReadError> {
    let terms = filter.query.as_deref().map(words::terms_of);
    match (terms, after) {
        (Some(terms), _) if terms.is_empty() => Ok(Found::default()),
        // Who has a whole name is found by that; there is one.
        (Some(terms), after) if filter.username.is_none() && filter.email.is_none() => {
            by_words(reads, realm, filter, &terms, after, limit).await
        }
        (terms, after) => by_order(reads, realm, filter, &terms.unwrap_or_default(), after, limit).await,
    }
}

async fn by_order(
    reads: &Reads,
    realm: RealmId,
    filter: &UserFilter,
    terms: &[String],
    after: Option<After>,
    limit: u32,
) -> Result<Found, ReadError> {
    let mut select = Select::<UserRow>::from().and("realm = ?", [realm.to_value()]);
    if let Some(username) = &filter.username {
        select = select.and("username = ?", [Value::Text(login_name(username))]);
    }
    if let Some(email) = &filter.email {
        select = select.and("email = ?", [Value::Text(login_name(email))]);
    }
    for term in terms {
        select = select.and("words LIKE ? ESCAPE '\\'", [with_a_line(term)]);
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
    match after {
        Some(After::User(user)) => select = select.and("id > ?", [user.to_value()]),
        Some(After::Word { .. }) => return Ok(Found::default()),
        None => {}
    }
    let one_more = limit.saturating_add(1);
    let mut users = reads.select(select.order("id").limit(one_more)).await?;
    let is_more = users.len() > limit as usize;
    users.truncate(limit as usize);
    let last = users.last().filter(|_| is_more);
    let next = last.map(|user| After::User(user.id));
    Ok(Found { users, next })
}

async fn by_words(
    reads: &Reads,
    realm: RealmId,
    filter: &UserFilter,
    terms: &[String],
    after: Option<After>,
    limit: u32,
) -> Result<Found, ReadError> {
    let (leading, mut place) = match after {
        None => (rarest(reads, realm, terms).await?, None),
        Some(After::Word { term, word, user }) => (term, Some((word, user))),
        Some(After::User(_)) => return Ok(Found::default()),
    };
    let Some(term) = terms.get(leading) else {
        return Ok(Found::default());
    };
    let is_asked_for = |user: &UserRow| {
        let of_status = filter
            .status
            .is_none_or(|(status, now)| user.status(now) == status);
        of_status && terms.iter().all(|term| user.first_word(term).is_some())
    };
    let goes_on = |place: Option<(String, UserId)>| {
        place.map(|(word, user)| After::Word {
            term: leading,
            word,
            user,
        })
    };
    let mut users = Vec::new();
    let (mut looked_at, mut portion) = (0, limit.saturating_add(1));
    while looked_at < MOST_WORDS {
        let found = words_in(reads, realm, term, place.as_ref(), portion).await?;
        looked_at += found.len();
        let is_last = found.len() < portion as usize;
        let keys: BTreeSet<_> = found
            .iter()
            .map(|found| UserRow::key(realm, found.user_id))
            .collect();
        let rows = reads.find::<UserRow>(&keys).await?;
        let rows: HashMap<_, _> = rows.iter().map(|row| (row.id, row)).collect();
        for WordRow { word, user_id, .. } in found {
            // Who has several words that begin so stands where the first one does.
            let is_first = |row: &&&UserRow| row.first_word(term) == Some(&word);
            let user = rows
                .get(&user_id)
                .filter(is_first)
                .filter(|row| is_asked_for(row));
            if let Some(user) = user {
                if users.len() == limit as usize {
                    return Ok(Found {
                        users,
                        next: goes_on(place),
                    });
                }
                users.push(UserRow::clone(user));
            }
            place = Some((word, user_id));
        }
        if is_last {
            return Ok(Found { users, next: None });
        }
        portion = portion.max(PORTION);
    }
    Ok(Found {
        users,
        next: goes_on(place),
    })
}

/// The index of the term with which the fewest words begin, as far as a few tell; the longest of those that seem alike.
async fn rarest(reads: &Reads, realm: RealmId, terms: &[String]) -> Result<usize, ReadError> {
    let mut longest_first: Vec<_> = (0..terms.len()).collect();
    longest_first.sort_by_key(|&index| std::cmp::Reverse(terms[index].chars().count()));
    let mut rarest = (usize::MAX, 0);
    for index in longest_first.into_iter().take(PROBED) {
        let count = match terms.len() {
            1 => 0,
            _ => words_in(reads, realm, &terms[index], None, PROBE).await?.len(),
        };
        rarest = rarest.min((count, index));
        if count < PROBE as usize {
            break;
        }
    }
    Ok(rarest.1)
}

/// Words that begin with a term, in order, after one.
async fn words_in(
    reads: &Reads,
    realm: RealmId,
    term: &str,
    after: Option<&(String, UserId)>,
    limit: u32,
) -> Result<Vec<WordRow>, ReadError> {
    let text = |text: &str| Value::Text(text.to_owned());
    let mut select = Select::<WordRow>::from().and("realm = ?", [realm.to_value()]);
    select = match after {
        None => select.and("word >= ?", [text(term)]),
        Some((word, user)) => select.and("(word, user_id) > (?, ?)", [text(word), user.to_value()]),
    };
    if let Some(end) = words::behind(term) {
        select = select.and("word < ?", [text(&end)]);
    }
    reads.select(select.order("word, user_id").limit(limit)).await
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
