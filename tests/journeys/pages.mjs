// Every hosted page as people have it, and every letter that leads to one: in each language, in light and dark, on a desk and on a phone, checked
// by axe-core against WCAG 2.2 AA; the order of the keyboard, and what the sign-in page weighs. Rule protected: no violation, nothing wider than the screen, no complaint of
// a content security policy, and no page that is not looked at.
// With SCREENSHOTS=<folder> the pages are drawn there.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { chromium } from "playwright-core";

const journey = JSON.parse(process.env.JOURNEY);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: journey.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"],
});

// What a page is made of is the same in every look: all rules are asked of the smallest, where things are closest, and those of colours in the dark.
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const COLOURS = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
const LOOKS = [
  { name: "light", colorScheme: "light", width: 1280, height: 860 },
  { name: "dark", colorScheme: "dark", width: 1280, height: 860, rules: COLOURS },
  { name: "phone", colorScheme: "light", width: 360, height: 740, rules: { type: "tag", values: [...WCAG, "best-practice"] } },
  { name: "phone-dark", colorScheme: "dark", width: 320, height: 640 },
];

let context, page, language, complaints;
const seen = new Set();

/** A browser that was never here, and asks for a language. */
async function anew(tag, options = {}) {
  await context?.close();
  language = tag;
  context = await browser.newContext({ locale: tag, ...options });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  // The application that people are sent back to.
  await context.route(`${journey.application.redirect_uri}**`, (route) => route.fulfill({ contentType: "text/plain", body: "back" }));
  complaints = [];
  // Chromium itself reports the status of a page that is refused.
  page.on("console", (message) => message.type() === "error" && !/status of 4/.test(message.text()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
}

/** Looks at the page that is open, in every look. */
async function look(name) {
  seen.add(name);
  assert.equal(await page.locator("html").getAttribute("lang"), language, name);
  await page.evaluate(axe);
  for (const { name: how, colorScheme, width, height, rules } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height });
    const told = `${name}, ${language}, ${how}`;
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${told}: ${wide} pixels too wide`);
    if (rules) {
      const { violations } = await page.evaluate((runOnly) => window.axe.run({ runOnly }), rules);
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`);
      assert.deepEqual(found, [], told);
    }
    if (process.env.SCREENSHOTS) {
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${language}-${how}.png`, fullPage: true });
    }
  }
  assert.deepEqual(complaints, [], name);
}

async function api(method, path, body) {
  const response = await fetch(`${journey.base}/command/v1/realms/${journey.realm}${path}`, {
    method,
    headers: { authorization: `Bearer ${journey.token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`);
}
const settings = (change) => api("PATCH", "/settings", change);

/** Letters that came while one to another address was waited for: between addresses there is no order. */
const arrived = [];

/** The next letter to an address. */
async function received(address) {
  for (;;) {
    const place = arrived.findIndex(({ to }) => to[0] === address);
    if (place >= 0) return arrived.splice(place, 1)[0];
    arrived.push(await new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(journey.letters, "127.0.0.1").setEncoding("utf8");
      socket.on("data", (part) => (text += part)).on("error", reject).on("end", () => resolve(JSON.parse(text)));
    }));
  }
}

/** The next letter to an address: it is looked at, and its link and code are told. */
async function letter(address, name) {
  const told = await received(address);
  const reader = await context.newPage();
  await reader.setContent(told.html);
  assert.equal(await reader.locator("html").getAttribute("lang"), language, told.subject);
  for (const { name: how, colorScheme, width, height } of LOOKS) {
    await reader.emulateMedia({ colorScheme });
    await reader.setViewportSize({ width, height });
    const wide = await reader.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${told.subject}, ${how}: ${wide} pixels too wide`);
    if (process.env.SCREENSHOTS) await reader.screenshot({ path: `${process.env.SCREENSHOTS}/letter-${name}-${language}-${how}.png`, fullPage: true });
  }
  await reader.evaluate(axe);
  const { violations } = await reader.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), WCAG);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`), [], told.subject);
  await reader.close();
  return { link: /https?:\S+/.exec(told.text)?.[0], code: /^\s*(\d{6,10})\s*$/m.exec(told.text)?.[1] };
}

/** What was sent to phones, by number. */
const texts = new Map();
/** Answers as Twilio does. */
const twilio = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const sent = new URLSearchParams(body);
  texts.set(sent.get("To"), sent.get("Body"));
  response.writeHead(201, { "content-type": "application/json" });
  response.end(JSON.stringify({ sid: `SM${"0".repeat(32)}`, status: "queued", error_code: null }));
});

/** The code of the next message to a number. */
async function texted(number) {
  while (!texts.has(number)) await new Promise((resolve) => setTimeout(resolve, 20));
  const text = texts.get(number);
  texts.delete(number);
  return /^\d{6}/.exec(text)[0];
}

const submit = () => page.locator("main form button[type=submit]:visible").first().click();
const field = (name) => page.locator(`input[name=${name}]`);
const open = (path) => page.goto(`${journey.issuer}${path}`);

async function identify(username = journey.people[language].username) {
  await field("username").fill(username);
  await submit();
  await field("password").waitFor();
}

async function password(text = journey.people[language].password) {
  await field("password").fill(text);
  await submit();
}

/** A one-time password after RFC 6238, of now. */
function totp(secret) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/\s/g, "")].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(step).digest();
  const at = mac[mac.length - 1] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

function authorize(application, more = {}) {
  const address = new URL(`${journey.issuer}/oauth2/authorize`);
  address.search = new URLSearchParams({
    response_type: "code",
    client_id: application.client_id,
    redirect_uri: application.redirect_uri,
    scope: "openid profile email offline_access",
    state: "pages",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    ...more,
  });
  return address.href;
}

async function signingIn() {
  await page.goto(authorize(journey.application));
  await field("username").waitFor();
  await look("identify");
  await page.goto(`${journey.issuer}/sign-in?flow=of-another-browser`);
  await look("identify-again");
  await page.goto(authorize(journey.application));
  await identify();
  await look("password");
  await password("this is not the password");
  await page.locator("[role=alert]").waitFor();
  await look("password-refused");
  await password();
  await page.locator("ul.asks").first().waitFor();
  await look("consent");
  await page.locator("button[name=decision][value=allow]").click();
  await page.waitForURL(/\/callback\?/);
  await open("/sign-in");
  await page.locator("time").waitFor();
  await look("signed-in");
  for (const [name, path] of [
    ["account", ""],
    ["account-profile", "/profile"],
    ["account-credentials", "/credentials"],
    ["account-password", "/password"],
    ["account-email", "/email"],
    ["account-sessions", "/sessions"],
    ["account-devices", "/devices"],
    ["account-applications", "/applications"],
  ]) {
    await open(`/account${path}`);
    await page.locator("nav.account-nav").waitFor();
    await look(name);
  }
}

async function devices() {
  await open("/device");
  await field("user_code").waitFor();
  await look("device");
  await field("user_code").fill("BBBB-BBBB");
  await submit();
  await page.locator("[role=alert]").waitFor();
  await look("device-refused-code");
  for (const decision of ["allow", "deny"]) {
    const response = await fetch(`${journey.issuer}/oauth2/device_authorization`, {
      method: "POST",
      body: new URLSearchParams({ client_id: journey.device.client_id, scope: "openid" }),
    });
    const { user_code } = await response.json();
    await open(`/device?user_code=${user_code}`);
    await submit();
    await page.locator("button[name=decision]").first().waitFor();
    await look("device-asks");
    await page.locator(`button[name=decision][value=${decision}]`).click();
    await page.locator("button[name=decision]").first().waitFor({ state: "detached" });
    await look(`device-${decision}`);
  }
}

async function goingBack() {
  await page.route("**/form-post.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  await page.goto(authorize(journey.application, { response_mode: "form_post" }));
  await page.locator("#form-post").waitFor();
  await look("form-post");
  await page.unroute("**/form-post.js");
}

async function signingOut() {
  await open("/oauth2/logout");
  await page.locator("main form button").waitFor();
  await look("sign-out");
  await submit();
  await page.locator("#onward").waitFor();
  await look("signed-out");
}

async function errors() {
  await page.goto(`${journey.issuer}/oauth2/authorize?client_id=nobody`);
  await page.locator("dl.facts").waitFor();
  await page.locator("summary").click();
  await look("error");
  await open("/nothing");
  await page.locator("dl.facts").waitFor();
  await look("nothing");
}

/** A second factor is enrolled on the way, and asked for the next time; then a passkey besides. */
async function secondFactors(tag) {
  await anew(tag);
  // Whatever asks the virtual authenticator gets an answer at once, autofill too.
  await context.addInitScript(() => (PublicKeyCredential.isConditionalMediationAvailable = async () => false));
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable", { enableUI: false });
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  const person = journey.people[tag];
  const signIn = async () => {
    await open("/sign-in");
    await identify(person.username);
    await password(person.password);
  };
  await signIn();
  await page.locator("button[name=decline]").waitFor();
  if (await page.locator("button[name=use][value=totp]").count()) await page.locator("button[name=use][value=totp]").click();
  await page.locator(".qr").waitFor();
  await page.locator("summary").click();
  await look("enrol-totp");
  await field("code").fill("000000");
  await submit();
  await page.locator("[role=alert]").waitFor();
  await look("enrol-totp-again");
  await page.locator("summary").click();
  const secret = await page.locator("details code").innerText();
  await field("code").fill(totp(secret));
  await submit();
  await page.locator("ol.codes").waitFor();
  await look("recovery-codes");
  await submit();
  await page.locator("time").waitFor();
  await passkeys(tag);
  await page.context().clearCookies();
  await signIn();
  await field("code").waitFor();
  await look("code");
  await page.locator("button[name=use][value=recovery_code]").click();
  await field("recovery_code").waitFor();
  await look("recovery-code");
}

/** Somebody adds a passkey, and signs in with it. */
async function passkeys(tag) {
  await open("/sign-in?add=passkey");
  await page.locator("[data-passkey=create] button").waitFor();
  await look("enrol-passkey");
  await page.locator("[data-passkey=create] button").click();
  await page.locator("time").waitFor();
  await open("/oauth2/logout");
  await submit();
  await page.locator("#onward").waitFor();
  await open("/sign-in");
  await identify(journey.people[tag].username);
  await page.locator("button[name=use][value=passkey]").click();
  await page.locator("[data-passkey=get] button").waitFor();
  await look("passkey");
}

/** What is done by letters. */
async function byLetters(tag) {
  await anew(tag);
  const reader = journey.readers[tag];
  await open("/registration");
  await field("email").fill("nobody@example.test");
  await look("register");
  await field("email").evaluate((input) => (input.type = "text"));
  await field("email").fill("nobody");
  await submit();
  await page.locator("[role=alert]").waitFor();
  await look("register-refused");
  await field("email").fill(`new-${reader.email}`);
  await submit();
  await field("code").waitFor();
  await look("register-code");

  await open("/recovery");
  await look("recover");
  await field("username").fill(reader.username);
  await submit();
  await field("username").waitFor({ state: "detached" });
  await look("recover-sent");
  const { link } = await letter(reader.email, "recovery");
  await page.goto(link);
  await field("password").fill("short");
  await look("set-password");
  await submit();
  await page.locator("[role=alert]").waitFor();
  await look("set-password-refused");
  const chosen = "quorum of seven herons";
  await field("password").fill(chosen);
  await submit();
  await field("password").waitFor({ state: "detached" });
  await look("password-set");
  await letter(reader.email, "password-changed");
  await page.goto(link);
  await page.locator("dl.facts").waitFor();
  await look("void-letter");

  await open("/sign-in");
  await identify(reader.username);
  await page.locator("button[name=use][value=email]").click();
  await field("email_code").waitFor();
  await look("email-code");
  const mailed = await letter(reader.email, "sign-in");
  await page.goto(mailed.link);
  await look("letter-sign-in");
  const begun = await context.cookies();
  await context.clearCookies();
  await page.goto(mailed.link);
  await page.locator(".shown").waitFor();
  await look("letter-code");
  await context.addCookies(begun);
  await page.goto(mailed.link);
  await submit();
  await page.locator("time").first().waitFor();
  await open("/account/email");
  await field("email").fill(`other-${reader.email}`);
  await page.locator("form:has(input[name=email]) button[type=submit]").click();
  await field("code_new").waitFor();
  await look("account-email-changing");
  const change = await letter(`other-${reader.email}`, "email-change");
  await letter(reader.email, "email-change-before");
  await page.goto(change.link);
  await look("letter-email-change");
  await submit();
  await page.locator("main form").waitFor({ state: "detached" });
  await look("email-half");
}

/** Somebody shows that a phone is theirs, and then who they are by what is sent to it. */
async function byText(tag) {
  await anew(tag);
  const caller = journey.callers[tag];
  await open("/sign-in");
  await identify(caller.username);
  await password(caller.password);
  await page.locator("time").first().waitFor();
  await open("/account/phone");
  await look("account-phone");
  await page.locator("button[name=send]").click();
  await field("code").waitFor();
  await look("account-phone-code");
  await field("code").fill(await texted(caller.phone));
  await page.locator("form:has(input[name=code]) button[type=submit]").click();
  // From now on it is a second factor, which this session has not shown yet.
  await field("sms_code").waitFor();
  await look("text-code");
  const code = await texted(caller.phone);
  await field("sms_code").fill(code === "000000" ? "000001" : "000000");
  await submit();
  await page.locator("[role=alert]").waitFor();
  await look("text-code-refused");
  await field("sms_code").fill(code);
  await submit();
  await field("phone").waitFor();
  await look("account-phone-verified");
}

/** The first field has the focus, as soon as the browser has drawn the page. */
const focused = (name) => page.waitForFunction((name) => document.activeElement.name === name, name);

/** With the keyboard alone: everything is reached, from the top to the bottom. */
async function byKeyboard() {
  await page.goto(authorize(journey.application));
  await field("username").waitFor();
  await focused("username");
  const reached = [];
  for (;;) {
    const at = await page.evaluate(() => {
      const { top } = document.activeElement.getBoundingClientRect();
      return { what: document.activeElement.outerHTML.slice(0, 60), top, body: document.activeElement === document.body };
    });
    if (at.body || (reached.length && at.what === reached[0].what)) break;
    reached.push(at);
    await page.keyboard.press("Tab");
    assert.ok(reached.length < 30, "the keyboard comes out again");
  }
  assert.ok(reached.length >= 5, JSON.stringify(reached));
  const tops = reached.map(({ top }) => top);
  assert.deepEqual(tops, [...tops].sort((one, other) => one - other), "from the top to the bottom");
  await page.goto(authorize(journey.application));
  await page.keyboard.type(journey.username);
  await page.keyboard.press("Enter");
  await field("password").waitFor();
  await focused("password");
}

async function weight() {
  let bytes = 0;
  const weigh = async (response) => (bytes += (await response.body().catch(() => "")).length);
  page.on("response", weigh);
  await page.goto(authorize(journey.application), { waitUntil: "networkidle" });
  assert.ok(bytes > 5_000 && bytes < 50_000, `the sign-in page weighs ${bytes} bytes`);
  page.off("response", weigh);
}

/** The choice of a language, without a script. */
async function withoutScript() {
  await anew("en", { javaScriptEnabled: false });
  await page.goto(authorize(journey.application));
  await identify();
  await page.getByRole("link", { name: "Deutsch" }).click();
  await page.getByRole("heading", { name: "Passwort eingeben" }).waitFor();
  assert.equal(await field("username").inputValue(), journey.username);
  await page.getByRole("link", { name: "简体中文" }).click();
  await page.getByRole("heading", { name: "输入密码" }).waitFor();
  await page.getByRole("link", { name: "English" }).click();
  await page.getByRole("heading", { name: "Enter your password" }).waitFor();
}

twilio.listen(journey.texts, "127.0.0.1");
try {
  await settings({ mfa: { policy: "off" } });
  for (const tag of ["en", "de", "zh-Hans"]) {
    await anew(tag);
    await signingIn();
    await devices();
    await goingBack();
    await signingOut();
    await errors();
    await byKeyboard();
  }
  await weight();
  await withoutScript();
  await settings({ mail: { sign_in: "code_and_link" }, registration: { self_registration: true } });
  for (const tag of ["en", "de", "zh-Hans"]) await byLetters(tag);
  await settings({ mail: { sign_in: "off" }, registration: { self_registration: false } });
  await settings({ mfa: { policy: "offered", methods: ["totp", "recovery_code"] } });
  for (const tag of ["en", "de", "zh-Hans"]) await secondFactors(tag);
  await settings({ mfa: { policy: "optional", methods: ["sms"] } });
  for (const tag of ["en", "de", "zh-Hans"]) await byText(tag);
  assert.ok(seen.size >= 45, `${seen.size} pages`);
  console.log("arrived");
} finally {
  twilio.close();
  await browser.close();
}
