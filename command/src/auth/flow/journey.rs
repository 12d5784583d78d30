//! One request of a sign-in: the progress is opened, what was posted is judged step by step, and each step is the one that the
//! engine names. The rules: an answer is looked at only where it is asked for and after it was admitted; a form may carry the
//! answers to several steps, which are taken in their order.

use axum::response::Response;
use events::{
    applications::Application,
    auth::{AuthEvent, LoginFailure, Method, Proof},
    clock::Timestamp,
    envelope::Actor,
    identity_providers::Offers,
    ids::UserId,
    kernel::KernelError,
    log::ClaimKind,
    realms::Settings,
    subject::Lane,
    users::{User, login_name},
};
use http::StatusCode;
use uuid::Uuid;
use web::form::Form;

use super::{
    Flow, Progress,
    engine::{self, Policy, Step},
    enrolment::{self, Enrolment, Offer},
    finish::{self, Finished},
    guard::{self, AdmitAttempt, NotAdmitted},
    methods::{self, Asking, Authenticator, Held, Judged, NotJudged, Place, Shown, federated, passkey},
    show, trust,
};
use crate::{
    Commands,
    auth::{
        authorize::{self, request::AuthorizeRequest},
        federation::answer::Asserted,
        page::PageError,
        pages::SignInError,
        session_cookie::Browser,
        sessions::{self, SignedIn, refusal},
        visit::Visit,
    },
};

/// For how many seconds a proof is fresh: who enrols anything has shown so lately who they are.
const FRESH_SECONDS: u64 = 600;

/// More than this of a name is not looked at: longer ones there are none (an e-mail address has 254 characters at most).
const LONGEST_NAME: usize = 320;

/// Whether somebody has shown just now who they are.
pub fn is_fresh(proofs: &[Proof], now: Timestamp) -> bool {
    proofs
        .iter()
        .any(|proof| now < proof.at.after_seconds(FRESH_SECONDS))
}

/// The identity providers that a realm offers.
pub async fn offers(visit: &Visit) -> Result<Offers, KernelError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    Ok(kernel.current::<Offers>(realm, realm.0).await?.state)
}

/// What is required for a request of an application, or of the realm alone.
pub fn policy(
    visit: &Visit,
    settings: &Settings,
    offers: &Offers,
    application: Option<&Application>,
    request: Option<&AuthorizeRequest>,
) -> Policy {
    let place = Place {
        edge: &visit.edge,
        realm: &visit.realm,
        settings,
        offers,
        application: request.map(|request| request.client),
    };
    Policy::of(
        &settings.mfa,
        application.map(|application| &application.settings),
        request.map(|request| request.assurance).unwrap_or_default(),
        &methods::available(&place),
        methods::ENROLLABLE,
    )
}

/// Whether what was proven in a session is enough; nobody is invited to enrol anything in the middle of their work.
pub async fn is_enough(
    visit: &Visit,
    policy: &Policy,
    offers: &Offers,
    request: Option<&AuthorizeRequest>,
    signed_in: &SignedIn,
) -> Result<bool, KernelError> {
    let held = Held::current(visit.edge.kernel(), visit.realm.id, signed_in.user).await?;
    let shown = &signed_in.session.proofs;
    let client = request.map(|request| request.client);
    let progress = engine::Progress {
        identified: true,
        proofs: federated::still_counting(shown, &held, offers, client),
        is_fresh: false,
        has: held.methods(),
        adds: None,
        renews: false,
        declined: true,
    };
    if matches!(engine::next(policy, &progress), Step::Done(_)) {
        return Ok(true);
    }
    let began_on_trusted = trust::began_on_trusted(visit, signed_in, &held).await?;
    let trusting = policy.trusting();
    Ok(began_on_trusted && matches!(engine::next(&trusting, &progress), Step::Done(_)))
}

/// Who somebody says they are, or has shown to be.
pub struct Person {
    /// Them, if there is such a user.
    pub user: Option<UserId>,
    /// What is known of them; of nobody, nothing.
    pub state: User,
    /// Why they may not sign in, whatever they show.
    pub refused: Option<LoginFailure>,
    /// What they have to show.
    pub held: Held,
    /// Whether they trust the device that they are on.
    pub is_on_trusted: bool,
}

impl Person {
    /// Nobody is looked up like somebody: the nil id has no events, and never will.
    pub fn id(&self) -> UserId {
        self.user.unwrap_or(UserId(Uuid::nil()))
    }

