//! The reactor that mails. The rules: the same letter is the same bytes however often it is tried; an address is asked of the log when
//! the letter is sent, and told nowhere; a mail server that is away keeps nobody waiting but the letters.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use events::{
    clock::Timestamp,
    envelope::Actor,
    event::Happened,
    ids::UserId,
    kernel::KernelError,
    keys::Owner,
    letters::{LetterEvent, LetterFailure, LetterKind, Request},
    subject::Lane,
};
use mailer::{Address, Inline, Letter, Mailer, SendError};
use reactors::{A_DAY, Job, Outcome, Reactor, Task, Terms};
use serde_json::json;
use tracing::Instrument;
use web::Edge;
use zeroize::Zeroizing;

use super::{
    asked,
    head::Head,
    notices,
    texts::{self, Texts},
    words,
    written::{Content, Written},
};
use crate::auth::mailed::report;

/// The name of the reactor.
const NAME: &str = "letters";

/// A letter that is to be sent now.
struct Composed {
    kind: LetterKind,
    user: Option<UserId>,
    to: String,
    what: What,
    /// When it is of no use any more.
    expires: Option<Timestamp>,
}

/// What is sent.
enum What {
    /// A letter, by the mail server.
    Letter(Box<(Head, Content)>),
    /// A line, to a phone.
    Text(Zeroizing<String>),
}

/// Mails letters, and sends what goes to phones.
#[derive(Debug)]
pub struct Letters {
    edge: Edge,
    mailer: Option<Mailer>,
    texts: Option<Texts>,
}

impl Letters {
    /// Over an edge. Without a mailer nothing is mailed, and nothing goes to phones without who sends it there.
    pub fn new(edge: Edge, mailer: Option<Mailer>, texts: Option<Texts>) -> Self {
        metrics::describe_counter!(
            "chancery_letters_total",
            "Letters that the mail server took or did not (messages, the provider), by kind and result"
        );
        Self { edge, mailer, texts }
    }

    /// The letter that a job is about. `None`: there is nobody to tell any more, or nothing.
    async fn compose(&self, task: &Task) -> Result<Option<Composed>, KernelError> {
        let (kernel, event) = (self.edge.kernel(), &task.event);
        let Some(realm) = self.edge.open_realm(&event.stream.realm.to_string()).await? else {
            return Ok(None);
        };
        if let (Some(request), Some(mailbox)) = (Request::of(event), event.subject) {
            let (kind, user, expires) = (request.kind, request.user, Some(request.expires));
            let composed = if kind.is_text() {
                let composed = texts::compose(&self.edge, &realm, mailbox.id, &request).await?;
                composed.map(|(to, text)| (to, What::Text(text)))
            } else {
                let head = Head::of(&self.edge, &realm).await?;
                let composed = asked::compose(&self.edge, &realm, mailbox.id, &request).await?;
                composed.map(|(to, content)| (to, What::Letter(Box::new((head, content)))))
            };
            return Ok(composed.map(|(to, what)| Composed {
                kind,
                user,
                to,
                what,
                expires,
            }));
        }
        let Some((kind, user)) = notices::of(event) else {
            return Ok(None);
        };
        let Some(notice) = notices::notice(kernel, event, kind, user).await? else {
            return Ok(None);
        };
        let head = Head::of(&self.edge, &realm).await?;
        let settings = self.edge.settings(realm.id).await?;
        let say = words::say(&realm, &settings, &notice.profile);
        let content = words::notice(&say, &notice, event.time);
        Ok(Some(Composed {
            kind,
            user: Some(user),
            to: notice.to,
            what: What::Letter(Box::new((head, content))),
            expires: None,
        }))
    }

    /// The key of an address that no user's profile has is destroyed when what it was for is over.
    async fn forget(&self, task: &Task) -> Outcome {
        let kernel = self.edge.kernel();
        let Some(request) = Request::of(&task.event) else {
            return Outcome::dead("the job is not understood");
        };
        let left = request.expires.0.saturating_sub(kernel.now().0);
        if let Ok(left) = u64::try_from(left)
            && left > 0
        {
            return Outcome::Later {
                after: Duration::from_micros(left) + Duration::from_secs(1),
            };
        }
        let owner = Owner::Credential(request.credential);
        match kernel
            .keyring()
            .destroy(task.event.stream.realm, &owner, kernel.now())
            .await
        {
            Ok(()) => Outcome::Done,
            Err(error) => {
                tracing::warn!(%error, "the key of an address was not destroyed");
                Outcome::retry("the key was not destroyed")
            }
        }
    }

    async fn send(&self, task: &Task, composed: &Composed) -> Result<(), LetterFailure> {
        let now = self.edge.kernel().now();
        if composed.expires.is_some_and(|expires| expires <= now) {
            return Err(LetterFailure::Late);
        }
        match &composed.what {
            What::Letter(letter) => self.mail(task, composed, letter).await,
            What::Text(text) => {
                let texts = self.texts.as_ref().ok_or(LetterFailure::Configuration)?;
                let left = composed
                    .expires
                    .map_or(0, |expires| expires.seconds() - now.seconds());
                let seconds = u32::try_from(left).unwrap_or_default();
                let phone = task.event.subject.map(|subject| subject.id).unwrap_or_default();
                let told = report::url(&self.edge, task.event.stream.realm, phone, task.event.id);
                texts.send(&composed.to, text, seconds, &told).await
            }
        }
    }

