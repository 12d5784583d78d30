//! The reactor that tells applications of the end of a session (OpenID Connect Back-Channel Logout 1.0, section 2.5). The rules: whatever
//! ends a session is told, be it an event of the session or a fact of its user that ends all of theirs at once; an application that does
//! not answer keeps no other waiting, and is told again for a day; what became of it is in the log.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use events::{
    applications::Application,
    auth::{AuthEvent, Session},
    envelope::Actor,
    event::{Event, Happened},
    ids::{ApplicationId, SessionId, UserId},
    kernel::KernelError,
    subject::{Lane, SubjectKind},
    users::UserEvent,
};
use http::{HeaderMap, StatusCode};
use outbound::OutboundError;
use reactors::{A_DAY, Job, Outcome, Reactor, Task, Terms};
use serde_json::json;
use web::Edge;

use super::back_channel::{self, Ended, NotMade};

/// The name of the reactor.
const NAME: &str = "back-channel-logout";

/// Which sessions a fact of their user ended: no subject of the log knows, the read models do.
#[async_trait]
pub trait EndedSessions: Send + Sync {
    /// The sessions of a user that this fact ended, or whose grants it did.
    async fn ended_by(&self, fact: &Happened, user: UserId) -> Result<Vec<SessionId>, KernelError>;
}

/// Tells applications of the end of sessions.
pub struct BackChannelLogout {
    edge: Edge,
    ended: Arc<dyn EndedSessions>,
}

/// Why an application was not told.
enum Untold {
    /// It may be later.
    Yet(String, Option<Duration>),
    /// It never will be.
    Ever(String),
}

impl From<OutboundError> for Untold {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Url(_) | OutboundError::NotHttps | OutboundError::Refused => {
                Self::Ever(error.to_string())
            }
            OutboundError::Unreachable
            | OutboundError::TimedOut
            | OutboundError::Tls(_)
            | OutboundError::Redirect
            | OutboundError::Status(_)
            | OutboundError::TooLarge
            | OutboundError::Compressed
            | OutboundError::Broken => Self::Yet(error.to_string(), None),
        }
    }
}

impl From<KernelError> for Untold {
    fn from(error: KernelError) -> Self {
        tracing::warn!(%error, "an application cannot be told of the end of a session now");
        Self::Yet("the platform was in trouble".to_owned(), None)
    }
}

impl From<NotMade> for Untold {
    fn from(error: NotMade) -> Self {
        match error {
            NotMade::Kernel(error) => error.into(),
            NotMade::Weak | NotMade::Unencrypted(_) => Self::Yet(error.to_string(), None),
            NotMade::Key(_) | NotMade::Unsigned(_) => {
                tracing::error!(%error, "a logout token could not be made");
                Self::Yet("the token could not be made".to_owned(), None)
            }
        }
    }
}

impl BackChannelLogout {
    /// On this edge.
    pub fn new(edge: Edge, ended: Arc<dyn EndedSessions>) -> Self {
        Self { edge, ended }
    }

    /// The sessions that an event ended.
    async fn ended_by(&self, happened: &Happened) -> Result<Vec<SessionId>, KernelError> {
        let Some(subject) = happened.subject else {
            return Ok(Vec::new());
        };
        match (&happened.event, subject.kind) {
            (Event::Auth(AuthEvent::SessionEnded { .. }), SubjectKind::Session) => {
                Ok(vec![SessionId(subject.id)])
            }
            (
                Event::Users(
                    UserEvent::SessionsEnded { .. }
                    | UserEvent::PasswordSet { .. }
                    | UserEvent::Disabled { .. },
                ),
                SubjectKind::User | SubjectKind::Password,
            ) => self.ended.ended_by(happened, UserId(subject.id)).await,
            _ => Ok(Vec::new()),
        }
    }

    /// What a job is about. `None`: it was written by another version of this program.
    fn read(task: &Task) -> Option<(ApplicationId, SessionId)> {
        let session = task.payload["session"].as_str()?;
        Some((task.target.parse().ok()?, session.parse().ok()?))
    }

