//! An identity provider of somebody else's, which says what a test wants it to say: the truth, unless it is told to lie.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chancery_tests::harness::{Callback, Signer, now, unique};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use url::{Url, form_urlencoded};

/// How one of its endpoints answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// As it should.
    Well,
    /// With this status and body.
    With(u16, String),
    /// With a redirect to itself.
    Redirect,
    /// With more than anybody would read.
    Huge,
    /// Not at all.
    Never,
}

/// What it does that is not right.
#[derive(Clone, Debug)]
pub struct Conduct {
    /// What its metadata says besides, or instead.
    pub metadata: Value,
    /// What its id tokens say besides, or instead; `null` leaves a claim out.
    pub claims: Value,
    /// The header of its id tokens, if it is another.
    pub header: Option<Value>,
    /// How they are made, if in another way.
    pub made: Option<fn(&Value, &Signer) -> String>,
    /// Whether somebody else signs them.
    pub foreign: bool,
    /// What its userinfo says besides, or instead.
    pub userinfo: Value,
    /// How it answers, by path.
    pub replies: BTreeMap<&'static str, Reply>,
    /// Whether a code is good more than once.
    pub forgetful: bool,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            metadata: json!({}),
            claims: json!({}),
            header: None,
            made: None,
            foreign: false,
            userinfo: json!({}),
            replies: BTreeMap::new(),
            forgetful: false,
        }
    }
}

impl Conduct {
    /// With other claims.
    pub fn saying(claims: Value) -> Self {
        Self {
            claims,
            ..Self::default()
        }
    }

    /// With an endpoint that answers so.
    pub fn answering(path: &'static str, reply: Reply) -> Self {
        Self {
            replies: [(path, reply)].into(),
            ..Self::default()
        }
    }
}

struct Desk {
    conduct: Conduct,
    signer: Signer,
    stranger: Signer,
    /// What was asked for by each code: nonce and challenge, and who it is for.
    codes: BTreeMap<String, (BTreeMap<String, String>, Value)>,
    /// How often each path was asked for.
    asked: BTreeMap<String, usize>,
}

/// The provider, until it is dropped.
pub struct Provider {
    /// Its issuer identifier.
    pub issuer: String,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let issuer = format!("http://{}", listener.local_addr().expect("bound"));
        let desk = Arc::new(Mutex::new(Desk {
            conduct: Conduct::default(),
            signer: Signer::default(),
            stranger: Signer::default(),
            codes: BTreeMap::new(),
            asked: BTreeMap::new(),
        }));
        let (at_work, base) = (Arc::clone(&desk), issuer.clone());
        let task = tokio::spawn(async move {
            while let Ok((peer, _)) = listener.accept().await {
                let (desk, base) = (Arc::clone(&at_work), base.clone());
                tokio::spawn(async move {
                    let _ = serve(peer, &desk, &base).await;
                });
            }
        });
        Self { issuer, desk, task }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It behaves so from now on.
    pub fn behaves(&self, conduct: Conduct) {
        self.desk().conduct = conduct;
    }

    /// From now on it signs with another key.
    pub fn rotates(&self) {
        self.desk().signer = Signer::default();
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.desk().asked.get(path).copied().unwrap_or_default()
    }

    /// Somebody signs in: where the browser is sent to from its authorization endpoint. `claims` is who they are.
    pub fn signs_in(&self, arrived: &Callback, claims: &Value) -> String {
        let code = unique();
        let asked = arrived.params.clone();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(
            asked["scope"].split(' ').any(|scope| scope == "openid"),
            "{asked:?}"
        );
        self.desk().codes.insert(code.clone(), (asked, claims.clone()));
        let issuer = self.issuer.clone();
        sent_back(arrived, &[("code", &code), ("iss", &issuer)])
    }
}

/// Where a browser is sent back to, with these parameters and the state.
pub fn sent_back(arrived: &Callback, more: &[(&str, &str)]) -> String {
    let mut url = Url::parse(arrived.param("redirect_uri")).expect("an address");
    url.query_pairs_mut()
        .extend_pairs(more)
        .append_pair("state", arrived.param("state"));
    url.into()
}

