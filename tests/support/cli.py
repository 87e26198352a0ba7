"""A stand-in for the running service, for commands that talk to it: answers as told, remembers requests."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import typer
from typer.testing import CliRunner, Result

from kkt_adapter.cli.program import app

RECEIPT_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
PROBLEM = "application/problem+json"
RECEIPT = f"/v1/kkt/receipt/{RECEIPT_ID}"
QUESTION = {
    "receipt_id": RECEIPT_ID,
    "what": "print",
    "reason": "two documents fit",
    "baseline": {"fn_number": "9999078902013267", "fd_number": 11},
    "documents": [
        {
            "fd_number": 12,
            "code": 3,
            "total": 100.5,
            "fiscalized_at": "2026-03-14T12:00:00",
            "receipt_key": "ABCDEFGHIJKLMNOP",
        }
    ],
}
KKT = {
    "registers": [
        {
            "register_id": "POS-001",
            "trouble": None,
            "question": QUESTION,
            "device": {
                "state": "ready",
                "fn_days_left": 410,
                "documents_left": 240000,
                "unsent_documents": 0,
                "shift": {"number": 7, "state": "open"},
            },
        },
        {"register_id": "POS-002", "trouble": {"code": "KKT_UNAVAILABLE"}, "question": None, "device": None},
    ]
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # lower-case names
    body: Any  # decoded JSON, or None without a body


@dataclass(kw_only=True)
class StandIn:
    """``answers`` has one (status, content type, body) for a method and path, or a list to take in turn."""

    url: str
    answers: dict[tuple[str, str], list[tuple[int, str, bytes]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    delay_s: float = 0.0  # before each answer

    def answer(self, method: str, path: str, *bodies: Any, status: int = 200) -> None:
        kind = PROBLEM if status >= 400 else "application/json"
        self.answers[method, path] = [
            (status, kind, json.dumps(body, ensure_ascii=False).encode()) for body in bodies
        ]

    def answer_raw(self, method: str, path: str, *, status: int, kind: str, body: bytes) -> None:
        self.answers[method, path] = [(status, kind, body)]

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    def _take(self, asked: Asked) -> tuple[int, str, bytes]:
        self.asked.append(asked)
        time.sleep(self.delay_s)
        waiting = self.answers.get((asked.method, asked.path))
        if not waiting:
            problem = {"detail": f"no answer for {asked.method} {asked.path}", "code": "NOT_FOUND"}
            return 404, PROBLEM, json.dumps(problem).encode()
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A service on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            asked = Asked(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(raw) if raw else None,
            )
            status, kind, body = service._take(asked)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # the command has what it wants
                self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the names http.server calls

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = StandIn(url=f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(app: typer.Typer, *arguments: str, **environment: str) -> Result:
    """A command in this process, as into a pipe; the environment is in English unless it says otherwise."""
    clean = {
        "LC_ALL": None,
        "LC_MESSAGES": None,
        "LANG": "C.UTF-8",
        "KKT_URL": None,
        "KKT_TOKEN": None,
        "KKT_HOST": None,
        "KKT_PORT": None,
        "FORCE_COLOR": None,
        "DATABASE_URL": None,
        "BUFFER_DB_PATH": None,
        "KKT_CONFIG": None,
        "KKT_DATA_DIR": None,
    }
    result = CliRunner(env={**clean, **environment}).invoke(app, arguments, prog_name="kkt-adapter")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception  # a fault of ours, not an answer of the command
    return result


def receipt(**changes: Any) -> dict[str, Any]:
    """A receipt as the service shows one."""
    return {
        "receipt_id": RECEIPT_ID,
        "id": RECEIPT_ID,
        "pos_id": "POS-001",
        "register_id": "POS-001",
        "type": "sale",
        "idempotency_key": "key-1",
        "total": 100.5,
        "print_state": "printed",
        "status": "pending",
        "fiscal_doc_id": "9999078902013267-12",
        "fiscal_doc": {
            "fiscal_doc_number": 12,
            "fiscal_sign": "2718281828",
            "fiscal_datetime": "2026-03-14T12:00:00",
            "fn_number": "9999078902013267",
            "rn_kkt": "0000000005008570",
            "shift_number": 1,
            "receipt_number": 3,
            "qr_code_data": "t=20260314T1200&s=100.50&fn=9999078902013267&i=12&fp=2718281828&n=1",
        },
        "retry_count": 2,
        "last_error": "HTTP 500",
        "next_attempt_at": None,
        "created_at": "2026-03-14T09:00:00.000Z",
        "printed_at": "2026-03-14T09:00:00.120Z",
        "synced_at": None,
        "ofd_id": None,
        **changes,
    }


def page(*items: Any, next_cursor: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": next_cursor}


def call(service: StandIn, *arguments: str, **environment: str) -> Result:
    return run(app, *arguments, KKT_URL=service.url, **environment)
