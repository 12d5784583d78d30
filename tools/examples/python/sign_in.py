"""A small application that people sign in to, with the library Authlib:

    python sign_in.py ISSUER CLIENT_ID PORT

Open http://127.0.0.1:PORT/ in a browser. The application is registered with the redirect URI http://127.0.0.1:PORT/callback and the
post-logout redirect URI http://127.0.0.1:PORT/bye. It has no secret (type `native` or `spa`), or one in CLIENT_SECRET (type `web`).
"""

import os
import secrets
import sys
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

ISSUER, CLIENT_ID, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
SECRET = os.environ.get("CLIENT_SECRET")
BASE = f"http://127.0.0.1:{PORT}"
if ISSUER.startswith("http:"):
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain HTTP is for development alone

# Everything else that the library needs to know stands in the realm's discovery document.
SERVER = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
assert SERVER["issuer"] == ISSUER
KEYS = KeySet.import_key_set(requests.get(SERVER["jwks_uri"], timeout=10).json())

# What was sent along with each request that is under way, by the cookie of the browser that it is of.
PENDING = {}


def session(**more):
    """A client of the realm."""
    method = "client_secret_basic" if SECRET else "none"
    return OAuth2Session(
        CLIENT_ID,
        SECRET,
        token_endpoint_auth_method=method,
        redirect_uri=f"{BASE}/callback",
        scope="openid profile email offline_access",
        code_challenge_method="S256",
        token_endpoint=SERVER["token_endpoint"],
        **more,
    )


def begin():
    """Sends the browser to the platform."""
    checks = {"verifier": generate_token(48), "nonce": generate_token(20)}
    location, checks["state"] = session().create_authorization_url(
        SERVER["authorization_endpoint"], code_verifier=checks["verifier"], nonce=checks["nonce"]
    )
    browser = secrets.token_urlsafe()
    PENDING[browser] = checks
    return 303, {"Location": location, "Set-Cookie": f"sign_in={browser}; HttpOnly; SameSite=Lax; Path=/"}, ""


def finish(query, cookies):
    """The browser is back: the code becomes tokens, and the id token says who it is."""
    cookie = cookies.get("sign_in")
    checks = PENDING.pop(cookie.value, None) if cookie else None
    if checks is None:
        return 400, {}, "No sign-in is under way in this browser.\n"
    if query.get("iss") != [ISSUER]:  # RFC 9207: the answer of another server is not for us
        return 400, {}, "This answer is of another server.\n"
    client = session(state=checks["state"])
    tokens = client.fetch_token(
        authorization_response=f"{BASE}/callback?{urlencode(query, doseq=True)}", code_verifier=checks["verifier"]
    )
    claims = jwt.decode(tokens["id_token"], KEYS, algorithms=SERVER["id_token_signing_alg_values_supported"]).claims
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": CLIENT_ID},
        nonce={"essential": True, "value": checks["nonce"]},
        exp={"essential": True},
    ).validate(claims)
    person = client.get(SERVER["userinfo_endpoint"]).json()
    assert person["sub"] == claims["sub"]
    # Access tokens are short-lived; the refresh token is good once, and brings the next one.
    client.refresh_token(SERVER["token_endpoint"], refresh_token=tokens["refresh_token"])
    onward = urlencode({"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": f"{BASE}/bye"})
    sign_out = f"{SERVER['end_session_endpoint']}?{onward}"
    return 200, {}, f"Hello, {person['preferred_username']}.\nYou are {claims['sub']}.\nSign out: {sign_out}\n"


class Application(BaseHTTPRequestHandler):
    """The application's three pages."""

    def do_GET(self):
        url = urlsplit(self.path)
        try:
            if url.path == "/":
                answer = begin()
            elif url.path == "/callback":
                answer = finish(parse_qs(url.query), SimpleCookie(self.headers.get("Cookie", "")))
            elif url.path == "/bye":
                answer = 200, {}, "Signed out.\n"
            else:
                answer = 404, {}, "There is nothing here.\n"
        except Exception as error:  # an error of the platform says what went wrong (RFC 6749, 4.1.2.1 and 5.2)
            answer = 502, {}, f"{error}\n"
        status, headers, body = answer
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())


server = HTTPServer(("127.0.0.1", PORT), Application)
print(f"Open {BASE}/", flush=True)
server.serve_forever()
