// The demo application: a public OpenID Connect client in one module, and a reader of the realm's log.
// Rule protected: what comes back is believed only after state, iss, nonce and signature have been checked.
// It keeps its tokens in sessionStorage so that a reload does not lose them; an application that holds more
// than a demo's data should keep them on its own server.

const $ = (id) => document.getElementById(id);
const SCOPE = "openid profile email manage offline_access";
const POLL_MS = 1000;
const PAGE = 100;
const ROWS = 400;

let config; // from config.json
let provider; // the realm's discovery document
let tokens = null; // { access_token, refresh_token?, id_token, scope?, issued, expires } (times in ms)
let refreshing = null; // the refresh under way, shared by all who wait for it

/** A failure that the person is told about, in words for a person. */
class Told extends Error {
  constructor(title, text) {
    super(text);
    this.title = title;
  }
}

// ---------------------------------------------------------------- small tools

const store = {
  get: (key) => JSON.parse(sessionStorage.getItem(`chancery.${key}`) ?? "null"),
  set: (key, value) => sessionStorage.setItem(`chancery.${key}`, JSON.stringify(value)),
  take(key) {
    const value = this.get(key);
    sessionStorage.removeItem(`chancery.${key}`);
    return value;
  },
};

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const unbase64url = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const sha256 = (text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function tell(title, text, good = false) {
  $("notice-title").textContent = title;
  $("notice-text").textContent = text;
  $("notice").classList.toggle("good", good);
  $("notice").hidden = false;
}

async function json(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { credentials: "omit", cache: "no-store", ...options });
  } catch {
    throw new Told("The server does not answer", "Is Chancery still running in its terminal?");
  }
  const body = await response.json().catch(() => ({}));
  return { status: response.status, ok: response.ok, body };
}

// ---------------------------------------------------------------- OpenID Connect

async function discover() {
  const answer = await json(`${config.issuer}/.well-known/openid-configuration`);
  if (!answer.ok) throw new Told("The realm cannot be found", `Its discovery document was answered with ${answer.status}.`);
  // OpenID Connect Discovery 1.0, section 4.3.
  if (answer.body.issuer !== config.issuer) throw new Told("Wrong issuer", `The realm calls itself ${answer.body.issuer}.`);
  return answer.body;
}

/** Off to the realm's sign-in page, with PKCE (RFC 7636), state and nonce. */
async function signIn() {
  const flow = { state: random(), nonce: random(), verifier: random(), began: Date.now() };
  store.set("flow", flow);
  const url = new URL(provider.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: config.client_id,
    redirect_uri: config.redirect_uri,
    scope: SCOPE,
    state: flow.state,
    nonce: flow.nonce,
    code_challenge: base64url(await sha256(flow.verifier)),
    code_challenge_method: "S256",
  });
  location.assign(url);
}

/** Takes the authorization response out of the address, checks it, and exchanges the code. */
async function comeBack(response) {
  const flow = store.take("flow");
  if (!flow || response.get("state") !== flow.state) {
    throw new Told("This answer is not for us", "Its state is not the one that this window sent. Sign in again.");
  }
  // RFC 9207: an answer from another issuer is refused, before anything else in it is used.
  if (response.get("iss") !== config.issuer) {
    throw new Told("This answer is not from the realm", "Its issuer is another one. Sign in again.");
  }
  if (response.has("error")) {
    const text = response.get("error_description") ?? "You can try again.";
    throw new Told(response.get("error") === "access_denied" ? "You did not sign in" : response.get("error"), text);
  }
  const answer = await json(provider.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: response.get("code") ?? "",
      redirect_uri: config.redirect_uri,
      client_id: config.client_id,
      code_verifier: flow.verifier,
    }),
  });
  if (!answer.ok) throw refused("The code was refused", answer);
  const algorithm = await verify(answer.body.id_token, flow.nonce);
  keep(answer.body);
  store.set("began", flow.began);
  store.set("checks", [
    ["state", "answers this window’s question"],
    ["iss", "comes from this realm (RFC 9207)"],
    ["PKCE", "made the code useless to others"],
    ["nonce", "belongs to this sign-in"],
    ["signature", `is good: ${algorithm}, the realm’s key`],
    ["aud, exp", "for this application, still valid"],
  ]);
}