    /// The name that they sign in with; empty if they have none.
    pub fn account(&self) -> &str {
        let profile = &self.state.profile;
        let known = profile.username.as_deref().or(profile.email.as_deref());
        known.unwrap_or_default()
    }
}

/// Somebody who did not say who they are, but showed a passkey, or an identity: that it says so is a claim, until it was judged.
pub struct Discovered {
    /// The credential id that it names, or as what the identity is claimed; empty if it names none.
    credential_id: String,
    /// Whose that is, if it is anybody's.
    user: Option<UserId>,
}

impl Discovered {
    /// By what it names, and whose that is.
    pub const fn new(credential_id: String, user: Option<UserId>) -> Self {
        Self { credential_id, user }
    }
}

/// One request of a sign-in.
pub struct Journey<'a> {
    /// The request.
    pub visit: &'a Visit,
    /// What the command side shares.
    pub commands: &'a Commands,
    /// The browser that sent it.
    pub browser: Browser,
    /// The progress.
    pub flow: Flow,
    /// The application that asked, as it is now.
    pub application: Option<Application>,
    /// The realm's settings.
    pub settings: Settings,
    /// What is required.
    pub policy: Policy,
    /// The identity providers that the realm offers.
    pub offers: Offers,
    /// The session in which more is to be proven.
    pub session: Option<SignedIn>,
    /// What was proven in it, and counts here.
    before: Vec<Proof>,
    /// What an identity provider says, in its answer to this very request.
    pub asserted: Option<Asserted>,
    /// Who shows a passkey without having said who they are.
    pub discovered: Option<Discovered>,
}

impl<'a> Journey<'a> {
    /// A progress is taken up. `None`: its session is over. Nobody gives their password for an application that is gone, or moved.
    pub async fn take_up(
        visit: &'a Visit,
        commands: &'a Commands,
        browser: Browser,
        flow: Flow,
    ) -> Result<Option<Self>, PageError> {
        let settings = visit.edge.settings(visit.realm.id).await?;
        let application = match &flow.request {
            Some(request) => Some(authorize::asking(visit, request).await?),
            None => None,
        };
        let session = match flow.progress.session {
            None => None,
            Some(id) => match sessions::current(visit, &settings).await? {
                Some(signed_in) if signed_in.id == id && Some(signed_in.user) == flow.progress.user => {
                    Some(signed_in)
                }
                Some(_) | None => return Ok(None),
            },
        };
        let offers = offers(visit).await?;
        let request = flow.request.as_ref();
        let policy = policy(visit, &settings, &offers, application.as_ref(), request);
        let before = match &session {
            None => Vec::new(),
            Some(signed_in) => {
                let held = Held::current(visit.edge.kernel(), visit.realm.id, signed_in.user).await?;
                let client = request.map(|request| request.client);
                federated::still_counting(&signed_in.session.proofs, &held, &offers, client)
            }
        };
        Ok(Some(Self {
            visit,
            commands,
            browser,
            flow,
            application,
            settings,
            policy,
            offers,
            session,
            before,
            asserted: None,
            discovered: None,
        }))
    }

    /// Who it is about: whoever has shown something, or shows a passkey or an identity. Whoever has only said who they are is nobody
    /// yet: no page, and no time that it takes, tells whether there is such a user.
    pub async fn person(&self) -> Result<Person, KernelError> {
        let discovered = self.discovered.as_ref().and_then(|discovered| discovered.user);
        self.known(self.flow.progress.user.or(discovered)).await
    }

    /// The same, or whoever they say they are: to judge what they show, and to mail them what they are to show.
    pub async fn claimed(&self) -> Result<Person, KernelError> {
        let progress = &self.flow.progress;
        if progress.user.is_some() || self.discovered.is_some() {
            return self.person().await;
        }
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let name = login_name(&progress.name);
        let user = kernel
            .claimed(realm, Lane::Facts, ClaimKind::LoginName, &name)
            .await?
            .map(UserId);
        self.known(user).await
    }

