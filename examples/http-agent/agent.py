#!/usr/bin/env python3
"""An agent that asks before it refunds money, and waits for as long as it takes.

    ./agent.py --token-file secrets/billing-bot refund-4711 50

Exits 0 when the refund may be made, 2 when it may not, 1 when nobody could say. Only 0 means yes.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request


def dollars(text):
    """50 stays 50 and 49.5 stays 49.5: what is sent is what people will read."""
    amount = float(text)
    return int(amount) if amount.is_integer() else amount


def call(method, url, token, body=None, key=None):
    """One call; what it answers. An answer that is a refusal is an error with its reason."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=45) as response:
        return json.load(response)


def patiently(deadline, *arguments, **named):
    """The same call until it is answered. The key makes it one request, however often it is sent."""
    pause = 0.2
    while True:
        try:
            return call(*arguments, **named)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise SystemExit(f"refused with {error.code}: {error.read().decode(errors='replace')}")
            what = error
        except (OSError, ValueError) as error:
            what = error
        if time.monotonic() + pause > deadline:
            raise SystemExit(f"no answer: {what}")
        time.sleep(pause)
        pause = min(pause * 2, 10)


def main():
    parser = argparse.ArgumentParser(description="asks for a refund and waits for the verdict")
    parser.add_argument("refund", help="the refund's own number: asking twice is one request")
    parser.add_argument("amount", type=dollars, help="US dollars")
    parser.add_argument("--customer", default="cus_123")
    parser.add_argument("--url", default="http://127.0.0.1:8787")
    parser.add_argument("--token-file", default="secrets/billing-bot")
    parser.add_argument("--patience", type=float, default=24 * 3600, help="seconds")
    arguments = parser.parse_args()

    with open(arguments.token_file, encoding="utf-8") as file:
        token = file.read().strip()
    deadline = time.monotonic() + arguments.patience
    request = {
        "action": "stripe.refund",
        "context": {"amount": arguments.amount, "currency": "USD", "customer_id": arguments.customer},
        "title": f"Refund {arguments.refund}",
    }
    verdict = patiently(deadline, "POST", f"{arguments.url}/v1/requests", token, request, key=arguments.refund)
    if verdict["mode"] != "enforce":
        raise SystemExit("the source is in dry-run: countersign answers nobody")
    case = verdict["case_id"]
    if verdict["state"] == "open":
        print(f"{case}: {verdict['rationale']}", flush=True)
    while verdict["state"] == "open":
        if time.monotonic() > deadline:
            raise SystemExit("nobody has decided yet; ask again later with the same number")
        verdict = patiently(deadline, "GET", f"{arguments.url}/v1/requests/{case}?wait=30s", token)

    resolution = verdict["resolution"] or {}
    # Anything but this one word is no: rejected, expired, superseded, and whatever may come.
    approved = resolution.get("outcome") == "approved"
    who = resolution.get("by", "nobody")
    print(f"{case}: {resolution.get('outcome')} by {who}: {resolution.get('reason') or verdict['rationale']}")
    return 0 if approved else 2


if __name__ == "__main__":
    sys.exit(main())