function refused(title, { status, body }) {
  return new Told(title, `${body.error_description ?? body.detail ?? body.error ?? "No reason was given"} (${status})`);
}

function parts(jwt) {
  const [header, payload] = jwt.split(".", 2).map((part) => JSON.parse(new TextDecoder().decode(unbase64url(part))));
  return { header, payload };
}

// The algorithm is the key's, never the token's (RFC 8725, section 3.1).
const ALGORITHMS = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
};

/** OpenID Connect Core 1.0, section 3.1.3.7; after a refresh there is no `nonce` to compare. Gives the algorithm. */
async function verify(jwt, nonce) {
  const fail = (why) => new Told("The ID token was refused", why);
  if (typeof jwt !== "string") throw fail("There is none in the answer.");
  const { header, payload } = parts(jwt);
  const { body } = await json(provider.jwks_uri);
  const jwk = body.keys?.find((key) => key.kid === header.kid);
  const algorithm = ALGORITHMS[jwk?.alg];
  if (!algorithm || jwk.alg !== header.alg) throw fail("The realm has no such key.");
  const key = await crypto.subtle.importKey("jwk", jwk, algorithm[0], false, ["verify"]);
  const signed = new TextEncoder().encode(jwt.slice(0, jwt.lastIndexOf(".")));
  const signature = unbase64url(jwt.slice(jwt.lastIndexOf(".") + 1));
  if (!(await crypto.subtle.verify(algorithm[1], key, signature, signed))) throw fail("Its signature is wrong.");
  if (payload.iss !== config.issuer) throw fail("It is from another issuer.");
  if (![payload.aud].flat().includes(config.client_id)) throw fail("It is for another application.");
  if (!(payload.exp * 1000 > Date.now())) throw fail("It has expired. Is this computer’s clock right?");
  if (nonce !== undefined && payload.nonce !== nonce) throw fail("It belongs to another sign-in.");
  return jwk.alg;
}

function keep(answer) {
  const now = Date.now();
  tokens = { ...tokens, ...answer, issued: now, expires: now + (answer.expires_in ?? 300) * 1000 };
  store.set("tokens", tokens);
}

function forget() {
  tokens = null;
  for (const key of ["tokens", "began", "checks"]) store.take(key);
}

/** A refresh token is good once: whoever needs a new token meanwhile waits for the same answer. */
function refresh() {
  refreshing ??= (async () => {
    const answer = await json(provider.token_endpoint, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: tokens.refresh_token ?? "",
        client_id: config.client_id,
      }),
    });
    if (!answer.ok) {
      const over = answer.status < 500 && answer.status !== 429;
      if (over) leave();
      throw over ? new Told("Your session is over", "It ended or expired at the realm. Sign in again to go on.") : refused("No new token just now", answer);
    }
    if (answer.body.id_token) {
      const before = parts(tokens.id_token).payload.sub;
      await verify(answer.body.id_token);
      if (parts(answer.body.id_token).payload.sub !== before) throw new Told("The ID token was refused", "It is about somebody else.");
    }
    keep(answer.body);
    showTokens();
  })().finally(() => (refreshing = null));
  return refreshing;
}

/**
 * A GET with the access token, renewed first if it is about to expire, or once if it is refused. A token that
 * is refused although it is new is not renewed again: that would ask for one every second.
 */
