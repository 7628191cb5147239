#!/usr/bin/env python3
"""A stand-in for agentwarden.io on this machine, to see the whole without an account.

  POST /sdk/check                       an agent asks; everything needs an approval here
  POST /auth/login                      a token for the management API
  GET  /api/logs                        records, filtered and in pages
  POST /api/approvals/ID/approve        assumed: no page of AgentWarden's shows how an approval is resolved by API
  POST /api/approvals/ID/reject         the same

and the webhooks log.pending_approval, approval.approved and approval.rejected, with nothing that proves their sender.
Fields and headers are those of docs.agentwarden.io. Needs Python 3.9 and nothing else.
"""

import argparse
import base64
import datetime
import http.server
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

USER = {"id": "user_simulated", "email": "approver@example.com", "organization_id": "org_simulated"}
PASSWORD = "only-for-the-simulation"
WEEK = 7 * 24 * 3600


class Platform:
    """What the platform knows."""

    def __init__(self, webhook):
        self.webhook = webhook
        self.lock = threading.Lock()
        self.records = []
        self.tokens = set()

    def check(self, asked):
        with self.lock:
            record = {
                "id": f"00000000-0000-4000-8000-{len(self.records) + 1:012d}",
                "agent_id": asked["agent_id"],
                "organization_id": USER["organization_id"],
                "action": asked["action"],
                "status": "pending",
                "context": asked.get("context", {}),
                "ip_address": "127.0.0.1",
                "created_at": now() + "+00:00",
            }
            self.records.insert(0, record)
        data = {key: record[key] for key in ("id", "agent_id", "action", "context", "created_at")}
        self.send("log.pending_approval", {**data, "status": "pending_approval"})
        return 200, {"allowed": False, "requires_approval": True, "reason": "Action requires approval", "approval_id": record["id"]}

    def login(self, asked):
        if asked != {"email": USER["email"], "password": PASSWORD}:
            return 401, {"detail": "Invalid email or password"}
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": USER["id"], "exp": int(time.time()) + WEEK})
        token = ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "simulated"])
        self.tokens.add(token)
        return 200, {"access_token": token, "token_type": "bearer", "user": USER}

    def logs(self, query):
        limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
        if not 1 <= limit <= 100:
            return 422, {"detail": "limit is 1 to 100"}
        with self.lock:
            found = [
                record
                for record in self.records
                if all(record[key] == query.get(key, record[key]) for key in ("agent_id", "action", "status"))
            ]
        return 200, found[offset : offset + limit]

    def resolve(self, approval, verb):
        outcome, status = {"approve": ("approved", "success"), "reject": ("rejected", "denied")}[verb]
        with self.lock:
            record = next((record for record in self.records if record["id"] == approval), None)
            if record is None:
                return 404, {"detail": "Approval not found"}
            if record["status"] != "pending":
                return 409, {"detail": "Approval already resolved"}
            record["status"] = status
        data = {key: record[key] for key in ("agent_id", "action", "context")}
        resolved = {"approval_id": approval, "status": outcome, "resolved_by": USER["id"], "resolved_at": now() + "+00:00"}
        self.send(f"approval.{outcome}", {**data, **resolved})
        return 200, {"id": approval, "status": outcome}

    def send(self, event, data):
        body = json.dumps({"event": event, "timestamp": now(), "data": data}).encode()
        threading.Thread(target=self.deliver, args=(body,), daemon=True).start()

    def deliver(self, body):
        """Up to four times, with growing pauses, as the page on webhooks promises."""
        headers = {"Content-Type": "application/json", "User-Agent": "AgentWarden-Webhook/1.0"}
        for pause in (1, 2, 4, None):
            try:
                request = urllib.request.Request(self.webhook, data=body, headers=headers, method="POST")
                with DIRECT.open(request, timeout=5):
                    return
            except OSError as error:
                print(f"the webhook was not taken: {error}", flush=True)
            if pause:
                time.sleep(pause)


# A proxy of the environment is none of this machine's own business.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Calls(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    platform: Platform

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        try:
            asked = json.loads(self.rfile.read(length) or b"null")
        except ValueError:
            return self.say(400, {"detail": "not JSON"})
        path = self.path.split("/")
        if self.path == "/sdk/check":
            if not self.headers.get("x-api-key", "").startswith("ak_"):
                return self.say(401, {"detail": "Invalid API key"})
            return self.say(*self.platform.check(asked))
        if self.path == "/auth/login":
            return self.say(*self.platform.login(asked))
        if self.path.startswith("/api/approvals/") and len(path) == 5 and path[4] in ("approve", "reject"):
            if self.known():
                return self.say(*self.platform.resolve(urllib.parse.unquote(path[3]), path[4]))
            return self.say(401, {"detail": "Could not validate credentials"})
        return self.say(404, {"detail": "Not Found"})

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path != "/api/logs":
            return self.say(404, {"detail": "Not Found"})
        if not self.known():
            return self.say(401, {"detail": "Could not validate credentials"})
        return self.say(*self.platform.logs(dict(urllib.parse.parse_qsl(url.query))))

    def known(self):
        return self.headers.get("authorization", "").removeprefix("Bearer ") in self.platform.tokens

    def say(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-RateLimit-Limit", "300")
        self.send_header("X-RateLimit-Remaining", "299")
        self.send_header("X-RateLimit-Reset", str(int(time.time()) + 60))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


def now():
    """The time of an event has no zone; it is UTC."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8686, help="0 takes a free one (default: 8686)")
    parser.add_argument(
        "--webhook",
        default="http://127.0.0.1:8787/v1/sources/agentwarden/only-for-the-simulation-too",
        help="where events go (default: the source of simulated.yaml)",
    )
    arguments = parser.parse_args()
    Calls.platform = Platform(arguments.webhook)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", arguments.port), Calls)
    print(f"agentwarden.io stands in on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