    /// What is known of a user, or of nobody.
    async fn known(&self, user: Option<UserId>) -> Result<Person, KernelError> {
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let id = user.unwrap_or(UserId(Uuid::nil()));
        let state = kernel.current::<User>(realm, id.0).await?.state;
        let held = Held::current(kernel, realm, id).await?;
        // Only of who has proven something: before that a page tells nothing of anybody.
        let is_on_trusted = match self.flow.progress.user {
            Some(user) => trust::is_on_trusted(self.visit, user, &state, &held).await?,
            None => false,
        };
        Ok(Person {
            user,
            refused: refusal(&state, kernel.now()),
            held,
            is_on_trusted,
            state,
        })
    }

    /// What comes next.
    pub fn step(&self, person: &Person) -> Step {
        let (proofs, now) = (self.proofs(), self.visit.edge.kernel().now());
        let progress = engine::Progress {
            identified: !self.flow.progress.name.is_empty() || self.discovered.is_some(),
            is_fresh: is_fresh(&person.held.theirs(&proofs), now),
            proofs,
            has: person.held.methods(),
            adds: self.flow.progress.adds,
            renews: self.flow.progress.renews,
            declined: self.flow.progress.declined,
        };
        // Whoever is here to show who they are, or to have more to show it by, shows all of it.
        let shows_all = progress.renews || progress.adds.is_some();
        if person.is_on_trusted && !shows_all {
            return engine::next(&self.policy.trusting(), &progress);
        }
        engine::next(&self.policy, &progress)
    }

    /// All that was proven: in the session that it goes on from, and in this sign-in.
    pub fn proofs(&self) -> Vec<Proof> {
        let now = self.flow.progress.shown.iter().map(|shown| &shown.proof);
        self.before.iter().chain(now).copied().collect()
    }

    /// The step as it is, as a page.
    pub async fn look(mut self) -> Result<Response, PageError> {
        let person = self.person().await?;
        match self.step(&person) {
            Step::Identify => self.identify(StatusCode::OK, None).await,
            Step::Prove(methods) => show::challenge(&mut self, &methods, None, StatusCode::OK, None).await,
            Step::Enrol { methods, may_decline } => {
                let offer = Offer {
                    methods: &methods,
                    may_decline,
                };
                enrolment::show(&mut self, &person, offer, None, StatusCode::OK, None).await
            }
            Step::Refuse => finish::refuse(&self).await,
            // All was proven, but the form that says so was not sent: it is sent by its button.
            Step::Done(_) => show::go_on(&self).await,
        }
    }

    async fn identify(
        &mut self,
        status: StatusCode,
        error: Option<SignInError>,
    ) -> Result<Response, PageError> {
        let hint = self
            .flow
            .request
            .as_ref()
            .and_then(|request| request.login_hint.clone());
        show::identify(self, &hint.unwrap_or_default(), status, error).await
    }

    /// Takes what was posted, in the order of the steps, and answers with the next page or with what the sign-in led to. `None`: this
    /// sign-in led to a session before.
    pub async fn submit(mut self, form: &Form) -> Result<Option<Response>, PageError> {
        let mut moved = self.say_who(form);
        self.discover(form).await?;
        let mut answered = None;
        loop {
            let person = self.person().await?;
            match self.step(&person) {
                Step::Identify => {
                    let (status, error) = if form.get("step") == Some("identify") {
                        (StatusCode::OK, None)
                    } else {
                        (StatusCode::UNPROCESSABLE_ENTITY, Some(SignInError::Incomplete))
                    };
                    return self.identify(status, error).await.map(Some);
                }
                Step::Prove(methods) => {
                    let answer = methods
                        .iter()
                        .copied()
                        .filter(|method| Some(*method) != answered)
                        .filter(|method| *method != Method::Federated || self.asserted.is_some())
                        .find_map(|method| {
                            let authenticator = methods::of(method)?;
                            form.given(authenticator.field()).map(|_| (method, authenticator))
                        });
                    let Some((method, authenticator)) = answer else {
                        return self.ask(form, &methods, moved).await.map(Some);
                    };
                    if let Some(error) = self.prove(authenticator, form).await? {
                        return self.again(&methods, method, error).await.map(Some);
                    }
                    self.discovered = None;
                    (moved, answered) = (true, Some(method));
                }
                Step::Enrol { methods, may_decline } => {
                    let offer = Offer {
                        methods: &methods,
                        may_decline,
                    };
                    match enrolment::submit(&mut self, &person, offer, form, moved).await? {
                        Enrolment::GoOn => moved = true,
                        Enrolment::Answer(response) => return Ok(Some(*response)),
                    }
                }
                Step::Refuse => return finish::refuse(&self).await.map(Some),
                Step::Done(_) => match finish::finish(&self, &person).await? {
                    Finished::Answer(response) => return Ok(Some(*response)),
                    Finished::UsedBefore => return Ok(None),
                    // What was shown counted once, and did elsewhere, or is theirs no more.
                    Finished::Void(reason) => {
                        failed(&self, person.user, reason).await?;
                        return self.void().await.map(Some);
                    }
                },
            }
        }
    }