async function withToken(url) {
  const get = () => json(url, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
  if (tokens.expires - Date.now() < 5000) await refresh();
  const used = tokens.access_token;
  const answer = await get();
  if (answer.status !== 401 || !tokens) return answer;
  if (tokens.access_token === used) {
    if (Date.now() - tokens.issued < 30_000) return answer;
    await refresh();
  }
  return get();
}

/** RP-Initiated Logout 1.0. The tokens are forgotten first: the browser may never come back. */
function signOut() {
  const url = new URL(provider.end_session_endpoint);
  const state = random();
  url.search = new URLSearchParams({
    id_token_hint: tokens.id_token,
    client_id: config.client_id,
    post_logout_redirect_uri: config.redirect_uri,
    state,
  });
  forget();
  store.set("leaving", state);
  location.assign(url);
}

// ---------------------------------------------------------------- what the application was told

const CLAIMS = {
  typ: "What kind of token it is",
  alg: "How it is signed",
  kid: "Which of the realm’s keys signed it",
  iss: "Who says so: the realm",
  sub: "You, by an id that stays when your name changes",
  aud: "Whom it is for: this application",
  azp: "The application that asked for it",
  exp: "Until when it may be accepted",
  iat: "When it was issued",
  nbf: "From when it may be accepted",
  auth_time: "When you last proved who you are",
  nonce: "Sent back as this page made it up: the token answers this sign-in, and no other",
  acr: "How strongly you were authenticated",
  amr: "By which methods (pwd: a password)",
  sid: "Your session at the realm",
  at_hash: "Ties the access token to this one",
  jti: "The id of this token",
  name: "Your full name",
  given_name: "Your first name",
  family_name: "Your family name",
  preferred_username: "The name that you sign in with",
  email: "Your e-mail address",
  email_verified: "Whether the realm has seen that the address is yours",
  updated_at: "When your profile last changed",
  roles: "What you are in this realm",
  scope: "What the application may ask for",
};
const MOMENTS = new Set(["exp", "iat", "nbf", "auth_time", "updated_at"]);

function row(name, value, why) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value), ...(why ? [el("dd", { class: "why" }, why)] : []));
}

