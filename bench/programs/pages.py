"""``pages``: how long what people watch takes while many receipts are stored; one reader, page after page.

The database is the filled one of ``fill``. The times are absolute, as the promise of the status page is.
"""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import quantiles

from bench.load import InvalidRun
from bench.method import Method
from bench.processes import Server, product
from bench.programs.fill import CONNECTIONS, filled_folder
from bench.report import Report, Target
from bench.shim import Shim

STATUS = "/api/v1/status"
OTHERS = ("/api/v1/sales/today", "/v1/kkt/buffer/logs", "/v1/kkt/buffer/logs?type=shift_opened", "/metrics")
ASKED = 100  # requests a round and page
NAME, PASSWORD = "bench.viewer", "a long password for the bench"


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    folder = filled_folder(method, say)
    add_account(folder)
    p95: dict[str, list[float]] = {page: [] for page in (STATUS, *OTHERS)}
    with product(folder, CONNECTIONS) as server:
        headers = {"Authorization": f"Bearer {sign_in(server)}"}
        for page in p95:
            ask(server, page, headers)  # the first status of a day reads that day's documents
        for number in range(1, method.rounds + 1):
            say(f"pages, round {number} of {method.rounds}: {method.stored} stored")
            for page, found in p95.items():
                took = [ask(server, page, headers) for _ in range(ASKED)]
                found.append(quantiles(took, n=20)[-1] * 1000)
    for page in OTHERS:
        report.note(f"pages: {page}, p95 with {method.stored} stored", "ms", p95[page])
    report.add(
        Target(row="23", what=f"{STATUS}, p95 ms with {method.stored} stored", must=200, at_least=False),
        p95[STATUS],
    )


def add_account(folder: Path) -> None:
    command = [sys.executable, "-m", "kkt_adapter", "accounts", "add", NAME, "--role", "viewer"]
    done = subprocess.run(
        [*command, "--password-stdin", "--data-dir", str(folder)],
        input=PASSWORD,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "already an account" not in done.stdout + done.stderr:
        raise InvalidRun(f"no account could be made: {done.stdout}{done.stderr}")


def sign_in(server: Server) -> str:
    body = json.dumps({"username": NAME, "password": PASSWORD}).encode()
    answer = json.loads(_request(server, "/api/v1/auth/login", {"Content-Type": "application/json"}, body))
    token: str = answer["access_token"]
    return token


def ask(server: Server, page: str, headers: Mapping[str, str]) -> float:
    began = time.perf_counter()
    _request(server, page, headers)
    return time.perf_counter() - began


def _request(server: Server, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}", data=body, headers=dict(headers)
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        found: bytes = answer.read()
        return found
