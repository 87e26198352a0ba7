"""A back office that is told: signed webhooks of the adapter, checked, stored once, acknowledged.

    ERP_SECRET=... python erp.py 9100 erp.db

Only the standard library. Port 0 takes a free one; the address is printed.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from contextlib import closing
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

OLDEST_S = 300  # a call that is older may be somebody's recording
LONGEST = 1024 * 1024  # bytes; the adapter sends at most 256 KiB, or one event


def is_ours(secret: str, headers: Message, body: bytes) -> bool:
    """Whether the adapter signed exactly this body, a moment ago."""
    call_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > OLDEST_S:
        return False
    digest = hmac.new(secret.encode(), f"{call_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(wanted, given) for given in headers.get("webhook-signature", "").split())


def store(file: str, events: list[dict[str, Any]]) -> int | None:
    """Keep every event by its id; the same one may come again. The last id, None without events."""
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS events (event_id INTEGER PRIMARY KEY, state TEXT, event TEXT)")
        rows = [(event["event_id"], event["state"], json.dumps(event)) for event in events]
        db.executemany("INSERT OR REPLACE INTO events VALUES (?, ?, ?)", rows)
    return max((event["event_id"] for event in events), default=None)


def handler(secret: str, file: str) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
            if not is_ours(secret, self.headers, body):
                self._answer(401, {"error": "signature"})
                return
            last = store(file, json.loads(body)["events"])  # stored first, acknowledged then
            self._answer(200, {} if last is None else {"ack_event_id": last})

        def _answer(self, status: int, answer: dict[str, Any]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Receiver


def main(port: str, file: str) -> None:
    server = HTTPServer(("127.0.0.1", int(port)), handler(os.environ["ERP_SECRET"], file))
    print(f"http://127.0.0.1:{server.server_port}/kkt", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
