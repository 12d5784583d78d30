// One sign-in at two applications of other sites, in a real browser over https: each looks in the platform's frame whether the session is
// the same (OpenID Connect Session Management 1.0), and both sign out in frames of their own when it ends (Front-Channel Logout 1.0).
// Rule protected: what browsers keep from frames of other sites (cookies, scripts, framing) is really gone through.
import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const journey = JSON.parse(process.env.JOURNEY);
const WAIT = 20_000;
const tls = { cert: journey.certificate, key: journey.key };

/** TLS in front of the platform, as a proxy has it. */
const proxy = https.createServer(tls, (request, response) => {
  const { method, headers, url } = request;
  const onward = http.request(new URL(url, journey.base), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  request.pipe(onward);
});

/** What an application knows. */
class Application {
  signedOut = [];
  hangs = false;

  constructor(name) {
    Object.assign(this, journey.applications[name]);
    this.origin = new URL(this.redirect_uri).origin;
  }

  authorization(more = {}) {
    const url = new URL(`${journey.issuer}/oauth2/authorize`);
    url.search = new URLSearchParams({
      response_type: "code",
      client_id: this.client_id,
      redirect_uri: this.redirect_uri,
      scope: "openid",
      code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
      code_challenge_method: "S256",
      ...more,
    });
    return url.href;
  }

  /** Its server redeems the code. */
  async redeem(code) {
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      client_id: this.client_id,
      redirect_uri: this.redirect_uri,
      code,
      code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    });
    const answer = await (await fetch(`${journey.base}${new URL(journey.issuer).pathname}/oauth2/token`, { method: "POST", body })).json();
    this.idToken = answer.id_token;
    this.claims = JSON.parse(Buffer.from(answer.id_token.split(".")[1], "base64url"));
  }

  async answer(url, request, response) {
    if (url.pathname === "/callback") {
      this.sessionState = url.searchParams.get("session_state");
      await this.redeem(url.searchParams.get("code"));
      response.writeHead(200, {
        "content-type": "text/html",
        "set-cookie": `of_the_application=${this.client_id}; Path=/; Secure; HttpOnly; SameSite=None`,
      });
      return response.end(
        `<!doctype html><title>Signed in</title><link rel="icon" href="data:,"><h1>Signed in</h1><iframe src="${journey.issuer}/oauth2/check-session" hidden></iframe>`,
      );
    }
    if (url.pathname === "/out") {
      this.signedOut.push({ ...Object.fromEntries(url.searchParams), cookie: request.headers.cookie });
      if (this.hangs) return;
      response.writeHead(200, { "content-type": "text/html", "set-cookie": "of_the_application=; Path=/; Secure; Max-Age=0; SameSite=None" });
      return response.end("<!doctype html><title>Out</title>");
    }
    response.writeHead(200, { "content-type": "text/html" });
    response.end(`<!doctype html><title>Bye</title><link rel="icon" href="data:,"><h1>Bye</h1>`);
  }
}

const [shop, news] = [new Application("shop"), new Application("news")];
const applications = https.createServer(tls, (request, response) => {
  const url = new URL(request.url, `https://${request.headers.host}`);
  const one = [shop, news].find(({ origin }) => origin === url.origin);
  one.answer(url, request, response).catch((error) => response.writeHead(500).end(String(error)));
});

const port = (url) => Number(new URL(url).port);
await new Promise((done) => proxy.listen(port(journey.issuer), "127.0.0.1", done));
await new Promise((done) => applications.listen(port(shop.redirect_uri), "127.0.0.1", done));

const options = {
  executablePath: journey.chromium,
  ignoreHTTPSErrors: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
  ],
};

/** A browser of its own, which lets frames of other sites have cookies or keeps them, and notes what goes wrong on its pages. */
async function open({ cookiesInFrames = true, ...more } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "journey-"));
  await mkdir(join(folder, "Default"));
  const preferences = { profile: { cookie_controls_mode: cookiesInFrames ? 0 : 1 } };
  await writeFile(join(folder, "Default", "Preferences"), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(folder, { ...options, ...more });
  const complaints = [];
  const page = async () => {
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT);
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    return page;
  };
  // Its last processes write for a moment after it has closed.
  const close = async () => {
    await context.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  return { context, page, complaints, close };
}

