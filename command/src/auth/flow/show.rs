//! The page of a step. The rule: before the first proof a page depends on what was typed alone, and not on whether somebody
//! has that name; each page carries the progress, sealed anew.

use axum::response::Response;
use events::{
    auth::{Assurance, Method},
    passkeys::Passkeys,
};
use http::{HeaderValue, StatusCode, header};

use super::{
    journey::Journey,
    methods::{self, Authenticator, Challenge, email, passkey, sms},
};
use crate::auth::{
    account,
    authorize::{answer, redirect_uri::PolicySource},
    mailed::sign_up,
    page::{self, PageError},
    pages::{
        EmailCodePage, FederatedPage, GoOn, Identify, Letters, OneTimeCode, PasskeyPage, PasswordPage,
        ProviderLink, SignInError, Surroundings, Template, TextCodePage, WayIn,
    },
};

/// What every page of a sign-in is shown with.
pub struct Shell {
    flow: String,
    action: String,
    cancel: Option<String>,
    providers: Vec<ProviderLink>,
    joining: Option<String>,
}

impl Shell {
    /// The progress, sealed as it is now, and where "Cancel" leads.
    pub async fn of(journey: &Journey<'_>) -> Result<Self, PageError> {
        let visit = journey.visit;
        let asked = (&journey.flow.request, &journey.application);
        let cancel = if let (Some(request), Some(application)) = asked {
            answer::link(visit, application, &request.reply_to, answer::ACCESS_DENIED).await?
        } else {
            let section = journey.session.as_ref().and(journey.flow.account);
            section.map(|section| account::path(visit, section.within()))
        };
        let joining = journey.flow.progress.joining.as_ref().map(|identity| {
            let offer = journey.offers.0.get(&identity.provider);
            offer.map_or(identity.issuer.clone(), |offer| offer.display_name.clone())
        });
        Ok(Self {
            flow: journey.flow.seal(visit, &journey.browser).await?,
            action: visit.sign_in_path(),
            cancel,
            providers: Vec::new(),
            joining,
        })
    }

    /// The same, offering the identity providers that count here. Links, and not buttons: browsers hold `form-action` against the redirects
    /// that follow a form, and where these lead is not known yet.
    pub fn with_providers(mut self, journey: &Journey<'_>) -> Self {
        let client = journey.flow.request.as_ref().map(|request| request.client);
        let counting = journey.offers.0.values().filter(|offer| offer.counts_for(client));
        let (realm, place) = (&journey.visit.realm.name, "identity-providers");
        self.providers = counting
            .map(|offer| ProviderLink {
                name: offer.display_name.clone(),
                href: format!("/realms/{realm}/{place}/{}/start?flow={}", offer.alias, self.flow),
            })
            .collect();
        self
    }

    /// The same for a page.
    pub fn around<'a>(&'a self, journey: &'a Journey<'_>) -> Surroundings<'a> {
        Surroundings {
            say: &journey.visit.say,
            application_name: journey
                .application
                .as_ref()
                .map(|application| application.settings.name.as_str()),
            action: &self.action,
            flow: &self.flow,
            cancel_url: self.cancel.as_deref(),
            providers: &self.providers,
            joining: self.joining.as_deref(),
        }
    }
}

/// A page of a sign-in, on its way.
pub fn send(
    journey: &Journey<'_>,
    template: &impl Template,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let response = page::form_page(status, template, leads_to(journey).as_ref());
    on_its_way(journey, response, error)
}

/// The same for a page with a script, which asks the browser for a passkey.
pub fn send_scripted(
    journey: &Journey<'_>,
    template: &impl Template,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let response = page::scripted_page(status, template, leads_to(journey).as_ref());
    on_its_way(journey, response, error)
}

fn leads_to(journey: &Journey<'_>) -> Option<PolicySource> {
    let request = journey.flow.request.as_ref()?;
    PolicySource::of(&request.reply_to.redirect_uri)
}

fn on_its_way(
    journey: &Journey<'_>,
    mut response: Response,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    if let Some(seconds) = error.and_then(SignInError::retry_after) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    journey.visit.remember(&journey.browser, response.headers_mut())?;
    Ok(response)
}

/// Asks who it is, or for a passkey that tells.
pub async fn identify(
    journey: &mut Journey<'_>,
    username: &str,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let options = if journey.policy.first.contains(&Method::Passkey) {
        Some(passkey::ask(journey, &[])?)
    } else {
        None
    };
    let mut shell = Shell::of(journey).await?;
    if journey.policy.first.contains(&Method::Federated) {
        shell = shell.with_providers(journey);
    }
    let template = Identify::new(
        shell.around(journey),
        username,
        options.as_deref(),
        letters(journey),
        error,
    );
    match options {
        Some(_) => send_scripted(journey, &template, status, error),
        None => send(journey, &template, status, error),
    }
}