async fn serve(peer: TcpStream, desk: &Mutex<Desk>, base: &str) -> std::io::Result<()> {
    let mut peer = BufReader::new(peer);
    let mut line = String::new();
    peer.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut bearer) = (0, String::new());
    loop {
        line.clear();
        peer.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or_default(),
            "authorization" => bearer = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    peer.read_exact(&mut body).await?;
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let reply = {
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        *desk.asked.entry(path.clone()).or_default() += 1;
        let reply = desk.conduct.replies.get(path.as_str()).cloned();
        match reply.unwrap_or(Reply::Well) {
            Reply::Well => desk.answer(&path, &form, &bearer, base),
            other => other,
        }
    };
    let answer = match reply {
        Reply::Never => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            return Ok(());
        }
        Reply::Redirect => {
            "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .to_owned()
        }
        Reply::Huge => full(200, &json!({ "id_token": "a".repeat(1 << 20) }).to_string()),
        Reply::With(status, body) => full(status, &body),
        Reply::Well => full(404, "{}"),
    };
    peer.get_mut().write_all(answer.as_bytes()).await
}

fn full(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Answered\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn with(mut value: Value, changes: &Value) -> Value {
    let members = value.as_object_mut().expect("an object");
    members.extend(changes.as_object().expect("an object").clone());
    members.retain(|_, value| !value.is_null());
    value
}

impl Desk {
    fn answer(&mut self, path: &str, form: &BTreeMap<String, String>, bearer: &str, base: &str) -> Reply {
        let well = |value: Value| Reply::With(200, value.to_string());
        match path {
            "/.well-known/openid-configuration" => well(with(
                json!({
                    "issuer": base,
                    "authorization_endpoint": format!("{base}/authorize"),
                    "token_endpoint": format!("{base}/token"),
                    "userinfo_endpoint": format!("{base}/userinfo"),
                    "jwks_uri": format!("{base}/jwks"),
                    "id_token_signing_alg_values_supported": ["ES256"],
                    "authorization_response_iss_parameter_supported": true,
                }),
                &self.conduct.metadata,
            )),
            "/jwks" => well(self.signer.jwks()),
            "/token" => self.token(form, base),
            "/userinfo" => {
                let known = self
                    .codes
                    .get(bearer.strip_prefix("Bearer at-").unwrap_or_default());
                let (_, who) = known.expect("a token of ours");
                well(with(who.clone(), &self.conduct.userinfo))
            }
            _ => Reply::With(404, "{}".to_owned()),
        }
    }

    fn token(&mut self, form: &BTreeMap<String, String>, base: &str) -> Reply {
        let text = |name: &str| form.get(name).cloned().unwrap_or_default();
        let code = text("code");
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, text("code_verifier").as_bytes()));
        let Some((asked, who)) = self
            .codes
            .get(&code)
            .filter(|(asked, _)| {
                asked["code_challenge"] == challenge && asked["redirect_uri"] == text("redirect_uri")
            })
            .cloned()
        else {
            return Reply::With(400, json!({ "error": "invalid_grant" }).to_string());
        };
        if !self.conduct.forgetful {
            self.codes.remove(&code);
        }
        let token = unique();
        // Userinfo is told by the token, and by nothing else.
        self.codes.insert(
            token.clone(),
            (
                BTreeMap::from([("code_challenge".to_owned(), String::new())]),
                who.clone(),
            ),
        );
        let access_token = format!("at-{token}");
        let hash = digest(&SHA256, access_token.as_bytes());
        let claims = with(
            json!({
                "iss": base, "sub": who["sub"], "aud": asked["client_id"], "nonce": asked["nonce"],
                "iat": now(), "exp": now() + 300, "at_hash": URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]),
            }),
            &self.conduct.claims,
        );
        let signer = if self.conduct.foreign {
            &self.stranger
        } else {
            &self.signer
        };
        let header = json!({ "alg": "ES256", "kid": signer.kid() });
        let id_token = match self.conduct.made {
            Some(make) => make(&claims, signer),
            None => signer.sign(self.conduct.header.as_ref().unwrap_or(&header), &claims),
        };
        let body = json!({ "access_token": access_token, "token_type": "Bearer", "id_token": id_token });
        Reply::With(200, body.to_string())
    }
}