    async fn mail(
        &self,
        task: &Task,
        composed: &Composed,
        (head, content): &(Head, Content),
    ) -> Result<(), LetterFailure> {
        let mailer = self.mailer.as_ref().ok_or(LetterFailure::Configuration)?;
        let to: Address = composed.to.parse().map_err(|_| LetterFailure::Recipient)?;
        let Written { subject, text, html } = content.write(head).map_err(|error| {
            tracing::error!(%error, kind = composed.kind.as_str(), "a letter could not be written");
            LetterFailure::Letter
        })?;
        let id = task.event.id.to_string();
        let micros = u64::try_from(task.event.time.0).unwrap_or_default();
        let letter = Letter {
            id: &id,
            to: &to,
            from_name: head.sender.as_deref(),
            subject: &subject,
            text: &text,
            html: &html,
            picture: head.logo.as_ref().map(|logo| Inline {
                cid: &logo.cid,
                media_type: &logo.media_type,
                content: &logo.image,
            }),
            language: content.language,
            written: SystemTime::UNIX_EPOCH + Duration::from_micros(micros),
        };
        let kind = composed.kind.as_str();
        let span = tracing::trace_span!(target: traces::SPANS, "mail", otel.kind = "client", letter = kind);
        let span = traces::follow(span, task.event.trace.as_deref());
        mailer.send(&letter).instrument(span).await.map_err(|error| {
            tracing::warn!(%error, kind, realm = %task.event.stream.realm, "a letter was not sent");
            failure(&error)
        })
    }

    /// Records what became of an attempt. It decides nothing: where the log is away, that is told in our own log alone.
    async fn record(&self, task: &Task, event: LetterEvent) {
        let (kernel, realm) = (self.edge.kernel(), task.event.stream.realm);
        let mut context = kernel.context(Actor::component(NAME));
        context.cause = Some(task.event.id);
        if let Err(error) = kernel.record(realm, &context, vec![event.into()]).await {
            tracing::warn!(%error, %realm, "a letter could not be recorded");
        }
    }
}

fn failure(error: &SendError) -> LetterFailure {
    match error {
        SendError::Temporary(_) => LetterFailure::Temporary,
        SendError::Recipient(_) => LetterFailure::Recipient,
        SendError::Configuration(_) => LetterFailure::Configuration,
        SendError::Letter(_) => LetterFailure::Letter,
    }
}

/// Why, for operators.
const fn reason(failure: LetterFailure) -> &'static str {
    match failure {
        LetterFailure::Temporary => "who sends it is away or busy",
        LetterFailure::Recipient => "nothing is taken for this address or number",
        LetterFailure::Configuration => "nobody is there to send it, or takes it from us",
        LetterFailure::Late => "what it was for was over",
        LetterFailure::Letter => "the letter could not be written",
    }
}

#[async_trait]
impl Reactor for Letters {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lanes(&self) -> &'static [Lane] {
        &Lane::ALL
    }

    async fn react(&self, happened: &Happened) -> Result<Vec<Job>, KernelError> {
        if let Some(request) = Request::of(happened) {
            // Also where there is no mailer on this node: whoever asked was promised a letter, and an operator is told.
            let mailbox = happened.subject.map(|subject| subject.id.to_string());
            let mut jobs = vec![Job::about(happened, mailbox.unwrap_or_default())];
            if request.to.is_some() {
                jobs.push(Job {
                    payload: json!({ "forget": true }),
                    ..Job::about(happened, format!("forget:{}", request.credential))
                });
            }
            return Ok(jobs);
        }
        // What nobody could be told when it happened is not told on the day on which a mail server is configured.
        let Some((_, user)) = notices::of(happened).filter(|_| self.mailer.is_some()) else {
            return Ok(Vec::new());
        };
        Ok(vec![Job::about(happened, user.to_string())])
    }

    async fn perform(&self, task: &Task) -> Outcome {
        if task.payload["forget"] == true {
            return self.forget(task).await;
        }
        let composed = match self.compose(task).await {
            Ok(Some(composed)) => composed,
            Ok(None) => return Outcome::Done,
            Err(error) if error.is_outage() => {
                return Outcome::Later {
                    after: Duration::from_secs(1),
                };
            }
            Err(error) => {
                tracing::error!(%error, "a letter could not be composed");
                return Outcome::dead("the letter could not be composed");
            }
        };
        let (kind, user, attempt) = (composed.kind, composed.user, task.attempt);
        let sent = self.send(task, &composed).await;
        let result = if sent.is_ok() { "sent" } else { "failed" };
        metrics::counter!("chancery_letters_total", "kind" => kind.as_str(), "result" => result).increment(1);
        let Err(failure) = sent else {
            self.record(task, LetterEvent::Sent { kind, user, attempt }).await;
            return Outcome::Done;
        };
        let for_good = matches!(
            failure,
            LetterFailure::Recipient | LetterFailure::Letter | LetterFailure::Late
        );
        let event = LetterEvent::Failed {
            kind,
            user,
            attempt,
            reason: failure,
            given_up: for_good || task.is_last,
        };
        self.record(task, event).await;
        if for_good {
            Outcome::dead(reason(failure))
        } else {
            Outcome::retry(reason(failure))
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            at_once: 2,
            patience: Duration::from_secs(40),
            schedule: A_DAY,
        }
    }
}
