#!/usr/bin/env python3
"""A team's own tool: it is told what its team is asked, and may vote.

    ./console.py                                  # prints what the team is told
    ./console.py --approve 'the books say so'     # and approves it, as the one voter that it is

Both ways are signed as Standard Webhooks has it, https://www.standardwebhooks.com/.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid


def signature(secret, identifier, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{identifier}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def is_genuine(secret, headers, body):
    """Whether countersign sent it, within the last five minutes."""
    identifier, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > 300:
        return False
    ours = signature(secret, identifier, timestamp, body)
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(ours.encode(), theirs.encode()) for theirs in given)


def decide(url, secret, case, reason):
    """Votes on the case as it was told: a vote on anything else does not count."""
    vote = {"case_id": case["case_id"], "digest": case["digest"], "vote": "approve", "reason": reason}
    body = json.dumps(vote).encode()
    # The same for every attempt at this vote, so that it counts once.
    identifier, timestamp = f"vote_{uuid.uuid4()}", str(int(time.time()))
    headers = {
        "content-type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, identifier, timestamp, body),
    }
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)["verdict"]["state"]
    except urllib.error.HTTPError as error:
        # 409 says who was first.
        return f"refused with {error.code}: {json.load(error).get('detail')}"


def main():
    parser = argparse.ArgumentParser(description="a tool of the team `payments`")
    parser.add_argument("--port", type=int, default=8799)
    parser.add_argument("--decisions", default="http://127.0.0.1:8787/v1/teams/payments/decisions")
    parser.add_argument("--approve", metavar="REASON", help="approve what is asked")
    arguments = parser.parse_args()
    told_by, decides_by = (open(f"secrets/{name}", encoding="utf-8").read().strip() for name in ("hook", "decisions"))

    def told(event):
        case = event["data"]
        print(f"{event['type']} {case['case_id']} {case['action']} by {case['agent']}", flush=True)
        if event["type"] == "escalation.asked" and arguments.approve:
            print(f"voted: {decide(arguments.decisions, decides_by, case, arguments.approve)}", flush=True)
        if ending := case["ending"]:
            print(f"{ending['outcome']} by {ending['by']}", flush=True)

    class Told(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if not is_genuine(told_by, self.headers, body):
                self.send_error(401)
                return
            self.send_response(204)
            self.end_headers()
            # Whoever is told does not keep the sender waiting.
            threading.Thread(target=told, args=(json.loads(body),)).start()

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", arguments.port), Told).serve_forever()


if __name__ == "__main__":
    sys.exit(main())
