// A small application that people sign in to, with the library openid-client:
//
//     node sign_in.mjs ISSUER CLIENT_ID PORT
//
// Open http://127.0.0.1:PORT/ in a browser. The application is registered with the redirect URI http://127.0.0.1:PORT/callback and the
// post-logout redirect URI http://127.0.0.1:PORT/bye. It has no secret (type `native` or `spa`), or one in CLIENT_SECRET (type `web`).
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import * as client from "openid-client";

const [issuer, clientId, port] = process.argv.slice(2);
const secret = process.env.CLIENT_SECRET;
const base = `http://127.0.0.1:${port}`;
const redirectUri = `${base}/callback`;

// Everything else that the library needs to know, it finds in the realm's discovery document. (Plain HTTP is for development alone.)
const config = await client.discovery(
  new URL(issuer),
  clientId,
  undefined,
  secret ? client.ClientSecretBasic(secret) : client.None(),
  { execute: issuer.startsWith("http:") ? [client.allowInsecureRequests] : [] },
);

/** What was sent along with each request that is under way, by the cookie of the browser that it is of. */
const pending = new Map();

/** Sends the browser to the platform. */
async function begin() {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
  };
  const browser = randomUUID();
  pending.set(browser, checks);
  const location = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: "openid profile email offline_access",
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  });
  return { status: 303, headers: { location, "set-cookie": `sign_in=${browser}; HttpOnly; SameSite=Lax; Path=/` } };
}

/** The browser is back: the code becomes tokens. The library checks state, issuer, signature, audience, nonce. */
async function finish(url, cookies) {
  const browser = /sign_in=([\w-]+)/.exec(cookies ?? "")?.[1];
  const checks = pending.get(browser);
  if (!checks) return { status: 400, body: "No sign-in is under way in this browser." };
  pending.delete(browser);
  const tokens = await client.authorizationCodeGrant(config, url, checks);
  const { sub } = tokens.claims();
  const person = await client.fetchUserInfo(config, tokens.access_token, sub);
  // Access tokens are short-lived; the refresh token is good once, and brings the next one.
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
  const signOut = client.buildEndSessionUrl(config, {
    id_token_hint: renewed.id_token ?? tokens.id_token,
    post_logout_redirect_uri: `${base}/bye`,
  });
  return { status: 200, body: `Hello, ${person.preferred_username}.\nYou are ${sub}.\nSign out: ${signOut}\n` };
}

async function answer(request) {
  const url = new URL(request.url, base);
  if (url.pathname === "/") return begin();
  if (url.pathname === "/callback") return finish(url, request.headers.cookie);
  if (url.pathname === "/bye") return { status: 200, body: "Signed out.\n" };
  return { status: 404, body: "There is nothing here.\n" };
}

createServer(async (request, response) => {
  // An error of the platform says what went wrong in `error` and `error_description` (RFC 6749, 4.1.2.1 and 5.2).
  const { status, headers, body } = await answer(request).catch((error) => ({
    status: 502,
    body: `${error.error ?? error.code ?? error.message}: ${error.error_description ?? ""}\n`,
  }));
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(body);
}).listen(Number(port), "127.0.0.1", () => console.log(`Open ${base}/`));
