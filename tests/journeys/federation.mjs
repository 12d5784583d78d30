// Signing in with others in a real browser: the other is an OpenID Connect provider that we did not write (npm oidc-provider), and a realm is
// its client, once by a secret and once by its own key. Then the same person adds it to another account, which is refused.
// Rule protected: a realm is an ordinary relying party, nothing of ours is in the provider, and no page of ours violates its policy.
import assert from "node:assert/strict";
import Provider from "oidc-provider";
import { chromium } from "playwright-core";

const journey = JSON.parse(process.env.JOURNEY);
const claims = { openid: ["sub"], email: ["email", "email_verified"], profile: ["given_name", "family_name"] };
const provider = new Provider(journey.provider, {
  clients: journey.clients.map((client) => ({ response_types: ["code"], grant_types: ["authorization_code"], ...client })),
  clientAuthMethods: ["client_secret_basic", "private_key_jwt"],
  pkce: { required: () => true },
  claims,
  cookies: { keys: ["a key of the tests"] },
  // It guards what it fetches, as we do; the realm is on this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  // Whoever types a name there is that person.
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@independent.example`, email_verified: true, given_name: sub, family_name: "Independent" }),
  }),
});
const told = [];
for (const event of ["grant.error", "authorization.error", "userinfo.error", "server_error"]) {
  provider.on(event, (_, error) => told.push(`${event}: ${error.error_description} ${error.error_detail} ${error.cause ?? error.stack}`));
}
const server = provider.listen(Number(new URL(journey.provider).port), "127.0.0.1");
await new Promise((listening) => server.once("listening", listening));

const browser = await chromium.launch({
  executablePath: journey.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"],
});

/** Signs in at the provider, and comes back to the realm. */
async function signIn(page, link, name) {
  await page.getByRole("link", { name: link }).click();
  await page.locator('input[name="login"]').fill(name);
  await page.locator('input[name="password"]').fill("whatever");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

async function newPage() {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints = [];
  page.on("console", (message) => message.text().includes("Content Security Policy") && page.url().startsWith(journey.base) && complaints.push(message.text()));
  page.on("pageerror", (error) => page.url().startsWith(journey.base) && complaints.push(String(error)));
  return { context, page, complaints };
}

try {
  // By a secret, and by the realm's own key: two clients, and one person of one issuer.
  for (const link of ["Continue with Secret", "Continue with Key"]) {
    const { context, page, complaints } = await newPage();
    await page.goto(`${journey.issuer}/sign-in`);
    await signIn(page, link, "ida");
    await page.getByRole("heading", { name: "You are signed in" }).waitFor();
    assert.ok((await page.content()).includes("ida@independent.example"), await page.content());
    assert.deepEqual(complaints, []);
    await context.close();
  }
  // Somebody else, who is signed in here, does not get ida by adding her.
  const { page } = await newPage();
  await page.goto(`${journey.issuer}/sign-in`);
  await page.getByLabel("User name or e-mail address").fill(journey.username);
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await page.getByLabel("Password").fill(journey.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  await page.goto(`${journey.issuer}/sign-in?add=federated`);
  if (journey.pictures) await page.screenshot({ path: `${journey.pictures}/add.png` });
  await signIn(page, "Continue with Secret", "ida");
  await page.getByText("belongs to another account here").waitFor();
  // A name that nobody has is hers from then on.
  await page.goto(`${journey.issuer}/sign-in?add=federated`);
  await page.context().clearCookies({ domain: "127.0.0.1", name: /_session/ });
  await signIn(page, "Continue with Secret", "otto");
  await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  console.log("arrived");
} catch (error) {
  console.error(told.join("\n"));
  throw error;
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
