//! Generated history: the lives of users, made by the kernel's own way in (deciding, sealing, claims, durable appends), so that
//! it is what a platform would have written. No table is written to.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use events::{
    auth::{AuthEvent, EndReason, RequestedClaims, Session},
    clock::{SystemClock, SystemRandom},
    envelope::Actor,
    event::Network,
    ids::{ApplicationId, GrantId, RealmId, SessionId, UserId},
    kernel::{Claim, Context, Decide, Decision, Kernel, KernelError, Reader},
    keys::{Keyring, MasterKey},
    log::ClaimKind,
    subject::{Stream, Subject},
    users::{Profile, User, UserEvent},
};
use tokio::task::JoinSet;

use crate::{Outcome, server::MASTER_KEY, store::Place};

/// Events of a user's registration: it, and a changed profile.
const EVENTS_OF_A_USER: usize = 2;
/// Events of a session, with a grant and four tokens.
const EVENTS_OF_A_SESSION: usize = 8;
/// Events of a life: a registration and a session.
pub const EVENTS_OF_A_LIFE: usize = EVENTS_OF_A_USER + EVENTS_OF_A_SESSION;
/// Tokens of one session.
const TOKENS: usize = 4;
/// Lives lived at once: enough to fill the batches of the log.
const AT_ONCE: usize = 256;
/// How long sessions and grants last, in seconds.
const SESSION: u64 = 86_400;

/// A user comes into being and changes their profile.
struct Registers {
    realm: RealmId,
    user: UserId,
    number: usize,
}

/// That user signs in to an application, gets tokens and signs out.
struct SignsIn {
    realm: RealmId,
    user: UserId,
    client: ApplicationId,
    session: SessionId,
}

/// It cannot be refused.
type Never = std::convert::Infallible;

#[async_trait::async_trait]
impl Decide for Registers {
    type State = ();
    type Rejection = Never;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<User>(self.user.0).await.map(drop)
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Never> {
        let (subject, number) = (Subject::user(self.user), self.number);
        let profile = Profile {
            username: Some(username(number)),
            email: Some(format!("{}@example.org", username(number))),
            name: Some(format!("Ada Example {number}")),
            given_name: Some("Ada".to_owned()),
            family_name: Some("Example".to_owned()),
            ..Profile::default()
        };
        let names = profile.login_names();
        let changes = [("locale".to_owned(), "en".into())].into();
        let decision = Decision::of(
            subject,
            UserEvent::Registered {
                profile: profile.into(),
            },
        )
        .and(
            subject,
            UserEvent::ProfileChanged {
                fields: vec!["locale".to_owned()],
                changes: std::collections::BTreeMap::into(changes),
            },
        );
        Ok(names.into_iter().fold(decision, |decision, value| {
            decision.claiming(Claim::Hold {
                kind: ClaimKind::LoginName,
                value,
                holder: self.user.0,
            })
        }))
    }
}

#[async_trait::async_trait]
impl Decide for SignsIn {
    type State = ();
    type Rejection = Never;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<Session>(self.session.0).await.map(drop)
    }

    fn decide(&self, (): &(), context: &Context) -> Result<Decision, Never> {
        let Self { user, client, .. } = *self;
        let (subject, grant) = (Subject::session(self.session), GrantId(context.new_id()));
        let expires = context.now.after_seconds(SESSION);
        let scopes = || vec!["openid".to_owned(), "profile".to_owned()];
        let started = AuthEvent::SessionStarted {
            user,
            client: Some(client),
            amr: vec!["pwd".to_owned()],
            expires,
            last_ending: 0,
            proofs: Vec::new(),
        };
        let mut decision = Decision::of(subject, started)
            .noting(AuthEvent::CodeIssued {
                grant,
                client,
                user,
                scopes: scopes(),
            })
            .and(
                subject,
                AuthEvent::GrantStarted {
                    grant,
                    client,
                    scopes: scopes(),
                    refresh: false,
                    expires,
                    jkt: None,
                    claims: RequestedClaims::default(),
                    consent: 0,
                },
            );
        for _ in 0..TOKENS {
            decision = decision.noting(AuthEvent::TokenIssued {
                token: context.new_id(),
                client,
                user: Some(user),
                grant: Some(grant),
                grant_type: "authorization_code".to_owned(),
                scopes: scopes(),
                audience: vec!["https://orders.example".to_owned()],
                expires,
                jkt: None,
                actors: Vec::new(),
            });
        }
        let reason = EndReason::SignedOut;
        Ok(decision.and(subject, AuthEvent::SessionEnded { reason }))
    }
}

/// The name that a generated user signs in with.
pub fn username(number: usize) -> String {
    format!("ada-{number}")
}

/// How many of so many users sign in, if there are to be about so many events; at most all.
pub fn sessions_for(events: usize, users: usize) -> usize {
    (events.saturating_sub(users * EVENTS_OF_A_USER) / EVENTS_OF_A_SESSION).min(users)
}

/// How many events so many users make, of whom so many sign in.
pub fn events_of(users: usize, sessions: usize) -> usize {
    users * EVENTS_OF_A_USER + sessions * EVENTS_OF_A_SESSION
}

/// Lets so many users live in a realm, on a place that no server works on, the first `sessions` of whom sign in; their ids.
pub async fn lives(
    place: &Place,
    realm: RealmId,
    client: ApplicationId,
    users: usize,
    sessions: usize,
) -> Outcome<Vec<UserId>> {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let (log, keys) = (place.log().await?, place.keys().await?);
    let keyring = Keyring::open(Arc::clone(&keys), MasterKey::parse(MASTER_KEY)?, random.clone()).await?;
    let kernel = Kernel::start(Arc::clone(&log), keyring, clock, random).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let mut living = JoinSet::new();
    for _ in 0..AT_ONCE.min(users) {
        let (kernel, next) = (Arc::clone(&kernel), Arc::clone(&next));
        living.spawn(async move {
            let mut lived = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= users {
                    return Outcome::Ok(lived);
                }
                lived.push(live(&kernel, realm, client, number, number < sessions).await?);
            }
        });
    }
    let mut lived = Vec::with_capacity(users);
    while let Some(some) = living.join_next().await {
        lived.extend(some??);
    }
    drop(kernel);
    log.close().await;
    keys.close().await;
    Ok(lived)
}

async fn live(
    kernel: &Kernel,
    realm: RealmId,
    client: ApplicationId,
    number: usize,
    signs_in: bool,
) -> Outcome<UserId> {
    let (user, session) = (UserId(kernel.new_id()), SessionId(kernel.new_id()));
    let mut context = kernel.context(Actor {
        request: Some(kernel.new_id()),
        client: Some(client),
        ..Actor::default()
    });
    context.network = Some(Network {
        ip: Some("192.0.2.7".to_owned()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned()),
    });
    let registers = Registers { realm, user, number };
    kernel
        .execute(&context, &registers)
        .await
        .map_err(|error| error.to_string())?;
    if signs_in {
        let signs_in = SignsIn {
            realm,
            user,
            client,
            session,
        };
        kernel
            .execute(&context, &signs_in)
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(user)
}
