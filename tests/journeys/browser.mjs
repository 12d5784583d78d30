// A newcomer's first minute, in a real browser: the demo, the sign-in page, the claims, the live list of events, a
// refreshed token, signing out. Then a wrong password, and the hosted page with JavaScript switched off.
// Rule protected: no console error and no violation of a content security policy on the whole way.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const journey = JSON.parse(process.env.JOURNEY);
const WAIT = 20_000;

const browser = await chromium.launch({
  executablePath: journey.chromium,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

/** A page that notes what goes wrong on it. */
async function open(options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { context, page, complaints };
}

async function signIn(page, username, password) {
  await page.getByLabel("User name or e-mail address").fill(username);
  await page.getByRole("button", { name: "Continue" }).click();
  await enterPassword(page, password);
}

async function enterPassword(page, password) {
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function theDemo() {
  const { context, page, complaints } = await open();
  await page.goto(journey.base);
  assert.equal(page.url(), `${journey.base}/demo/`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(/\/realms\/demo\/sign-in/);
  assert.match(await page.title(), /Sign in/);

  await signIn(page, "alice", journey.password);
  await page.waitForURL(`${journey.base}/demo/`);
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
  const idToken = await page.locator("#id-token").innerText();
  for (const claim of ["sub", "auth_time", "alice@example.com"]) assert.ok(idToken.includes(claim), `${claim} in ${idToken}`);
  await page.locator("#userinfo").getByText("Alice Liddell").waitFor();
  assert.ok((await page.locator("#checks li").count()) >= 6, "what was checked is told");

  const events = page.locator("#events");
  for (const title of ["Session started", "Code issued", "Grant started", "Token issued"]) {
    await events.getByText(title).first().waitFor();
  }
  await page.getByRole("button", { name: "Refresh the token" }).click();
  await events.getByText("Grant refreshed").first().waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  assert.equal(page.url(), `${journey.base}/demo/`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("User name or e-mail address").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
}

async function aWrongPassword() {
  const { context, page, complaints } = await open();
  await page.goto(`${journey.base}/demo/`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await signIn(page, "alice", "this is not her password");
  await page.getByRole("alert").getByText("That did not work").waitFor();
  assert.equal(await page.getByLabel("Password").inputValue(), "");
  assert.equal(await page.getByLabel("User name or e-mail address").inputValue(), "alice");
  // Chromium itself reports the status 401 of the page; nothing else is to be said.
  assert.deepEqual(complaints.filter((text) => !text.includes("401")), []);
  await enterPassword(page, journey.password);
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
  await context.close();
}

async function withoutScript() {
  const config = await (await fetch(`${journey.base}/demo/config.json`)).json();
  const { context, page, complaints } = await open({ javaScriptEnabled: false });
  const authorize = new URL(`${config.issuer}/oauth2/authorize`);
  authorize.search = new URLSearchParams({
    response_type: "code",
    client_id: config.client_id,
    redirect_uri: config.redirect_uri,
    scope: "openid",
    state: "without-script",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
  });
  await page.goto(authorize.href);
  await signIn(page, "alice", journey.password);
  await page.waitForURL((url) => url.pathname === "/demo/" && url.searchParams.has("code"));
  const answer = new URL(page.url()).searchParams;
  assert.equal(answer.get("state"), "without-script");
  assert.equal(answer.get("iss"), config.issuer);

  await page.goto(`${config.issuer}/sign-in`);
  await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
}

try {
  await theDemo();
  await aWrongPassword();
  await withoutScript();
  console.log("arrived");
} finally {
  await browser.close();
}
