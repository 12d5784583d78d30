"""A mail server (PyPI's aiosmtpd) for the tests: prints its port, then each letter that it took as a line of JSON.

JOURNEY, as JSON: tls ("none", "starttls", "implicit"), certificate and key (files), user and password (asked for if given).
Recipients of some domains are answered specially: refused.test (550), busy.test (451), silent.test (never)."""

import asyncio, base64, email, email.policy, json, os, ssl, sys

from aiosmtpd.smtp import AuthResult, SMTP


class Letters:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.7.1 not from you"
        envelope.mail_from, envelope.mail_options = address, options
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@refused.test"):
            return f"550 5.1.1 <{address}> no such mailbox"
        if address.endswith("@busy.test"):
            return "451 4.7.1 come back later"
        if address.endswith("@silent.test"):
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if letter["subject"] == "spam":
            return "554 5.6.0 not this"
        part = lambda kind: (letter.get_body((kind,)) or letter).get_content().replace("\r\n", "\n")
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
            "authenticated": session.authenticated, "subject": letter["subject"],
            "headers": [[name, str(value)] for name, value in letter.items()],
            "text": part("plain"), "html": part("html"),
            "pictures": {picture["Content-ID"]: [picture.get_content_type(), base64.b64encode(picture.get_content()).decode()]
                         for picture in letter.walk() if picture.get_content_maintype() == "image"},
        }), flush=True)
        return "250 OK"


async def main():
    journey = json.loads(os.environ["JOURNEY"])
    tls, user = journey.get("tls", "none"), journey.get("user")
    context = None
    if tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(journey["certificate"], journey["key"])

    def authenticate(server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == (user, journey["password"]), handled=False)

    def serve():
        return SMTP(
            Letters(), hostname="mail.test", enable_SMTPUTF8=journey.get("utf8", True),
            tls_context=context if tls == "starttls" else None, require_starttls=tls == "starttls",
            authenticator=authenticate if user else None, auth_required=bool(user),
            auth_require_tls=tls == "starttls",
        )

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        serve, "127.0.0.1", journey.get("port", 0), ssl=context if tls == "implicit" else None)
    print(listener.sockets[0].getsockname()[1], flush=True)
    # It ends with whoever started it.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
