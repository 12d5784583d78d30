//! Applications with their secrets' dates, as they are shown. What an application is follows from the domain's own
//! fold. Nothing of a secret is here, not even its digest.

use events::{
    applications::{Application, ApplicationSettings, ApplicationType, SecretState},
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    ids::{ApplicationId, CredentialId, RealmId},
    kernel::Kernel,
    subject::{Lane, Stream, Subject, SubjectKind},
    users::login_name,
};
use serde::{Deserialize, Serialize};

use crate::{
    cell::{Cell, Value, json_cells},
    history::{HistoryError, fold_until},
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::{Select, containing},
    table::{Key, Record, Table, record},
};

record! {
    /// An application.
    pub struct ApplicationRow in "applications"
    key {
        /// Whose.
        realm: RealmId,
        /// Which; sorts by registration.
        id: ApplicationId,
    }
    row {
        /// Its `client_id`.
        client_id: String,
        /// What kind it is.
        application_type: Option<ApplicationType>,
        /// What a search looks through, normalised: its name.
        search: String,
        /// What can be changed of it.
        settings: ApplicationSettings,
        /// Its secrets, oldest first.
        secrets: Vec<Secret>,
        /// Whether it is disabled.
        disabled: bool,
        /// When it was registered.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes [["realm", "client_id", "id"]]
}

/// A secret, of which only the dates are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Its id.
    pub id: CredentialId,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

json_cells!(Vec<Secret>);

impl ApplicationRow {
    fn state(self) -> Application {
        let state = |secret: Secret| SecretState {
            credential: secret.id,
            digest: None,
            secret: None,
            added: secret.created_at,
            expires: secret.expires_at,
        };
        Application {
            client_id: self.client_id,
            application_type: self.application_type,
            settings: self.settings,
            secrets: self.secrets.into_iter().map(state).collect(),
            disabled: self.disabled,
            registered: self.created_at,
            // Whether a secret may come back, and which token manages a registration, is decided by the subject, never from here.
            withdrawn: Vec::new(),
            registration_tokens: 0,
        }
    }

    fn new(realm: RealmId, id: ApplicationId, application: Application, happened: &Happened) -> Self {
        let shown = |secret: SecretState| Secret {
            id: secret.credential,
            created_at: secret.added,
            expires_at: secret.expires,
        };
        Self {
            realm,
            id,
            client_id: application.client_id,
            application_type: application.application_type,
            search: login_name(&application.settings.name),
            settings: application.settings,
            secrets: application.secrets.into_iter().map(shown).collect(),
            disabled: application.disabled,
            created_at: application.registered,
            updated_at: happened.time,
            version: happened.version,
        }
    }
}

/// The table of applications.
#[derive(Debug)]
pub struct Applications;

impl Projection for Applications {
    fn name(&self) -> &'static str {
        "applications"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![ApplicationRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        match happened.subject {
            Some(Subject {
                kind: SubjectKind::Application,
                id,
            }) => {
                vec![ApplicationRow::key(happened.stream.realm, ApplicationId(id))]
            }
            _ => Vec::new(),
        }
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let (
            Some(Subject {
                kind: SubjectKind::Application,
                id,
            }),
            Event::Applications(_),
        ) = (happened.subject, &happened.event)
        else {
            return;
        };
        let (realm, id) = (happened.stream.realm, ApplicationId(id));
        let row = rows.get::<ApplicationRow>(&ApplicationRow::key(realm, id));
        let mut application = row.map(ApplicationRow::state).unwrap_or_default();
        application.apply(happened);
        rows.put(&ApplicationRow::new(realm, id, application, happened));
    }
}

/// Which applications. What is not named does not matter.
#[derive(Clone, Debug, Default)]
pub struct ApplicationFilter {
    /// Part of its name.
    pub query: Option<String>,
    /// Its `client_id`.
    pub client_id: Option<String>,
    /// What kind it is.
    pub application_type: Option<ApplicationType>,
    /// Whether it is disabled.
    pub disabled: Option<bool>,
}

/// At most `limit` applications of a realm after an id, in the order of their registration.
pub async fn list(
    reads: &Reads,
    realm: RealmId,
    filter: &ApplicationFilter,
    after: Option<ApplicationId>,
    limit: u32,
) -> Result<Vec<ApplicationRow>, ReadError> {
    let mut select = Select::<ApplicationRow>::from().and("realm = ?", [realm.to_value()]);
    if let Some(query) = &filter.query {
        select = select.and("search LIKE ? ESCAPE '\\'", [containing(query)]);
    }
    if let Some(client_id) = &filter.client_id {
        select = select.and("client_id = ?", [Value::Text(client_id.clone())]);
    }
    if let Some(application_type) = filter.application_type {
        select = select.and("application_type = ?", [application_type.to_value()]);
    }
    if let Some(disabled) = filter.disabled {
        select = select.and("disabled = ?", [disabled.to_value()]);
    }
    reads.select(select.page("id", after.as_ref(), limit)).await
}

/// An application of a realm.
pub async fn get(
    reads: &Reads,
    realm: RealmId,
    id: ApplicationId,
) -> Result<Option<ApplicationRow>, ReadError> {
    reads.get(ApplicationRow::key(realm, id)).await
}

/// The secrets of an application, oldest first; `None` if there is no such application.
pub async fn secrets(
    reads: &Reads,
    realm: RealmId,
    id: ApplicationId,
) -> Result<Option<Vec<Secret>>, ReadError> {
    Ok(get(reads, realm, id).await?.map(|row| row.secrets))
}

/// An application as it was at a moment.
pub async fn as_of(
    kernel: &Kernel,
    realm: RealmId,
    id: ApplicationId,
    moment: Timestamp,
) -> Result<Option<ApplicationRow>, HistoryError> {
    let subjects = [Subject::application(id)];
    let mut rows = fold_until(kernel, &Applications, Stream::facts(realm), &subjects, moment).await?;
    Ok(rows.get(&ApplicationRow::key(realm, id)))
}
