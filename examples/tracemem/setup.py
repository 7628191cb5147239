#!/usr/bin/env python3
"""Prepares a TraceMem account for countersign: the webhook integration and the credential that answers are sent with.

Step 1  POST {api}/v1/admin/integrations/webhook   TraceMem learns where to deliver; gives two secrets
Step 2  POST {api}/v1/admin/webhook-credentials    gives the secret that answers are sent with; it expires

The admin JWT comes from TRACEMEM_ADMIN_JWT or from the file that TRACEMEM_ADMIN_JWT_FILE names. Every secret goes into a
file of its own that only you can read; none is printed. Nothing is overwritten: a secret is shown once by TraceMem,
and the old one is in use until you say otherwise. Needs Python 3.9 and nothing else.
"""

import argparse
import datetime
import ipaddress
import json
import os
import pathlib
import sys
import urllib.error
import urllib.parse
import urllib.request

YEAR = 31_536_000
EVENTS = ["approval.requested", "approval.resolved"]


class Failure(Exception):
    """Something the person at the terminal can act on."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the admin JWT to another place."""

    def redirect_request(self, request, fp, code, msg, headers, newurl):
        return None


def main():
    arguments = parse()
    try:
        check_url("--api-url", arguments.api_url)
        check_url("--url", arguments.url)
        steps = [step for step in (integration(arguments), credential(arguments)) if arguments.only in (None, step["name"])]
        if arguments.dry_run:
            for step in steps:
                show(arguments, step)
            return 0
        run(arguments, steps)
        return 0
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="where TraceMem delivers: https://YOUR-HOST/v1/sources/tracemem")
    parser.add_argument("--name", default="countersign", help="what both are called in TraceMem (default: countersign)")
    parser.add_argument("--secrets", type=pathlib.Path, default=pathlib.Path("secrets"), help="folder for the secrets (default: ./secrets)")
    parser.add_argument("--expires-in", type=int, default=YEAR, metavar="SECONDS", help="life of the credential (default: a year)")
    parser.add_argument("--timeout-ms", type=int, default=5000, help="how long TraceMem waits for us (default: 5000)")
    parser.add_argument("--max-retries", type=int, default=3, help="how often TraceMem tries again (default: 3)")
    parser.add_argument("--only", choices=["integration", "credential"], help="one step alone, as to renew the credential")
    parser.add_argument("--dry-run", action="store_true", help="print the requests and send nothing")
    parser.add_argument(
        "--api-url",
        default=os.environ.get("TRACEMEM_API_URL", "https://api.tracemem.com"),
        help="TraceMem's API (default: TRACEMEM_API_URL, else https://api.tracemem.com)",
    )
    arguments = parser.parse_args()
    if arguments.expires_in <= 0:
        parser.error("--expires-in must be more than 0 seconds")
    return arguments


def integration(arguments):
    return {
        "name": "integration",
        "path": "/v1/admin/integrations/webhook",
        "body": {
            "name": arguments.name,
            "url": arguments.url,
            "events": EVENTS,
            "timeout_ms": arguments.timeout_ms,
            "max_retries": arguments.max_retries,
        },
        "id": "webhook_id",
        "secrets": {"outgoing_secret": "tracemem-outgoing", "incoming_secret": "tracemem-incoming"},
    }


def credential(arguments):
    return {
        "name": "credential",
        "path": "/v1/admin/webhook-credentials",
        "body": {"name": arguments.name, "expires_in": arguments.expires_in},
        "id": "credential_id",
        "secrets": {"secret": "tracemem-credential"},
    }


def run(arguments, steps):
    jwt = admin_jwt()
    folder = arguments.secrets
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"cannot make the folder `{folder}`: {error.strerror}") from error
    for step in steps:
        for file in step["secrets"].values():
            if os.path.lexists(folder / file):
                raise Failure(
                    f"`{folder / file}` exists and is not overwritten; move it away, name another folder with --secrets, "
                    "or run the other step with --only"
                )
    for step in steps:
        # The files are made first: a secret that TraceMem gave and nobody could keep would be lost.
        files = {field: create(folder / file) for field, file in step["secrets"].items()}
        try:
            answer = post(arguments.api_url, step, jwt)
            missing = [field for field in [step["id"], *files] if not text(answer, field)]
            if missing:
                raise Failure(f"TraceMem's answer to `{step['path']}` has no {', '.join(missing)}; it has {', '.join(sorted(answer)) or 'nothing'}")
            for field, file in files.items():
                os.write(file, (text(answer, field) + "\n").encode())
                os.fsync(file)
        except BaseException:
            for file in step["secrets"].values():
                if (folder / file).stat().st_size == 0:
                    (folder / file).unlink()
            raise
        finally:
            for file in files.values():
                os.close(file)
        print(f"{step['name']}: {step['id']} {text(answer, step['id'])}")
        for field, file in step["secrets"].items():
            print(f"  {field} is in {folder / file}")
    tell(arguments, [step["name"] for step in steps])