async function signIn(page) {
  await page.getByLabel("User name or e-mail address").fill(journey.username);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Password").fill(journey.password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** What the platform's frame answers to a message of the application's page. */
async function asked(page, message) {
  await page.waitForLoadState("load");
  const issuer = new URL(journey.issuer).origin;
  return page.evaluate(
    async ([message, issuer]) => {
      const frame = document.querySelector("iframe").contentWindow;
      const answer = new Promise((told) => {
        addEventListener("message", ({ data, origin, source }) => source === frame && origin === issuer && told(data), { once: true });
      });
      frame.postMessage(message, issuer);
      return Promise.race([answer, new Promise((over) => setTimeout(() => over("no answer"), 10_000))]);
    },
    [message, issuer],
  );
}

const state = (page, application) => asked(page, `${application.client_id} ${application.sessionState}`);

async function theSessionIsTheSameUntilItIsNot() {
  const { context, page, complaints, close } = await open();
  const [atShop, atNews] = [await page(), await page()];
  await atShop.goto(shop.authorization());
  await signIn(atShop);
  await atShop.getByRole("heading", { name: "Signed in" }).waitFor();
  assert.equal(await state(atShop, shop), "unchanged");
  const first = shop.sessionState;

  // Not for another application, not at another's origin, and nothing for what is no such message.
  assert.equal(await asked(atShop, `${news.client_id} ${first}`), "changed");
  for (const message of ["", "x", `${shop.client_id} ${first} more`, `${shop.client_id} nonsense`, null, { a: 1 }]) {
    assert.equal(await asked(atShop, message), "error", String(message));
  }

  // The other application is signed in to without a question, in the same session.
  await atNews.goto(news.authorization());
  await atNews.getByRole("heading", { name: "Signed in" }).waitFor();
  assert.equal(news.claims.sid, shop.claims.sid);
  assert.equal(await state(atNews, news), "unchanged");
  assert.equal(await asked(atNews, `${shop.client_id} ${first}`), "changed");
  assert.equal(await state(atShop, shop), "unchanged");

  // Somebody signs in anew: the one who did not ask for it notices, and asks again silently.
  await atNews.goto(news.authorization({ prompt: "login" }));
  await signIn(atNews);
  await atNews.getByRole("heading", { name: "Signed in" }).waitFor();
  assert.equal(await state(atShop, shop), "changed");
  await atShop.goto(shop.authorization({ prompt: "none" }));
  await atShop.getByRole("heading", { name: "Signed in" }).waitFor();
  assert.equal(await state(atShop, shop), "unchanged");
  assert.equal(shop.claims.sid, news.claims.sid);

  // One signs out: both have, by their own cookies in frames of another site; and the browser goes on.
  const sid = news.claims.sid;
  [shop.signedOut, news.signedOut] = [[], []];
  await atNews.goto(logout(news, "s 1"));
  await atNews.waitForURL(`${news.origin}/bye?state=s+1`);
  assert.deepEqual(shop.signedOut, [{ iss: journey.issuer, sid, cookie: `of_the_application=${shop.client_id}` }]);
  assert.deepEqual(news.signedOut, [{ cookie: `of_the_application=${news.client_id}` }]);
  assert.equal(await state(atShop, shop), "changed");
  const names = (await context.cookies()).map(({ name }) => name);
  assert.ok(!names.includes("of_the_application") && !names.some((name) => name.includes("-state-")), names.join());
  assert.deepEqual(complaints, []);
  await close();
}

function logout(application, state) {
  const url = new URL(`${journey.issuer}/oauth2/logout`);
  url.search = new URLSearchParams({ id_token_hint: application.idToken, post_logout_redirect_uri: `${application.origin}/bye`, state });
  return url.href;
}

async function aFrameThatHangsKeepsNobody() {
  const { page, close } = await open();
  const at = await page();
  await at.goto(shop.authorization());
  await signIn(at);
  await at.getByRole("heading", { name: "Signed in" }).waitFor();
  shop.hangs = true;
  const begun = Date.now();
  await at.goto(logout(shop, "late"), { waitUntil: "commit" });
  await at.waitForURL(`${shop.origin}/bye?state=late`, { waitUntil: "commit" });
  const took = Date.now() - begun;
  assert.ok(took > 4_500 && took < 15_000, `${took} ms`);
  shop.hangs = false;
  await close();
}

async function whereFramesGetNoCookiesNothingIsSaid() {
  const { page, close } = await open({ cookiesInFrames: false });
  const at = await page();
  await at.goto(shop.authorization());
  await signIn(at);
  await at.getByRole("heading", { name: "Signed in" }).waitFor();
  assert.equal(await state(at, shop), "error", "neither changed nor unchanged: nobody is to ask again and again");
  await close();
}

async function withoutScript() {
  const { page, close } = await open({ javaScriptEnabled: false });
  const at = await page();
  await at.goto(shop.authorization());
  await signIn(at);
  await at.getByRole("heading", { name: "Signed in" }).waitFor();
  shop.signedOut = [];
  await at.goto(logout(shop, "by-hand"));
  await at.getByRole("heading", { name: "You are signed out" }).waitFor();
  assert.equal(shop.signedOut.length, 1);
  await at.getByRole("link", { name: "Go on to The shop" }).click();
  await at.waitForURL(`${shop.origin}/bye?state=by-hand`);
  await close();
}

try {
  await theSessionIsTheSameUntilItIsNot();
  await aFrameThatHangsKeepsNobody();
  await whereFramesGetNoCookiesNothingIsSaid();
  await withoutScript();
  console.log("arrived");
} finally {
  for (const server of [proxy, applications]) {
    server.close();
    server.closeAllConnections();
  }
}
