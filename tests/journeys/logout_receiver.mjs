// An application's back-channel logout endpoint (OpenID Connect Back-Channel Logout 1.0, section 2.5 to 2.8), which judges what it is sent
// with a JOSE library that we did not write, and tells each of it as a line of JSON.
// Rule protected: what a standard receiver asks of a logout token is asked here, and nothing of ours is in it.
import http from "node:http";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { issuer } = JSON.parse(process.env.JOURNEY);
const keys = createRemoteJWKSet(new URL(`${issuer}/oauth2/jwks`));
const LOGOUT = "http://schemas.openid.net/event/backchannel-logout";

async function judged(token, audience, algorithm) {
  const { payload } = await jwtVerify(token, keys, {
    issuer,
    audience,
    algorithms: [algorithm],
    typ: "logout+jwt",
    requiredClaims: ["iat", "exp", "jti", "events"],
    maxTokenAge: 120,
  });
  if (typeof payload.events !== "object" || JSON.stringify(payload.events[LOGOUT]) !== "{}") throw new Error("no logout event");
  if (!payload.sub && !payload.sid) throw new Error("neither sub nor sid");
  if ("nonce" in payload) throw new Error("a nonce");
  return payload;
}

/** How often each place fails before it takes what it is sent: `/{client_id}/{algorithm}/{failures}`. */
const failures = new Map();

const server = http.createServer((request, response) => {
  const [, client, algorithm, fails] = request.url.split("/");
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", async () => {
    const told = { client, method: request.method, type: request.headers["content-type"] };
    try {
      told.claims = await judged(new URLSearchParams(body).get("logout_token"), client, algorithm);
    } catch (error) {
      told.error = String(error);
    }
    const failed = failures.get(request.url) ?? 0;
    failures.set(request.url, failed + 1);
    told.status = told.error ? 400 : failed < Number(fails) ? 503 : 200;
    console.log(JSON.stringify(told));
    response.writeHead(told.status, { "cache-control": "no-store" }).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