def create(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Failure(f"cannot make `{path}`: {error.strerror}") from error


def post(api_url, step, jwt):
    url = api_url.rstrip("/") + step["path"]
    request = urllib.request.Request(
        url,
        data=json.dumps(step["body"]).encode(),
        headers={"Authorization": f"Bearer {jwt}", "Content-Type": "application/json", "Accept": "application/json"},
        method="POST",
    )
    handlers = [NoRedirects()]
    if is_loopback(api_url):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=30) as response:
            answer = json.loads(response.read(1_000_000))
    except urllib.error.HTTPError as error:
        detail = error.read(500).decode("utf-8", "replace").strip()
        raise Failure(f"`{url}` answered {error.code}: {printable(detail) or error.reason}") from error
    except (urllib.error.URLError, OSError) as error:
        raise Failure(
            f"`{url}` did not answer ({getattr(error, 'reason', error)}); look in TraceMem whether the {step['name']} was made before you run this again"
        ) from error
    except ValueError as error:
        raise Failure(f"`{url}` did not answer with JSON") from error
    if not isinstance(answer, dict):
        raise Failure(f"`{url}` did not answer with a JSON object")
    return answer


def tell(arguments, done):
    folder = arguments.secrets.resolve()
    print("\nIn countersign.yaml, under the source of kind tracemem:")
    if "credential" in done:
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=arguments.expires_in)
        print(f"  api_url: {arguments.api_url}")
        print(f"  credential_file: {folder / 'tracemem-credential'}")
        print(f"  credential_expires: {expires.date().isoformat()}")
    if "integration" in done:
        print("  verify:")
        print("    - hmac:")
        print("        header: X-TraceMem-Signature   # assumed: TraceMem does not document it, see README.md")
        print(f"        secrets: [{{file: {folder / 'tracemem-outgoing'}}}]")
        print(f"\n{folder / 'tracemem-incoming'} is used nowhere: keep it, README.md says what for.")


def show(arguments, step):
    print(f"POST {arguments.api_url.rstrip('/')}{step['path']}")
    print("Authorization: Bearer <TRACEMEM_ADMIN_JWT>")
    print("Content-Type: application/json\n")
    print(json.dumps(step["body"], indent=2))
    for field, file in step["secrets"].items():
        print(f"# {field} would go to {arguments.secrets / file}")
    print()


def admin_jwt():
    written, file = os.environ.get("TRACEMEM_ADMIN_JWT"), os.environ.get("TRACEMEM_ADMIN_JWT_FILE")
    if written and file:
        raise Failure("both TRACEMEM_ADMIN_JWT and TRACEMEM_ADMIN_JWT_FILE are set; unset one")
    if file:
        try:
            written = pathlib.Path(file).read_text(encoding="utf-8")
        except OSError as error:
            raise Failure(f"cannot read `{file}`: {error.strerror}") from error
    jwt = (written or "").strip()
    if not jwt:
        raise Failure("the admin JWT is missing; set TRACEMEM_ADMIN_JWT or TRACEMEM_ADMIN_JWT_FILE")
    if not jwt.isascii() or not jwt.isprintable() or " " in jwt:
        raise Failure("the admin JWT holds characters that no JWT has")
    return jwt


def check_url(flag, url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(f"{flag} `{url}` is not an http or https URL")
    if parts.scheme == "http" and not is_loopback(url):
        raise Failure(f"{flag} `{url}` is not encrypted, and secrets go there; use https")


def is_loopback(url):
    host = urllib.parse.urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def text(answer, field):
    value = answer.get(field)
    return value if isinstance(value, str) else ""


def printable(words):
    return "".join(letter if letter.isprintable() else " " for letter in words)


if __name__ == "__main__":
    sys.exit(main())