    /// Notes who somebody says they are, as long as nothing was proven. Whether anything changed.
    fn say_who(&mut self, form: &Form) -> bool {
        let progress = &mut self.flow.progress;
        if progress.user.is_some() || !progress.shown.is_empty() {
            return false;
        }
        if form.get("step") == Some("identify") {
            progress.name.clear();
            progress.joining = None;
            return false;
        }
        match form.get("username") {
            Some(name) if login_name(name).is_empty() => {
                progress.name.clear();
                progress.joining = None;
                false
            }
            Some(name) => {
                let changed = progress.name != name;
                if changed {
                    // The identity is to be that user's whose address it has, and nobody else's.
                    progress.joining = None;
                }
                progress.name = name.chars().take(LONGEST_NAME).collect();
                changed
            }
            None => false,
        }
    }

    /// Notes that somebody shows a passkey who did not say who they are.
    async fn discover(&mut self, form: &Form) -> Result<(), KernelError> {
        let progress = &self.flow.progress;
        let is_said = !progress.name.is_empty() || progress.user.is_some();
        let Some(answer) = form.given(passkey::FIELD).filter(|_| !is_said) else {
            return Ok(());
        };
        let credential_id = passkey::named_by(answer).unwrap_or_default();
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let user = kernel
            .claimed(realm, Lane::Facts, ClaimKind::PasskeyId, &credential_id)
            .await?
            .map(UserId);
        self.discovered = Some(Discovered { credential_id, user });
        Ok(())
    }

    /// The page that asks for one of these methods: the one that was chosen, if one was.
    async fn ask(&mut self, form: &Form, methods: &[Method], moved: bool) -> Result<Response, PageError> {
        let chosen = form.given("use").and_then(|name| name.parse().ok());
        let chosen = chosen.filter(|method| methods.contains(method));
        let typed = methods.iter().filter(|method| **method != Method::Federated);
        let empty = typed.copied().find(|method| {
            methods::of(*method).is_some_and(|authenticator| form.get(authenticator.field()).is_some())
        });
        if chosen.is_some() || (moved && empty.is_none()) {
            return show::challenge(self, methods, chosen, StatusCode::OK, None).await;
        }
        let incomplete = Some(SignInError::Incomplete);
        show::challenge(self, methods, empty, StatusCode::UNPROCESSABLE_ENTITY, incomplete).await
    }

    /// The same page again, with what was wrong.
    async fn again(
        &mut self,
        methods: &[Method],
        method: Method,
        error: SignInError,
    ) -> Result<Response, PageError> {
        if self.discovered.take().is_some() {
            return self.identify(error.status(), Some(error)).await;
        }
        show::challenge(self, methods, Some(method), error.status(), Some(error)).await
    }

    /// What was shown in this sign-in counts no more: it begins anew, with who they say they are.
    async fn void(mut self) -> Result<Response, PageError> {
        self.flow.progress = match &self.session {
            Some(signed_in) => Flow::begin_in(self.visit, None, signed_in).progress,
            None => Progress {
                name: self.flow.progress.name,
                ..Progress::default()
            },
        };
        let person = self.person().await?;
        let error = SignInError::NotRecognised;
        match self.step(&person) {
            Step::Prove(methods) => {
                show::challenge(&mut self, &methods, None, error.status(), Some(error)).await
            }
            Step::Identify | Step::Enrol { .. } | Step::Refuse | Step::Done(_) => {
                self.identify(error.status(), Some(error)).await
            }
        }
    }

