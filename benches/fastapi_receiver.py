"""What a team would write instead: verifies the signature, parses the body, keeps nothing. One worker.

Usage: fastapi_receiver.py PORT SECRET   (needs fastapi and uvicorn; uvloop and httptools are used where they are)
"""

import hashlib
import hmac
import json
import sys

import uvicorn
from fastapi import FastAPI, HTTPException, Request

port, secret = int(sys.argv[1]), sys.argv[2].encode()
app = FastAPI()
seen = set()


@app.post("/v1/sources/tm")
async def receive(request: Request):
    body = await request.body()
    expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("x-tracemem-signature", "")):
        raise HTTPException(status_code=401)
    event = json.loads(body)
    if event["approval_id"] in seen:
        return {"status": "duplicate"}
    seen.add(event["approval_id"])
    return {"status": "accepted"}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
