// The account pages in a real browser, on a screen and on a phone: a passkey is added, named, and removed after showing anew who one is, the
// other browser is signed out, the device is revoked. Rule protected: all but the passkey works without script, nothing runs off
// the side of a page, and no page complains.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const journey = JSON.parse(process.env.JOURNEY);
const WAIT = 20_000;
const account = `${journey.issuer}/account`;

const browser = await chromium.launch({
  executablePath: journey.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
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

/** Opens a page of the account, and signs in where that is asked. */
async function visit(page, section) {
  await page.goto(`${account}${section}`);
  if (page.url().includes("/sign-in")) {
    await page.getByLabel("User name or e-mail address").fill(journey.username);
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await page.getByLabel("Password").fill(journey.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${account}${section}`);
  }
}

async function nothingRunsOff(page) {
  for (const [width, height] of [[320, 640], [390, 844], [1280, 800]]) {
    await page.setViewportSize({ width, height });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${page.url()} is ${wide} pixels too wide at ${width}`);
  }
}

async function aPasskeyIsAddedNamedAndRemoved() {
  const { context, page, complaints } = await open();
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  await visit(page, "/credentials");
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await page.locator("form[data-passkey] button[type=submit], form[data-passkey] button").first().click();
  await page.getByRole("heading", { name: "Keep these recovery codes" }).waitFor();
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.waitForURL(`${account}/credentials`);
  await nothingRunsOff(page);
  await page.getByLabel(/^New name of/).fill("My laptop");
  await page.getByRole("button", { name: /^Rename/ }).click();
  await page.getByRole("heading", { name: "My laptop" }).waitFor();
  await page.getByRole("button", { name: "Remove My laptop" }).click();
  await page.getByText("The passkey is removed").waitFor();
  await page.getByText("You have none.").first().waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
}

async function theOtherBrowserIsSignedOutAndRevoked() {
  const phone = await open({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false, userAgent: journey.phone });
  const desk = await open({ javaScriptEnabled: false });
  await visit(phone.page, "/sessions");
  await visit(desk.page, "/sessions");
  await desk.page.getByRole("heading", { name: "Safari on iPhone" }).waitFor();
  await desk.page.getByRole("button", { name: /^Sign out Safari on iPhone/ }).first().click();
  await desk.page.getByText("That browser is signed out").waitFor();
  await phone.page.goto(account);
  assert.match(phone.page.url(), /\/sign-in\?flow=/);
  await visit(phone.page, "");
  await visit(desk.page, "/devices");
  await desk.page.getByRole("button", { name: "Revoke Safari on iPhone" }).click();
  await desk.page.getByText("The device is revoked").waitFor();
  await phone.page.goto(account);
  assert.match(phone.page.url(), /\/sign-in\?flow=/);
  assert.deepEqual([...phone.complaints, ...desk.complaints], []);
  await phone.context.close();
  await desk.context.close();
}

async function everyPageFits() {
  const { context, page, complaints } = await open();
  for (const section of ["", "/profile", "/credentials", "/password", "/sessions", "/devices", "/applications"]) {
    await visit(page, section);
    assert.equal(await page.locator("h1").count(), 1, section);
    assert.equal(await page.locator("nav [aria-current=page]").count(), 1, section);
    await nothingRunsOff(page);
  }
  assert.deepEqual(complaints, []);
  await context.close();
}

try {
  await aPasskeyIsAddedNamedAndRemoved();
  await theOtherBrowserIsSignedOutAndRevoked();
  await everyPageFits();
  console.log("arrived");
} finally {
  await browser.close();
}
