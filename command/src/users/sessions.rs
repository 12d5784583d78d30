//! Ending sessions from outside. The rule: all sessions of a user end by one event that every judge of a session asks for
//! ([`Session::outlived_by`](events::auth::Session::outlived_by)), and not by a list of sessions that could miss one.

use axum::extract::State;
use events::{
    auth::{EndReason, Session},
    ids::{RealmId, SessionId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    realms::Settings,
    subject::{Stream, Subject},
    users::{Password, User, UserEvent, last_ending_of},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::Rejection;
use crate::{At, Commands, auth::sessions::EndSession};

/// Ends all sessions that a user has.
#[derive(Clone, Copy, Debug)]
pub struct EndSessions {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
}

#[async_trait::async_trait]
impl Decide for EndSessions {
    type State = User;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<User, KernelError> {
        Ok(reader.subject::<User>(self.user.0).await?.state)
    }

    fn decide(&self, user: &User, _: &Context) -> Result<Decision, Rejection> {
        if !user.exists {
            return Err(Rejection::NotFound);
        }
        Ok(Decision::of(
            Subject::user(self.user),
            UserEvent::SessionsEnded { keeps: None },
        ))
    }
}

/// Ends all sessions that a user has but one: by themselves, in that one.
#[derive(Clone, Copy, Debug)]
pub struct EndOtherSessions {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// The one that goes on; it must stand.
    pub session: SessionId,
}

/// What [`EndOtherSessions`] must know.
#[derive(Clone, Debug, Default)]
pub struct Others {
    user: User,
    password: Password,
    session: Session,
    settings: Settings,
}

#[async_trait::async_trait]
impl Decide for EndOtherSessions {
    type State = Others;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Others, KernelError> {
        Ok(Others {
            user: reader.subject::<User>(self.user.0).await?.state,
            password: reader.subject::<Password>(self.user.0).await?.state,
            session: reader.beside::<Session>(self.realm, self.session.0).await?.state,
            settings: reader.beside::<Settings>(self.realm, self.realm.0).await?.state,
        })
    }

    fn decide(&self, state: &Others, context: &Context) -> Result<Decision, Rejection> {
        let Others {
            user,
            password,
            session,
            settings,
        } = state;
        let stands = session.user == Some(self.user)
            && session.is_alive(context.now, settings.session.idle_seconds)
            && !session.outlived_by(last_ending_of(user, password, self.session));
        if !user.is_active() || !stands {
            return Err(Rejection::NotFound);
        }
        let keeps = Some(self.session);
        Ok(Decision::of(
            Subject::user(self.user),
            UserEvent::SessionsEnded { keeps },
        ))
    }
}

/// End all sessions of a user.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/sessions", tag = "sessions", operation_id = "end_sessions",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    extensions(("x-events" = json!(["user.sessions_ended"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn end_all(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::SessionsEnd, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    let Command { realm, context, .. } = command;
    let command = EndSessions {
        realm: realm.id,
        user,
    };
    commands.change(&context, &command).await
}

/// End a session.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/sessions/{id}", tag = "sessions", operation_id = "end_session",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The session's id"),
    ),
    extensions(("x-events" = json!(["session.ended"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn end(
    State(commands): State<Commands>,
    at: At<(String, SessionId)>,
    command: Command<actions::SessionsEnd, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, session)) = at?;
    let Command { realm, context, .. } = command;
    let command = EndSession {
        realm: realm.id,
        session,
        reason: EndReason::Administrator,
    };
    commands.change(&context, &command).await
}

#[cfg(test)]
mod tests {
    use events::{
        auth::AuthEvent,
        event::Event,
        testing::{NOW, context, given},
        users::{Profile, last_ending},
    };
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));
    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const SESSION: SessionId = SessionId(Uuid::from_u128(13));

    fn started() -> Event {
        AuthEvent::SessionStarted {
            user: ALICE,
            client: None,
            amr: vec!["pwd".into()],
            expires: NOW.after_seconds(60),
            last_ending: 0,
            proofs: Vec::new(),
        }
        .into()
    }

    #[test]
    fn all_sessions_of_a_user_that_began_before_are_outlived() {
        let registered = || {
            UserEvent::Registered {
                profile: Profile::default().into(),
            }
            .into()
        };
        let end = |user: &User| {
            EndSessions {
                realm: ACME,
                user: ALICE,
            }
            .decide(user, &context())
        };
        assert_eq!(end(&User::default()), Err(Rejection::NotFound));
        let decision = end(&given::<User>(ALICE.0, [registered()]).state).unwrap();
        let user = given::<User>(ALICE.0, [registered(), decision.events[0].1.clone()]).state;
        let before = given::<Session>(SESSION.0, [started()]).state;
        let after = Session {
            last_ending: last_ending(&user, &Password::default()),
            ..before.clone()
        };
        assert!(before.outlived_by(last_ending(&user, &Password::default())));
        assert!(!after.outlived_by(last_ending(&user, &Password::default())));
    }

    #[test]
    fn who_ends_all_others_goes_on_as_long_as_their_own_session_stands() {
        let registered: Event = UserEvent::Registered {
            profile: Profile::default().into(),
        }
        .into();
        let others = |session: Vec<Event>| Others {
            user: given::<User>(ALICE.0, [registered.clone()]).state,
            session: Session {
                used: NOW,
                ..given::<Session>(SESSION.0, session).state
            },
            ..Others::default()
        };
        let end = |user: UserId, state: &Others| {
            EndOtherSessions {
                realm: ACME,
                user,
                session: SESSION,
            }
            .decide(state, &context())
        };
        let decision = end(ALICE, &others(vec![started()])).unwrap();
        let user = given::<User>(ALICE.0, [registered.clone(), decision.events[0].1.clone()]).state;
        let session = given::<Session>(SESSION.0, [started()]).state;
        let other = SessionId(Uuid::from_u128(14));
        let password = Password::default();
        assert!(!session.outlived_by(last_ending_of(&user, &password, SESSION)));
        assert!(session.outlived_by(last_ending_of(&user, &password, other)));

        let ended = AuthEvent::SessionEnded {
            reason: EndReason::SignedOut,
        };
        let outlived = Others {
            user: given::<User>(
                ALICE.0,
                [
                    registered.clone(),
                    UserEvent::SessionsEnded { keeps: None }.into(),
                ],
            )
            .state,
            ..others(vec![started()])
        };
        for state in [others(vec![]), others(vec![started(), ended.into()]), outlived] {
            assert_eq!(end(ALICE, &state), Err(Rejection::NotFound));
        }
        let bob = UserId(Uuid::from_u128(10));
        assert_eq!(end(bob, &others(vec![started()])), Err(Rejection::NotFound));
    }
}
