//! What was asked of the server and what it answered, written down by those who asked.
//! The rule: an answer is taken at its word. What was answered with success is promised, what was refused is not done, and only
//! silence (or an answer that says so) leaves open which.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use events::{log::Position, subject::Lane};
use serde_json::Value;
use uuid::Uuid;

use crate::harness::Answer;

/// The kinds of what is asked, and for each the events that it puts into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Create a realm.
    CreateRealm,
    /// Change a realm's settings.
    ChangeSettings,
    /// Rotate a realm's signing key.
    RotateKey,
    /// Register a user without a password.
    RegisterUser,
    /// Register a user with a password.
    RegisterUserWithPassword,
    /// Change a user's profile.
    ChangeProfile,
    /// Lock, unlock, disable, enable a user.
    ChangeStatus,
    /// Set a user's password.
    SetPassword,
    /// Register an application that keeps a secret.
    RegisterApplication,
    /// Register an application that keeps none.
    RegisterPublicApplication,
    /// Change an application.
    ChangeApplication,
    /// Give an application another secret.
    AddSecret,
    /// Withdraw a secret of an application.
    RevokeSecret,
    /// Assign a role or take it back.
    ChangeRole,
    /// End all sessions of a user.
    EndSessions,
    /// End one session.
    EndSession,
    /// Send the sign-in form: a session starts, a code is issued.
    SignIn,
    /// Redeem a code.
    Redeem,
    /// Use a refresh token.
    Refresh,
    /// Give a refresh token back.
    RevokeGrant,
    /// Give an access token back.
    RevokeToken,
    /// A token for the application itself.
    OwnToken,
}

/// The names of the events of one command, in order.
pub type Names = &'static [&'static str];

impl Kind {
    /// What it puts into its stream when it is done, of which one; all of it, or nothing.
    pub fn whole(self) -> &'static [Names] {
        match self {
            Self::CreateRealm => &[&["realm.created"]],
            Self::ChangeSettings => &[&["settings.changed"]],
            Self::RotateKey => &[&["signing_key.created"]],
            Self::RegisterUser => &[&["user.registered"]],
            Self::RegisterUserWithPassword => &[&["user.registered", "password.set"]],
            Self::ChangeProfile => &[&["user.profile_changed"]],
            Self::ChangeStatus => &[
                &["user.locked"],
                &["user.unlocked"],
                &["user.disabled"],
                &["user.enabled"],
            ],
            Self::SetPassword => &[&["password.set"]],
            Self::RegisterApplication => &[&["application.registered", "application.secret_added"]],
            Self::RegisterPublicApplication => &[&["application.registered"]],
            Self::ChangeApplication => &[&["application.changed"]],
            Self::AddSecret => &[&["application.secret_added"]],
            Self::RevokeSecret => &[&["application.secret_revoked"]],
            Self::ChangeRole => &[&["role.assigned"], &["role.revoked"]],
            Self::EndSessions => &[&["user.sessions_ended"]],
            Self::EndSession => &[&["session.ended"]],
            Self::SignIn => &[&[
                "login.attempted",
                "session.started",
                "known_device.added",
                "guard.cleared",
                "code.issued",
            ]],
            Self::Redeem => &[&["grant.started", "token.issued"]],
            Self::Refresh => &[&["grant.refreshed", "token.issued"]],
            Self::RevokeGrant => &[&["grant.revoked"]],
            Self::RevokeToken => &[&["token.revoked"]],
            Self::OwnToken => &[&["token.issued"]],
        }
    }

    /// What may be left of it when nobody was told that it is done: of what takes several appends, the first.
    pub fn begun(self) -> &'static [Names] {
        match self {
            Self::SignIn => &[
                &["login.attempted"],
                &[
                    "login.attempted",
                    "session.started",
                    "known_device.added",
                    "guard.cleared",
                ],
            ],
            // Whoever comes second with a code or a refresh token ends what it started.
            Self::Redeem | Self::Refresh => &[&["grant.revoked"]],
            _ => &[],
        }
    }

    /// What a refusal of it leaves.
    pub fn refused(self) -> &'static [Names] {
        match self {
            Self::SignIn => &[&["login.attempted", "login.failed"], &["login.attempted"]],
            Self::Redeem | Self::Refresh => &[&["grant.revoked"]],
            _ => &[],
        }
    }

    /// Whether it may be answered with success though there was nothing left to do.
    pub fn may_find_nothing_to_do(self) -> bool {
        matches!(
            self,
            Self::ChangeSettings
                | Self::ChangeProfile
                | Self::ChangeStatus
                | Self::ChangeApplication
                | Self::ChangeRole
                | Self::RevokeSecret
                | Self::EndSession
                | Self::RevokeGrant
                | Self::RevokeToken
        )
    }

    /// The lane that it moves.
    pub fn lane(self) -> Lane {
        match self {
            Self::EndSession
            | Self::SignIn
            | Self::Redeem
            | Self::Refresh
            | Self::RevokeGrant
            | Self::RevokeToken
            | Self::OwnToken => Lane::Activity,
            _ => Lane::Facts,
        }
    }
}

/// What a command answered of its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What was made or changed.
    pub id: Uuid,
    /// Its version.
    pub version: u64,
    /// Where its last event is.
    pub position: Position,
    /// The names of its events.
    pub events: Vec<String>,
}

impl Told {
    /// From the body of an answer.
    fn of(body: &Value) -> Option<Self> {
        Some(Self {
            id: body["id"].as_str()?.parse().ok()?,
            version: body["version"].as_u64()?,
            position: body["position"].as_str()?.parse().ok()?,
            events: body["events"]
                .as_array()?
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
        })
    }
}

/// What became of what was asked, as far as the one who asked knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done. `told` is what the management API answers; the other endpoints do not tell of the log.
    Done {
        /// The id of the request that was answered: of a repetition, its own.
        request: Uuid,
        /// Its receipt.
        told: Option<Told>,
    },
    /// It is not done, and what was asked for will not come of this request.
    Refused {
        /// The id of the request.
        request: Uuid,
        /// The status.
        status: u16,
    },
    /// Nobody knows: there was no answer, or one of "unavailable" (which names the request).
    Doubtful {
        /// The id of the request, if there was an answer.
        request: Option<Uuid>,
    },
}

/// One line of the journal.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was asked.
    pub kind: Kind,
    /// The realm that it was asked of: its id.
    pub realm: Uuid,
    /// The identity under which it may be asked again (`Idempotency-Key`).
    pub key: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// When it was asked.
    pub asked: Instant,
    /// When the answer was there, or it was clear that none will come.
    pub answered: Instant,
}

/// What an answer says of what was asked.
pub fn outcome(answer: &Result<Answer, String>) -> Outcome {
    let Ok(answer) = answer else {
        return Outcome::Doubtful { request: None };
    };
    let request = answer.header("x-request-id").and_then(|id| id.parse().ok());
    let Some(request) = request else {
        return Outcome::Doubtful { request: None };
    };
    match answer.status {
        200..400 => {
            let body = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
            let told = Told::of(&body);
            Outcome::Done { request, told }
        }
        // "Unavailable" and "overloaded", and what the platform calls a time limit: it may have been done after all.
        503 | 408 => Outcome::Doubtful {
            request: Some(request),
        },
        status => Outcome::Refused { request, status },
    }
}

/// The journal. Cheap to clone; everybody writes into the same.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<Line>>>);

impl Journal {
    /// Writes a line.
    pub fn write(&self, line: Line) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// All that was written so far.
    pub fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