    /// Judges an answer. `None`: it is right, and is noted.
    async fn prove(
        &mut self,
        authenticator: &dyn Authenticator,
        form: &Form,
    ) -> Result<Option<SignInError>, PageError> {
        let (visit, method) = (self.visit, authenticator.method());
        let person = self.claimed().await?;
        let room = match authenticator.room(self.commands) {
            Ok(room) => room,
            Err(reason) => return self.not_judged(method, reason).map(Some),
        };
        let name = match &self.discovered {
            Some(discovered) => discovered.credential_id.clone(),
            None => login_name(&self.flow.progress.name),
        };
        let attempt = AdmitAttempt {
            realm: visit.realm.id,
            guard: guard::of(visit, person.user, &name).await?,
            user: person.user,
            client: self.flow.request.as_ref().map(|request| request.client),
            method,
            since: authenticator.since(&person.held),
        };
        let admitted = match guard::admit(visit, &attempt).await {
            Ok(admitted) => admitted,
            Err(NotAdmitted::Closed(closed)) => {
                counted("throttled", method);
                return Ok(Some(SignInError::TryLater {
                    seconds: closed.seconds,
                }));
            }
            Err(NotAdmitted::Crowded) => {
                counted("overloaded", method);
                return Ok(Some(SignInError::Busy { seconds: 1 }));
            }
            Err(NotAdmitted::Kernel(error)) => return Err(error.into()),
        };
        let asking = Asking {
            visit,
            commands: self.commands,
            user: person.id(),
            refused: person.refused,
            held: &person.held,
            ceremony: self.flow.progress.ceremony.as_deref(),
            mailed: self.flow.progress.mailed,
            texted: self.flow.progress.texted,
            asserted: self.asserted.as_ref(),
        };
        match authenticator.judge(&asking, form, room, admitted).await {
            Ok(Judged::Proven(proven)) if person.refused.is_none() && person.user.is_some() => {
                let progress = &mut self.flow.progress;
                progress.trusts |= form.given("trust_device").is_some();
                progress.user = person.user;
                if progress.name.is_empty() {
                    person.account().clone_into(&mut progress.name);
                }
                progress.shown.push(Shown {
                    proof: Proof {
                        method,
                        at: proven.at.unwrap_or_else(|| visit.edge.kernel().now()),
                        credential: proven.credential,
                        user_verified: proven.user_verified,
                        hardware: proven.hardware,
                    },
                    spends: proven.spends,
                });
                Ok(None)
            }
            Ok(Judged::Proven(_)) => {
                let reason = person.refused.unwrap_or(LoginFailure::UnknownUser);
                self.wrong(&person, method, reason).await.map(Some)
            }
            Ok(Judged::Wrong(reason)) => self.wrong(&person, method, reason).await.map(Some),
            Err(reason) => self.not_judged(method, reason).map(Some),
        }
    }

    async fn wrong(
        &self,
        person: &Person,
        method: Method,
        reason: LoginFailure,
    ) -> Result<SignInError, PageError> {
        counted("failed", method);
        failed(self, person.user, reason).await?;
        Ok(match method {
            Method::Password => SignInError::NotRecognised,
            Method::Passkey => SignInError::WrongPasskey,
            Method::Email => SignInError::WrongMailedCode,
            Method::Sms => SignInError::WrongTextedCode,
            Method::Totp | Method::RecoveryCode => SignInError::WrongCode,
            Method::Federated => SignInError::UnknownIdentity,
        })
    }

    fn not_judged(&self, method: Method, reason: NotJudged) -> Result<SignInError, PageError> {
        match reason {
            NotJudged::Busy { seconds } => {
                counted("overloaded", method);
                Ok(SignInError::Busy { seconds })
            }
            NotJudged::Hash(error) => {
                tracing::error!(%error, realm = %self.visit.realm.id, "an answer could not be judged");
                Err(PageError::internal())
            }
            NotJudged::Kernel(error) => Err(error.into()),
        }
    }
}

/// Records that a sign-in failed, and why.
pub(super) async fn failed(
    journey: &Journey<'_>,
    user: Option<UserId>,
    reason: LoginFailure,
) -> Result<(), KernelError> {
    let client = journey.flow.request.as_ref().map(|request| request.client);
    let context = journey.visit.context(Actor {
        client,
        ..Actor::default()
    });
    let failure = AuthEvent::LoginFailed { user, client, reason };
    let (kernel, realm) = (journey.visit.edge.kernel(), journey.visit.realm.id);
    kernel
        .record(realm, &context, vec![failure.into()])
        .await
        .map(drop)
}

/// Counts what became of an answer.
pub fn counted(result: &'static str, method: Method) {
    metrics::counter!("chancery_sign_ins_total", "result" => result, "method" => method.as_str())
        .increment(1);
}
