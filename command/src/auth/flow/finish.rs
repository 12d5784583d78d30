//! The end of a sign-in: all that is required was proven, so a session starts, or the one that stands is worth more. The rule: what was
//! shown must be the person's still and is spent in the same append; the browser gets a new cookie, and the one before is void.

use axum::response::Response;
use events::{
    auth::{Assurance, LoginFailure},
    clock::Timestamp,
    envelope::Actor,
    ids::{CredentialId, DeviceId, SessionId, UserId},
    kernel::{Failure, KernelError},
    log::ClaimKind,
};
use http::{HeaderValue, header};

use super::{
    guard,
    journey::{Journey, Person, counted},
    methods,
};
use crate::{
    auth::{
        account::{self, agent::agent_of},
        authorize::{self, answer},
        device, known_device,
        page::{self, PageError},
        session_cookie::{self, HeldSession},
        session_state,
        sessions::{ElevateSession, SeenOn, SignedIn, StartSession},
        trouble,
        visit::Visit,
    },
    identities::link::{Because, LinkIdentity},
    users::devices::TrustDevice,
};

/// What became of it.
pub enum Finished {
    /// The answer to the browser.
    Answer(Box<Response>),
    /// The form was used for a session before.
    UsedBefore,
    /// What was shown counts no more.
    Void(LoginFailure),
}