function claimRow([name, value]) {
  if (MOMENTS.has(name) && Number.isFinite(value)) {
    const moment = el("span", {}, new Date(value * 1000).toLocaleString([], { dateStyle: "long", timeStyle: "medium" }));
    return row(name, moment, CLAIMS[name]);
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const plain = typeof value === "string" && /[ @]|^[\p{L}.-]{1,24}$/u.test(value);
  return row(name, el("span", plain ? {} : { class: "mono" }, text), CLAIMS[name]);
}

function showClaims(id, claims) {
  $(id).replaceChildren(...Object.entries(claims).map(claimRow));
}

function showTokens() {
  const { header, payload } = parts(tokens.id_token);
  showClaims("id-token-header", header);
  showClaims("id-token", payload);
  const bar = el("progress", { id: "life", max: tokens.expires - tokens.issued, "aria-label": "Lifetime left" });
  $("tokens").className = "claims words";
  $("tokens").replaceChildren(
    row("Access token", el("span", {}, el("span", { id: "left" }), bar), `Issued at ${clock(tokens.issued)}, for ${(tokens.scope ?? SCOPE).split(" ").join(", ")}`),
    row("Refresh token", tokens.refresh_token ? "Good once, for one new pair" : "None was given", "Used twice, it ends the whole family: one of the two users is a thief"),
    row("ID token", `Valid until ${clock(payload.exp * 1000)}`, "Says who signed in, and how. It opens nothing"),
  );
  tick();
}

function tick() {
  if (!tokens) return;
  const left = Math.max(0, Math.ceil((tokens.expires - Date.now()) / 1000));
  const [minutes, seconds] = [Math.floor(left / 60), String(left % 60).padStart(2, "0")];
  $("left").textContent = left ? `Expires in ${minutes}:${seconds}` : "Expired; a new one is fetched when it is needed";
  $("life").value = Math.max(0, tokens.expires - Date.now());
}

async function showSession() {
  const { payload } = parts(tokens.id_token);
  const name = payload.preferred_username ?? payload.name ?? config.username;
  $("welcome").hidden = true;
  $("session").hidden = false;
  $("details").hidden = false;
  $("greeting").textContent = `Hello, ${payload.given_name ?? name}`;
  $("who").replaceChildren("Signed in as ", el("b", {}, name));
  $("who").hidden = false;
  $("checks").replaceChildren(...(store.get("checks") ?? []).map(([what, how]) => el("li", {}, el("b", {}, what), ` ${how}`)));
  showTokens();
  follow();
  const answer = await withToken(provider.userinfo_endpoint);
  if (!answer.ok) throw refused("No userinfo", answer);
  // OpenID Connect Core 1.0, section 5.3.2: without this check the answer could be about anybody.
  if (answer.body.sub !== payload.sub) throw new Told("The userinfo answer was refused", "It is about somebody else.");
  showClaims("userinfo", answer.body);
}

function leave() {
  forget();
  $("session").hidden = true;
  $("details").hidden = true;
  $("welcome").hidden = false;
  $("who").hidden = true;
  pulse("not reading", "");
}

// ---------------------------------------------------------------- the log

const lanes = [{ name: "facts", after: 0 }, { name: "activity", after: 0 }];
let polling = false;

function pulse(text, kind) {
  // Written only when it changes: it is a status region, and would be read out every second.
  if ($("pulse").textContent !== text) $("pulse").textContent = text;
  $("pulse").className = `pulse ${kind}`;
}

/** Reads on in one lane to its end. Sequences have no gaps, so the last one seen says where to go on. */
async function readLane(lane) {
  const found = [];
  for (;;) {
    const query = new URLSearchParams({ lane: lane.name, after: lane.after, limit: PAGE });
    const answer = await withToken(`${config.query_base}/realms/${encodeURIComponent(config.realm)}/events?${query}`);
    if (!answer.ok) throw refused(answer.status === 403 ? "You may not read this log" : "The log cannot be read", answer);
    const items = answer.body.items ?? [];
    for (const item of items) lane.after = Math.max(lane.after, item.seq);
    found.push(...items);
    if (items.length < PAGE) return found;
  }
}

async function follow() {
  if (polling) return;
  polling = true;
  $("lanes").disabled = false;
  let first = $("events").childElementCount === 0;
  while (tokens) {
    if (!document.hidden) {
      try {
        const found = (await Promise.all(lanes.map(readLane))).flat();
        if (first) mark(store.get("began"));
        for (const event of found) enter(event, !first);
        if (found.length && !first) $("arrivals").textContent = `${found.length} new: ${found.map((event) => event.type).join(", ")}`;
        first = false;
        $("empty").hidden = true;
        pulse("live", "live");
      } catch (error) {
        if (tokens) pulse(error.title ?? "Something went wrong", "broken");
        else report(error);
      }
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  polling = false;
}

/** Newest first; within one lane the sequence decides, whatever the clock says. */
function place(node, time, seq) {
  node.dataset.time = time;
  node.dataset.seq = seq;
  const after = [...$("events").children].find((other) => {
    if (other.className.split(" ")[0] === node.className.split(" ")[0]) return Number(other.dataset.seq) < seq;
    return Number(other.dataset.time) <= time;
  });
  $("events").insertBefore(node, after ?? null);
  if ($("events").childElementCount > ROWS) $("events").lastElementChild.remove();
}

function mark(began) {
  if (began) place(el("li", { class: "mark" }, el("i", { class: "wax" }), `${clock(began)} · you pressed “Sign in”`), began, 0);
}

/** `session.started` is "Session started": types are a noun and what became of it. */
function title(type) {
  const words = type.replace(/[._]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// What an event says, where its name alone may not tell a newcomer.
const MEANINGS = {
  "session.started": "You proved who you are; from here on the realm knows this browser.",
  "session.continued": "The realm still knew this browser and did not ask for the password.",
  "session.ended": "Nothing that rests on this session is honoured any more.",
  "login.attempted": "Counted before the password was looked at, so that nobody gets more guesses than the realm allows.",
  "guard.cleared": "It was you: the attempts before count no more.",
  "login.failed": "Somebody tried, and the realm said no.",
  "code.issued": "A code went to the application by way of your browser: good once, for a minute at most.",
  "grant.started": "The code was exchanged, once. All refresh tokens from here on belong to this grant.",
  "grant.refreshed": "The old refresh token is spent, a new one takes its place.",
  "grant.revoked": "The whole family of refresh tokens is void.",
  "token.issued": "An application got an access token. The token itself is not in the log.",
  "token.revoked": "An application gave a token back, or had it taken away.",
  "logout_token.delivered": "An application was told that a session ended.",
  "logout_token.failed": "An application could not be told that a session ended.",
  "password.set": "Only a sealed Argon2id hash is kept, under a key that dies when the password is replaced.",
  "password.rehashed": "The same password, hashed with today’s parameters.",
  "role.assigned": "From the next request on, this is what the holder may do.",
  "signing_key.created": "Tokens can be signed with it; its public half is in the realm’s key set.",
};

function who(actor) {
  const named = Object.entries(actor ?? {}).filter(([, id]) => id);
  return named.length ? named.map(([role, id]) => `${role} ${typeof id === "string" ? id : JSON.stringify(id)}`).join("\n") : "Chancery itself";
}

function enter(event, fresh) {
  const { lane } = event.stream;
  const me = parts(tokens.id_token).payload.sub;
  const yours = event.actor?.user === me || event.subject?.id === me;
  const subject = event.subject ? `${event.subject.kind} ${event.subject.id}, version ${event.subject.version}` : "none: it decides nothing";
  const summary = el(
    "summary",
    {},
    el("i", { class: `wax ${lane}` }),
    el("span", { class: "title" }, title(event.type), ...(yours ? [el("span", { class: "you" }, "you")] : [])),
    el("time", { class: "when", datetime: event.time, title: event.time }, clock(event.time)),
    el("span", { class: "under" }, el("span", {}, event.type), el("span", {}, `${lane} #${event.seq}`)),
  );
  const entry = el("div", { class: "entry" });
  const details = el("details", {}, summary, entry);
  details.addEventListener("toggle", () => {
    if (entry.hasChildNodes()) return;
    const actor = el("pre", {}, who(event.actor));
    const data = el("pre", {}, JSON.stringify(event.data, null, 2));
    const meaning = MEANINGS[event.type];
    if (meaning) entry.append(el("p", { class: "fine" }, meaning));
    const rows = [["Subject", subject], ["Actor", actor], ["Time", event.time], ["Event id", event.id], ["Leaf hash", event.leaf_hash], ["Data", data]];
    entry.append(el("dl", { class: "claims" }, ...rows.map(([name, value]) => row(name, value ?? "none"))));
  });
  place(el("li", { class: fresh ? `${lane} new` : lane }, details), Date.parse(event.time), event.seq);
}

// ---------------------------------------------------------------- the page

function report(error) {
  if (error instanceof Told) tell(error.title, error.message);
  else tell("Something went wrong on this page", String(error.message ?? error));
}

const pressed = (id, action) =>
  $(id).addEventListener("click", async () => {
    $("notice").hidden = true;
    $(id).disabled = true;
    try {
      await action();
    } catch (error) {
      report(error);
    } finally {
      $(id).disabled = false;
    }
  });

async function start() {
  const answer = await json("config.json");
  if (!answer.ok) throw new Told("The demo is not set up", "Start Chancery with --demo.");
  config = answer.body;
  // The redirect URI fixes the origin: under another name of this computer the tokens would be out of reach.
  if (new URL(config.redirect_uri).origin !== location.origin) return location.replace(config.redirect_uri);
  for (const node of document.querySelectorAll(".realm-name")) node.textContent = config.realm;
  for (const node of document.querySelectorAll(".user-name")) node.textContent = config.username;
  provider = await discover();

  pressed("sign-in", signIn);
  pressed("sign-out", signOut);
  pressed("refresh", refresh);
  pressed("copy", async () => {
    await navigator.clipboard.writeText(tokens.access_token);
    $("copied").textContent = "Copied.";
  });
  $("lanes").addEventListener("change", (event) => ($("events").dataset.lane = event.target.value));
  $("sign-in").disabled = false;
  setInterval(tick, 1000);

  const response = new URLSearchParams(location.search);
  // The code leaves the address at once: it must not stay in the history or be sent again by a reload.
  if (location.search) history.replaceState(null, "", location.pathname);
  tokens = store.get("tokens");
  if (response.has("code") || response.has("error")) {
    await comeBack(response);
  } else if (response.has("state") && response.get("state") === store.take("leaving")) {
    tell("You are signed out", "The end of your session is in the log too: sign in again, and look for it.", true);
  }
  if (!tokens) return;
  const shown = showSession();
  if (response.has("code")) $("greeting").focus();
  await shown;
}

start().catch(report);