/// Asks for a proof: by the method that was chosen, else by the first; the others are offered.
pub async fn challenge(
    journey: &mut Journey<'_>,
    methods: &[Method],
    chosen: Option<Method>,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let chosen = chosen.or_else(|| methods.first().copied());
    let Some(challenge) = chosen.and_then(methods::of).map(Authenticator::challenge) else {
        return Err(PageError::internal());
    };
    match challenge {
        Challenge::Email => return mail(journey, methods, status, error).await,
        Challenge::Sms => return text(journey, methods, status, error).await,
        _ => {}
    }
    let options = match challenge {
        Challenge::Passkey => Some(ask_for_passkey(journey).await?),
        Challenge::Password
        | Challenge::Email
        | Challenge::Sms
        | Challenge::Totp
        | Challenge::RecoveryCode
        | Challenge::Federated => None,
    };
    let mut shell = Shell::of(journey).await?;
    if methods.contains(&Method::Federated) {
        shell = shell.with_providers(journey);
    }
    let others = others(methods, chosen);
    let (around, username) = (shell.around(journey), journey.flow.progress.name.as_str());
    match challenge {
        Challenge::Passkey => {
            let options = options.unwrap_or_default();
            let template = PasskeyPage::new(around, username, &options, &others, error);
            send_scripted(journey, &template, status, error)
        }
        Challenge::Email | Challenge::Sms => Err(PageError::internal()),
        Challenge::Federated => {
            let template = FederatedPage::new(around, &others, error);
            send(journey, &template, status, error)
        }
        Challenge::Password => {
            let template = PasswordPage::new(around, username, letters(journey), &others, error);
            send(journey, &template, status, error)
        }
        Challenge::Totp | Challenge::RecoveryCode => {
            let template = OneTimeCode::new(
                around,
                username,
                challenge == Challenge::RecoveryCode,
                trust_days(journey),
                &others,
                error,
            );
            send(journey, &template, status, error)
        }
    }
}

/// The other ways.
fn others(methods: &[Method], chosen: Option<Method>) -> Vec<WayIn> {
    // Identity providers are offered one by one.
    let others = methods
        .iter()
        .filter(|method| Some(**method) != chosen && **method != Method::Federated);
    others
        .filter_map(|method| {
            methods::of(*method).map(|other| WayIn {
                method: method.as_str(),
                label: offer(other.challenge()),
            })
        })
        .collect()
}

/// Asks for what is mailed: a letter is asked for when the page is first shown, or chosen anew. The browser keeps the sign-in for the link,
/// if that is not too large for a cookie.
async fn mail(
    journey: &mut Journey<'_>,
    methods: &[Method],
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let (status, error) = match error {
        Some(error) => (status, Some(error)),
        None => match email::ask(journey).await? {
            None => (status, None),
            Some(error) => (error.status(), Some(error)),
        },
    };
    let mut shell = Shell::of(journey).await?;
    if methods.contains(&Method::Federated) {
        shell = shell.with_providers(journey);
    }
    let others = others(methods, Some(Method::Email));
    let (around, username) = (shell.around(journey), journey.flow.progress.name.as_str());
    let template = EmailCodePage::new(around, username, &others, error);
    let mut response = send(journey, &template, status, error)?;
    if let Some(cookie) = email::keep(journey, &shell.flow)? {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Asks for what is sent to their phone: a message is asked for when the page is first shown, or chosen anew.
async fn text(
    journey: &mut Journey<'_>,
    methods: &[Method],
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let texted = sms::ask(journey, error.is_none()).await?;
    let status = texted.error.map_or(status, SignInError::status);
    let error = error.or(texted.error);
    let shell = Shell::of(journey).await?;
    let others = others(methods, Some(Method::Sms));
    let (around, days) = (shell.around(journey), trust_days(journey));
    let template = TextCodePage::new(around, &texted.ending, days, &others, error);
    send(journey, &template, status, error)
}

/// For how many days the second factor need not be asked for on this device, if anything depends on it; 0 if nothing does.
fn trust_days(journey: &Journey<'_>) -> u64 {
    let trusting = journey.policy.trusting();
    let is_spared = trusting.required.max(trusting.preferred) < Assurance::Aal2;
    let days = journey.settings.mfa.trust_days;
    if is_spared && journey.session.is_none() {
        days
    } else {
        0
    }
}

/// Asks for a passkey: of who has shown something, for one of theirs; of everybody else for any.
async fn ask_for_passkey(journey: &mut Journey<'_>) -> Result<String, PageError> {
    let (kernel, realm) = (journey.visit.edge.kernel(), journey.visit.realm.id);
    let theirs: Passkeys = match journey.flow.progress.user {
        Some(user) => kernel.current(realm, user.0).await?.state,
        None => Passkeys::default(),
    };
    passkey::ask(journey, &theirs.passkeys)
}

/// What letters are for here.
fn letters(journey: &Journey<'_>) -> Letters {
    let (visit, settings) = (journey.visit, &journey.settings);
    Letters {
        recovery: visit.edge.mails() && settings.mail.recovery,
        registration: sign_up::registers(visit, settings),
    }
}

/// How another way is offered: the message's name.
const fn offer(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Password => "use-password",
        Challenge::Passkey => "use-passkey",
        Challenge::Email => "use-email",
        Challenge::Sms => "use-sms",
        Challenge::Totp => "use-totp",
        Challenge::RecoveryCode => "use-recovery-code",
        Challenge::Federated => "use-federated",
    }
}

/// All was proven; the button goes on.
pub async fn go_on(journey: &Journey<'_>) -> Result<Response, PageError> {
    let shell = Shell::of(journey).await?;
    let template = GoOn::new(shell.around(journey));
    send(journey, &template, StatusCode::OK, None)
}
