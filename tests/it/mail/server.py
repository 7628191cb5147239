"""A real SMTP server that keeps what it is sent, one JSON line a mail, and refuses whom its address says.

    python3 server.py MODE [CERTIFICATE KEY]

MODE is `plain`, `tls` or `starttls`; with a certificate it takes mail only after the login `countersign` / `mail-password`.
The first line says which port it took.
"""

import email
import email.policy
import json
import socket
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Keep:
    def __init__(self):
        self.refused = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 5.1.1 there is nobody of that name"
        if address.startswith("later") and address not in self.refused:
            self.refused.add(address)
            return "451 4.7.1 come back in a moment"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        if envelope.rcpt_tos[0].startswith("filter"):
            # As filters for spam do: quote what they do not like.
            return "554 5.7.1 rejected for " + body["text/plain"].split("/mail/", 1)[1][:60]
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "protected": server.transport.get_extra_info("cipher") is not None,
            "headers": [[name, str(value)] for name, value in mail.items()],
            "raw": envelope.content.decode("ascii"),
            "text": body["text/plain"],
            "html": body["text/html"],
            "parts": sorted(body),
        }
        print(json.dumps(told), flush=True)
        if envelope.rcpt_tos[0].startswith("lost") and "lost" not in self.refused:
            self.refused.add("lost")
            server.transport.abort()
        return "250 2.0.0 taken"


def login(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"countersign", b"mail-password")
    return AuthResult(success=known, handled=False)


mode, *certificate = sys.argv[1:]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
options = {"hostname": "127.0.0.1", "port": port, "server_hostname": "mail.test"}
if certificate:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    options |= {"authenticator": login, "auth_required": True}
    if mode == "tls":
        # The library counts only STARTTLS as protected.
        options |= {"ssl_context": context, "auth_require_tls": False}
    else:
        options |= {"tls_context": context, "require_starttls": True}
Controller(Keep(), **options).start()
print(port, flush=True)
while True:
    time.sleep(3600)