    /// Tells it. `false`: it does not want to know, or there is nobody any more to tell it of.
    async fn tell(&self, task: &Task, client: ApplicationId, session: SessionId) -> Result<bool, Untold> {
        let (kernel, realm) = (self.edge.kernel(), task.event.stream.realm);
        let application = kernel.current::<Application>(realm, client.0).await?.state;
        let user = kernel.current::<Session>(realm, session.0).await?.state.user;
        let realm = self.edge.realm(&realm.to_string()).await?;
        let (Some(address), Some(user), Some(realm)) = (back_channel::address(&application), user, realm)
        else {
            return Ok(false);
        };
        let ended = Ended {
            application: client,
            session,
            user,
            event: task.event.id,
        };
        let token = back_channel::token(&self.edge, &realm, &application, &ended).await?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("logout_token", &token)
            .finish();
        let form_type = "application/x-www-form-urlencoded";
        let answered = self
            .edge
            .outbound()
            .post(&address, form_type, form.into_bytes(), HeaderMap::new())
            .await?;
        match answered.status {
            // Section 2.8 wants 200; some frameworks answer 204 to what has no body.
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(true),
            status => Err(Untold::Yet(
                format!("the answer has status {}", status.as_u16()),
                answered.retry_after,
            )),
        }
    }

    async fn record(&self, task: &Task, session: SessionId, event: AuthEvent) -> Result<(), KernelError> {
        let kernel = self.edge.kernel();
        let mut context = kernel.context(Actor {
            session: Some(session),
            ..Actor::component(NAME)
        });
        context.cause = Some(task.event.id);
        let recorded = kernel
            .record(task.event.stream.realm, &context, vec![event.into()])
            .await;
        recorded.map(drop)
    }
}

#[async_trait]
impl Reactor for BackChannelLogout {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lanes(&self) -> &'static [Lane] {
        &Lane::ALL
    }

    async fn react(&self, happened: &Happened) -> Result<Vec<Job>, KernelError> {
        let (kernel, realm) = (self.edge.kernel(), happened.stream.realm);
        let mut jobs = Vec::new();
        for session in self.ended_by(happened).await? {
            let state = kernel.latest::<Session>(realm, session.0).await?.state;
            for client in back_channel::receivers(kernel, realm, &state).await? {
                jobs.push(Job {
                    target: client.to_string(),
                    ordering: session.to_string(),
                    about: None,
                    payload: json!({ "session": session }),
                });
            }
        }
        Ok(jobs)
    }

    async fn perform(&self, task: &Task) -> Outcome {
        let Some((client, session)) = Self::read(task) else {
            return Outcome::dead("the job is not understood");
        };
        let attempt = task.attempt;
        let failed = |reason: &str, given_up| AuthEvent::LogoutTokenFailed {
            session,
            client,
            attempt,
            reason: reason.to_owned(),
            given_up,
        };
        let (event, outcome) = match self.tell(task, client, session).await {
            Ok(false) => return Outcome::Done,
            Ok(true) => (
                AuthEvent::LogoutTokenDelivered {
                    session,
                    client,
                    attempt,
                },
                Outcome::Done,
            ),
            Err(Untold::Ever(reason)) => (failed(&reason, true), Outcome::dead(reason)),
            Err(Untold::Yet(reason, after)) => {
                (failed(&reason, task.is_last), Outcome::Retry { after, reason })
            }
        };
        if let Err(error) = self.record(task, session, event).await {
            tracing::warn!(%error, %client, %session, "what became of a logout token could not be recorded");
        }
        outcome
    }

    fn terms(&self) -> Terms {
        Terms {
            at_once: 4,
            patience: Duration::from_secs(20),
            schedule: A_DAY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_never_be_reached_is_given_up_and_the_rest_is_tried_again() {
        for error in [
            OutboundError::Refused,
            OutboundError::NotHttps,
            OutboundError::Url("names a user"),
        ] {
            assert!(matches!(Untold::from(error), Untold::Ever(_)));
        }
        for error in [OutboundError::TimedOut, OutboundError::Redirect] {
            assert!(matches!(Untold::from(error), Untold::Yet(_, None)));
        }
    }

    #[test]
    fn it_is_tried_for_about_a_day() {
        let all: Duration = A_DAY.iter().sum();
        assert!(all > Duration::from_hours(22) && all < Duration::from_hours(26));
    }
}
