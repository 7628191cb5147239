#!/usr/bin/env python3
"""The agent's executor: AgentWarden's own sample handler, saying on the screen what it was made to do.

handler.py is the first example of AgentWarden's page on webhooks, letter for letter. It names functions that the page
leaves to the reader; here each of them prints a line. Needs Flask (`pip install flask`, or Debian's python3-flask).
"""

import argparse
import json

from werkzeug.serving import WSGIRequestHandler, make_server

import handler


class Quiet(WSGIRequestHandler):
    """No line for each request: what was done is said instead."""

    def log_request(self, code="-", size="-"):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=5000, help="0 takes a free one (default: 5000)")
    arguments = parser.parse_args()

    handler.execute_approved_action = lambda action, context: say("executed", action, context)
    handler.log_rejected_action = lambda data: say("not executed", data["action"], data["context"])
    handler.send_alert = lambda data: say("blocked", data["action"], data["context"])

    server = make_server("127.0.0.1", arguments.port, handler.app, threaded=True, request_handler=Quiet)
    print(f"the executor listens on http://127.0.0.1:{server.port}/webhook/agentwarden", flush=True)
    server.serve_forever()


def say(what, action, context):
    print(f"{what}: {action} {json.dumps(context, sort_keys=True)}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
