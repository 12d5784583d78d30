// Passkeys in a real browser, with Chromium's virtual authenticator: registered on the way, used with a user name, without one, and by autofill;
// refused in another realm, with a counter that went back, without the verification that the realm asks for, and once removed.
// Rule protected: no violation of a content security policy on the whole way, and nothing said on the console but the status of a refusal.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const journey = JSON.parse(process.env.JOURNEY);
const browser = await chromium.launch({
  executablePath: journey.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"],
});
const context = await browser.newContext();
const page = await context.newPage();
page.setDefaultTimeout(20_000);
const complaints = [];
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));

const devtools = await context.newCDPSession(page);
await devtools.send("WebAuthn.enable", { enableUI: false });
let authenticatorId;
const authenticator = (method, more = {}) => devtools.send(`WebAuthn.${method}`, { authenticatorId, ...more });

/** Plugs an authenticator in, which makes sure who is there or cannot. */
async function plugIn(hasUserVerification) {
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification,
    isUserVerified: hasUserVerification,
    automaticPresenceSimulation: true,
  };
  ({ authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options }));
}

/** Another authenticator is plugged in instead, with this passkey, if there is one. */
async function replace(hasUserVerification, credential) {
  await authenticator("removeVirtualAuthenticator");
  await plugIn(hasUserVerification);
  if (credential) await authenticator("addCredential", { credential });
}

await plugIn(true);

// Whatever asks the virtual authenticator gets an answer at once, autofill too: but for its own step, this is a browser that cannot autofill.
await context.addInitScript(() => {
  if (sessionStorage.getItem("autofill")) return;
  PublicKeyCredential.isConditionalMediationAvailable = async () => false;
});

const button = (name) => page.getByRole("button", { name });
const heading = (name) => page.getByRole("heading", { name });
const notAccepted = "This passkey does not sign you in here";

/** The management API, for what administrators do. */
async function api(method, path, body) {
  const response = await fetch(`${journey.base}/command/v1/realms/${journey.realm}${path}`, {
    method,
    headers: { authorization: `Bearer ${journey.token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`);
}
const settings = (change) => api("PATCH", "/settings", change);

const open = (issuer = journey.issuer) => page.goto(`${issuer}/sign-in`);

async function isIn() {
  await heading("You are signed in").waitFor();
  await page.getByText(journey.username).waitFor();
  await button("Sign out").click();
  await heading("You are signed out").waitFor();
}

/** Opens the sign-in page, and presses its button. */
async function press(issuer) {
  await open(issuer);
  await button("Sign in with a passkey").click();
}

async function signInByPassword() {
  await open();
  await page.getByLabel("User name or e-mail address").fill(journey.username);
  await button("Continue").click();
  await enterPassword();
}

async function enterPassword() {
  await page.getByLabel("Password").fill(journey.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

async function credential() {
  const { credentials } = await authenticator("getCredentials");
  assert.equal(credentials.length, 1);
  return credentials[0];
}

async function register() {
  await settings({ mfa: { policy: "required", methods: ["passkey"] } });
  await signInByPassword();
  await heading("Set up a passkey").waitFor();
  await page.getByLabel("Name of this passkey").fill("Chromium");
  await button("Set up and go on").click();
  await isIn();
  const { isResidentCredential, rpId } = await credential();
  assert.ok(isResidentCredential && rpId === "localhost", "it is found without a user name");
  await settings({ mfa: { policy: "optional", methods: ["passkey", "totp", "recovery_code"] } });
}

async function withoutUserName() {
  await press();
  await isIn();
}

async function withUserName() {
  await open();
  await page.getByLabel("User name or e-mail address").fill(journey.username);
  await button("Continue").click();
  await button("Use a passkey").click();
  await button("Continue with a passkey").click();
  await isIn();
}

async function asSecondFactor() {
  await signInByPassword();
  await button("Continue with a passkey").click();
  await isIn();
}

async function byAutofill() {
  await page.evaluate(() => sessionStorage.setItem("autofill", "yes"));
  await open();
  // Nothing is pressed on the way.
  await heading("You are signed in").waitFor();
  await page.evaluate(() => sessionStorage.removeItem("autofill"));
  await isIn();
}

async function inAnotherRealm() {
  await press(journey.elsewhere);
  await page.getByRole("alert").getByText(notAccepted).waitFor();
}

async function withACounterThatWentBack() {
  const before = await credential();
  await press();
  await isIn();
  const after = await credential();
  assert.ok(after.signCount > before.signCount, "it counts");
  await authenticator("removeCredential", { credentialId: after.credentialId });
  await authenticator("addCredential", { credential: { ...after, signCount: before.signCount - 1 } });
  await press();
  await page.getByRole("alert").getByText(notAccepted).waitFor();
  await authenticator("removeCredential", { credentialId: after.credentialId });
  await authenticator("addCredential", { credential: { ...after, signCount: after.signCount + 5 } });
  await press();
  await isIn();
}

async function underThePolicyOfVerification() {
  const kept = await credential();
  await replace(false, kept);
  await press();
  await page.getByText("Nothing came of it").waitFor();
  assert.match(page.url(), /\/sign-in/, "the browser itself gave it up");
  await settings({ passkeys: { user_verification: "preferred" } });
  await signInByPassword();
  await button("Continue with a passkey").click();
  await page.getByRole("alert").getByText(notAccepted).waitFor();

  // One that never made sure of anybody is one factor, beside the password; it is added by the other one.
  await replace(true, kept);
  await press();
  await heading("You are signed in").waitFor();
  const used = await credential();
  await replace(false);
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await page.getByLabel("Name of this passkey").fill("Key");
  await button("Set up and go on").click();
  await button("I have kept them").click();
  await isIn();
  await signInByPassword();
  await button("Continue with a passkey").click();
  await isIn();
  await settings({ passkeys: { user_verification: "required" } });
  await replace(true, used);
}

async function onceRemoved() {
  const list = await fetch(`${journey.base}/query/v1/realms/${journey.realm}/users/${journey.user}/passkeys`, {
    headers: { authorization: `Bearer ${journey.token}` },
  });
  const { items } = await list.json();
  assert.deepEqual(items.map((item) => item.name), ["Chromium", "Key"]);
  assert.ok(items[0].last_used_at, "its use is told");
  await api("DELETE", `/users/${journey.user}/passkeys/${items[0].id}`);
  await press();
  await page.getByRole("alert").getByText(notAccepted).waitFor();
}

try {
  for (const step of [
    register,
    withoutUserName,
    withUserName,
    asSecondFactor,
    byAutofill,
    inAnotherRealm,
    withACounterThatWentBack,
    underThePolicyOfVerification,
    onceRemoved,
  ]) {
    try {
      await step();
    } catch (error) {
      console.error(`${step.name}: at ${page.url()}\n${await page.content().catch(String)}`);
      throw error;
    }
  }
  // Chromium itself reports the status 401 of a page; nothing else is to be said.
  assert.deepEqual(complaints.filter((text) => !text.includes("401")), []);
  console.log("arrived");
} finally {
  await browser.close();
}