/// Starts the session, or makes the one that stands worth more, and goes where the sign-in was to lead.
pub async fn finish(journey: &Journey<'_>, person: &Person) -> Result<Finished, PageError> {
    let (visit, flow) = (journey.visit, &journey.flow);
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let Some(user) = person.user else {
        return Ok(Finished::Void(LoginFailure::UnknownUser));
    };
    if let (Some(signed_in), true) = (&journey.session, flow.progress.shown.is_empty()) {
        // They would not add anything after all.
        let response = lead_on(journey, signed_in).await?;
        return Ok(Finished::Answer(Box::new(response)));
    }
    let client = flow.request.as_ref().map(|request| request.client);
    let session = match &journey.session {
        Some(signed_in) => signed_in.id,
        None => SessionId(kernel.new_id()),
    };
    let context = visit.context(Actor {
        user: Some(user),
        client,
        session: Some(session),
        ..Actor::default()
    });
    let guard = guard::of(visit, Some(user), "").await?.id;
    let known = known_device::of(visit, user).await?;
    let device = known.unwrap_or_else(|| DeviceId(kernel.new_id()));
    let ended = if journey.session.is_some() {
        let command = ElevateSession {
            realm,
            session,
            user,
            client,
            shown: flow.progress.shown.clone(),
            flow: (flow.id, flow.expires),
            guard,
        };
        kernel.execute(&context, &command).await
    } else {
        let command = StartSession {
            realm,
            session,
            user,
            client,
            shown: flow.progress.shown.clone(),
            expires: context
                .now
                .after_seconds(journey.settings.session.absolute_seconds),
            flow: (flow.id, flow.expires),
            replaces: session_cookie::held(&visit.edge, realm, &visit.headers).await?,
            guard,
            device: SeenOn {
                id: device,
                agent: agent_of(visit).words(),
            },
        };
        kernel.execute(&context, &command).await
    };
    match ended {
        Ok(_) => {}
        Err(Failure::Rejected(reason)) => return Ok(Finished::Void(reason)),
        Err(Failure::Claimed {
            kind: ClaimKind::Flow,
            ..
        }) => return Ok(Finished::UsedBefore),
        Err(Failure::Claimed { .. }) => return Ok(Finished::Void(LoginFailure::UsedCode)),
        Err(failure) => return Err(trouble(failure).into()),
    }
    for shown in &flow.progress.shown {
        counted("succeeded", shown.proof.method);
        if let Some(authenticator) = methods::of(shown.proof.method)
            && let Err(error) = authenticator.follow(visit, user, shown).await
        {
            tracing::error!(%error, %user, method = shown.proof.method.as_str(), "what follows a sign-in was not told");
        }
    }
    join(journey, user).await;
    if let (None, Some(until)) = (&journey.session, trusted_until(journey)) {
        let command = TrustDevice {
            realm,
            user,
            device,
            until,
        };
        // Whether or not it is: who signed in is in.
        if let Err(error) = kernel.execute(&context, &command).await {
            tracing::warn!(?error, %user, "a device is not trusted");
        }
    }
    let signed_in = SignedIn {
        id: session,
        session: kernel.current(realm, session.0).await?.state,
        user,
        state: person.state.clone(),
    };
    let mut response = lead_on(journey, &signed_in).await?;
    // In the middle of a session it is remembered only where it was known.
    if journey.session.is_none() || known.is_some() {
        let cookie = known_device::remember(visit, user, device).await?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(Finished::Answer(Box::new(response)))
}

/// What they are known as at an identity provider becomes theirs, now that they have shown who they are. Signed in they are, whatever comes
/// of that.
async fn join(journey: &Journey<'_>, user: UserId) {
    let Some(identity) = &journey.flow.progress.joining else {
        return;
    };
    let kernel = journey.visit.edge.kernel();
    let command = LinkIdentity {
        realm: journey.visit.realm.id,
        user,
        credential: CredentialId(kernel.new_id()),
        identity: (**identity).clone(),
        because: Because::Proven {
            proofs: journey.proofs(),
            counts: journey.policy.second.clone(),
        },
    };
    let context = journey.visit.context(Actor {
        user: Some(user),
        client: journey.flow.request.as_ref().map(|request| request.client),
        ..Actor::default()
    });
    if let Err(error) = kernel.execute(&context, &command).await {
        tracing::warn!(%error, %user, "an identity was not linked after a sign-in");
    }
}

/// Until when the device is trusted that somebody signs in on, if they want that, the realm lets them, and they showed a second factor.
fn trusted_until(journey: &Journey<'_>) -> Option<Timestamp> {
    let days = journey.settings.mfa.trust_days;
    let is_worth_it = Assurance::of(&journey.proofs()) >= Some(Assurance::Aal2);
    let wanted = journey.flow.progress.trusts && days > 0 && is_worth_it;
    wanted.then(|| journey.visit.edge.kernel().now().after_seconds(days * 86_400))
}

/// Goes where the sign-in was to lead. Signed in they are, whatever the application is answered.
async fn lead_on(journey: &Journey<'_>, signed_in: &SignedIn) -> Result<Response, KernelError> {
    let (visit, flow) = (journey.visit, &journey.flow);
    let answer = match (&flow.request, &flow.device, flow.account) {
        (Some(request), _, _) => authorize::grant(visit, request, signed_in, None).await,
        (None, Some(user_code), _) => page::see_other(&device::after_sign_in(visit, user_code)),
        (None, None, Some(section)) => {
            page::see_other(&account::after_sign_in(visit, section, flow.progress.renews))
        }
        (None, None, None) => page::see_other(&visit.sign_in_path()),
    };
    let mut response = visit.answer(answer);
    for cookie in cookies(visit, signed_in).await? {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// What a browser keeps of a session.
pub async fn cookies(visit: &Visit, signed_in: &SignedIn) -> Result<[HeaderValue; 2], KernelError> {
    let held = HeldSession {
        id: signed_in.id,
        elevations: signed_in.session.elevations,
    };
    Ok([
        session_cookie::set_session(&visit.edge, visit.realm.id, held).await?,
        session_state::set(&visit.edge, visit.realm.id, signed_in.id).await?,
    ])
}

/// What is required cannot be reached: the application is told, or the person.
pub async fn refuse(journey: &Journey<'_>) -> Result<Response, PageError> {
    match (&journey.flow.request, &journey.application) {
        (Some(request), Some(application)) => {
            answer::send(
                journey.visit,
                application,
                &request.reply_to,
                answer::UNMET_REQUIREMENTS,
            )
            .await
        }
        _ => Err(PageError::unmet()),
    }
}
