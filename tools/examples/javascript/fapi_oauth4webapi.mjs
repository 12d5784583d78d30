// The same as fapi.mjs with the library oauth4webapi, which runs wherever the web's own interfaces are (browsers, workers, Deno, Bun),
// and shows every step:
//
//     node fapi_oauth4webapi.mjs ISSUER CLIENT_ID PORT key.json https://app.example.com
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import * as oauth from "oauth4webapi";

const [issuer, clientId, port, keyFile, base] = process.argv.slice(2);
const redirectUri = `${base}/callback`;
const insecure = { [oauth.allowInsecureRequests]: issuer.startsWith("http:") };

const server = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), insecure));
const jwk = JSON.parse(await readFile(keyFile, "utf8"));
const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const application = { client_id: clientId };
const authentication = oauth.PrivateKeyJwt({ key, kid: jwk.kid });
const DPoP = oauth.DPoP(application, await oauth.generateKeyPair("ES256"));

/** Asks, and asks once more where the platform wants its nonce in the proof (RFC 9449, section 8). */
async function asked(ask, read) {
  try {
    return await read(await ask());
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return read(await ask());
  }
}

/** One person at a time: an application for many keeps this by a cookie, as sign_in.mjs does. */
let verifier, state, nonce;

async function begin() {
  [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()];
  const request = {
    response_type: "code",
    redirect_uri: redirectUri,
    scope: "openid profile offline_access",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
  };
  const pushed = await asked(
    () => oauth.pushedAuthorizationRequest(server, application, authentication, request, { DPoP, ...insecure }),
    (response) => oauth.processPushedAuthorizationResponse(server, application, response),
  );
  const location = new URL(server.authorization_endpoint);
  location.search = new URLSearchParams({ client_id: clientId, request_uri: pushed.request_uri });
  return { status: 303, headers: { location } };
}

async function finish(url) {
  const parameters = oauth.validateAuthResponse(server, application, url, state);
  const tokens = await asked(
    () => oauth.authorizationCodeGrantRequest(server, application, authentication, parameters, redirectUri, verifier, { DPoP, ...insecure }),
    (response) => oauth.processAuthorizationCodeResponse(server, application, response, { expectedNonce: nonce, requireIdToken: true }),
  );
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const person = await asked(
    () => oauth.userInfoRequest(server, application, tokens.access_token, { DPoP, ...insecure }),
    (response) => oauth.processUserInfoResponse(server, application, sub, response),
  );
  const renewed = await asked(
    () => oauth.refreshTokenGrantRequest(server, application, authentication, tokens.refresh_token, { DPoP, ...insecure }),
    (response) => oauth.processRefreshTokenResponse(server, application, response),
  );
  return { status: 200, body: `Hello, ${person.preferred_username}.\nYou are ${sub}.\nToken type: ${renewed.token_type}\n` };
}

async function answer(request) {
  const url = new URL(request.url, base);
  if (url.pathname === "/") return begin();
  if (url.pathname === "/callback" && verifier) return finish(url);
  return { status: 404, body: "There is nothing here.\n" };
}

createServer(async (request, response) => {
  const { status, headers, body } = await answer(request).catch((error) => ({
    status: 502,
    body: `${error.error ?? error.code ?? error.message}: ${error.error_description ?? ""}\n`,
  }));
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(body);
}).listen(Number(port), "127.0.0.1", () => console.log(`Open http://127.0.0.1:${port}/`));
