"""Commands against the real service, started as its own process in demo mode."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.support.cli import run
from typer.testing import Result

from kkt_adapter.cli.program import app

WITHIN_S = 180.0


class Running:
    """A service process, and commands that talk to it."""

    def __init__(self, process: "subprocess.Popen[str]", data: Path, url: str, banner: str) -> None:
        self.process = process
        self.data = data
        self.url = url
        self.banner = banner

    def kkt(self, *arguments: str, **environment: str) -> Result:
        return run(app, *arguments, KKT_URL=self.url, KKT_DATA_DIR=str(self.data), **environment)

    def json(self, *arguments: str) -> Any:
        result = self.kkt(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    def sell(self, key: str) -> str:
        """Post a receipt; its id."""
        body = {
            "pos_id": "POS-001",
            "type": "sale",
            "items": [{"name": "Хлеб", "price": 50.25, "quantity": 2}],
            "payments": [{"type": "cash", "amount": 100.5}],
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        answer = post(f"{self.url}/v1/kkt/receipt", body, headers)
        assert answer["status"] == "printed"
        return str(answer["receipt_id"])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=WITHIN_S)


def post(url: str, body: object, headers: dict[str, str]) -> Any:
    request = Request(url, data=json.dumps(body).encode(), headers=headers, method="POST")
    with urlopen(request, timeout=WITHIN_S) as answer:
        return json.loads(answer.read())


def eventually(what: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not holds(value := what()):
        assert time.monotonic() < deadline, value
        time.sleep(0.05)
    return value


@contextmanager
def service(data: Path, **environment: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "kkt_adapter", "serve", "--demo", "--port", "0", "--data-dir", str(data)]
    with (data.parent / "log").open("w+") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=data.parent,
            env={
                "LC_ALL": "C.UTF-8",
                "PATH": "/usr/bin:/bin",
                "KKT_RESPONSE_BUDGET": "50",  # a slow machine is no reason for "buffered"
                **environment,
            },
        )
        try:
            path = data.parent / "log"
            banner = eventually(path.read_text, lambda text: "Try it" in text or process.poll() is not None)
            found = re.search(r"^kkt-adapter \S+  (http://\S+)", banner, re.MULTILINE)
            assert found is not None, banner
            running = Running(process, data, found[1], banner)
            eventually(lambda: alive(running.url), bool)
            yield running
        finally:
            process.kill()
            process.wait()


def alive(url: str) -> bool:
    try:
        with urlopen(f"{url}/ready", timeout=20):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with service(tmp_path_factory.mktemp("service") / "var") as made:
        yield made


def test_a_receipt_is_followed_from_the_till_to_the_operator(running: Running) -> None:
    receipt_id = running.sell("followed")
    shown = eventually(
        lambda: running.json("receipts", "show", receipt_id), lambda receipt: receipt["status"] == "synced"
    )
    assert running.json("receipts", "show", "--key", "followed")["id"] == receipt_id
    assert receipt_id in running.kkt("receipts", "list", "--status", "synced").stdout
    slip = running.kkt("receipts", "show", receipt_id, "--slip").stdout
    assert str(shown["fiscal_doc"]["fiscal_sign"]) in slip
    page = running.kkt("receipts", "show", receipt_id).stdout
    for word in ("Хлеб", "receipt_synced", shown["fiscal_doc"]["fn_number"]):
        assert word in page


def test_the_status_of_a_healthy_service_is_exit_code_0(running: Running) -> None:
    result = running.kkt("status")
    assert result.exit_code == 0, result.stderr
    assert "healthy" in result.stdout
    assert "POS-001" in result.stdout


def test_a_connection_that_speaks_no_http_is_counted_and_logged(running: Running) -> None:
    host, _, port = running.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WITHIN_S) as line:
        line.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400")
    with urlopen(f"{running.url}/metrics", timeout=WITHIN_S) as answer:
        counted = re.findall(
            r'kkt_http_connections_refused_total\{reason="malformed"\} ([0-9.]+)', answer.read().decode()
        )
    assert float(counted[0]) >= 1
    log = (running.data.parent / "log").read_text
    line_of_it = r"connections_refused.*malformed"
    assert eventually(log, lambda text: re.search(line_of_it, text) is not None)


def test_a_manual_sync_ends_with_nothing_left(running: Running) -> None:
    running.sell("synced-by-hand")

    def deliver() -> Result:
        return running.kkt("sync", "--json")

    done = eventually(deliver, lambda result: result.exit_code == 0)  # refused while a pass runs
    assert json.loads(done.stdout)["remaining"] == 0


def test_reports_of_the_shift(running: Running) -> None:
    running.sell("in-the-shift")
    before = running.json("shifts", "x", "--pos", "POS-001")
    assert before["receiptCount"] >= 1
    closed = running.json("shifts", "z", "--key", "evening")
    assert closed["reportType"] == 2
    assert closed["totalSales"] == before["totalSales"]
    assert running.json("shifts", "z", "--key", "evening") == closed
    again = running.kkt("shifts", "z")
    assert (again.exit_code, "no shift is open" in again.stderr) == (1, True)


def test_what_the_state_does_not_allow_is_refused_in_the_reader_s_language(running: Running) -> None:
    receipt_id = running.sell("printed-once")
    for action in (("reprint", receipt_id), ("resolve", receipt_id, "--print-again", "--reason", "x")):
        english = running.kkt("receipts", *action)
        russian = running.kkt("receipts", *action, LANG="ru_RU.UTF-8")
        assert english.exit_code == russian.exit_code == 1
        assert "[CONFLICT]" in english.stderr
        assert re.search("[а-я]", russian.stderr)


@pytest.mark.parametrize(
    "arguments",
    [("receipts", "show", "no-such-id"), ("receipts", "show", "--key", "x"), ("dead-letters", "show", "99")],
    ids=str,
)
def test_what_is_not_there_is_said_to_be_missing(running: Running, arguments: tuple[str, ...]) -> None:
    result = running.kkt(*arguments)
    assert result.exit_code == 1
    assert "[NOT_FOUND]" in result.stderr


def test_the_database_of_a_running_service_is_copied_checked_and_not_replaced(
    running: Running, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    assert running.kkt("db", "backup", str(copy)).exit_code == 0
    assert running.kkt("db", "check").stdout == "The database is sound.\n"
    refused = running.kkt("db", "restore", str(copy), "--yes")
    assert refused.exit_code == 1
    assert "Stop the service first" in refused.stderr


def test_a_receipt_the_operator_would_not_take_is_settled_and_a_copy_goes_back(tmp_path: Path) -> None:
    with service(tmp_path / "var", OFD_TRANSPORT="http", KKT_MAX_ATTEMPTS="1") as running:
        found = re.search(r"control (http://\S+)/state", running.banner)
        assert found is not None
        post(f"{found[1]}/faults", {"mode": "refuse"}, {})
        receipt_id = running.sell("refused")
        letters = eventually(lambda: running.json("dead-letters", "list")["items"], bool)
        number = str(letters[0]["id"])
        assert receipt_id in running.kkt("dead-letters", "show", number).stdout

        assert running.kkt("dead-letters", "retry", number).stdout == f"{number}: retried\n"
        second = eventually(
            lambda: running.json("dead-letters", "list")["items"], lambda items: len(items) == 2
        )
        last = str(second[0]["id"])
        settle = ("dead-letters", "resolve", last, "--outcome", "written_off", "--note")
        assert running.kkt(*settle, "по телефону").exit_code == 0
        assert running.json("dead-letters", "show", last)["note"] == "по телефону"
        assert running.kkt(*settle, "ещё раз").exit_code == 1

        copy = tmp_path / "copy.db"
        assert running.kkt("db", "backup", str(copy)).exit_code == 0
        assert running.stop() == 0
        restored = running.kkt("db", "restore", str(copy), "--yes")
        assert restored.exit_code == 0, restored.stderr
        assert running.kkt("db", "check").exit_code == 0
        gone = running.kkt("status")
        assert (gone.exit_code, "not running" in gone.stderr) == (4, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("output", ["/dev/null", "/dev/full"])
def test_a_start_that_is_refused_ends_with_code_2_whatever_becomes_of_its_words(
    tmp_path: Path, output: str
) -> None:
    command = [sys.executable, "-m", "kkt_adapter", "serve", "--data-dir", str(tmp_path / "data")]
    with open(output, "w") as full:
        ended = subprocess.run(command, cwd=tmp_path, stderr=full, stdout=full, timeout=WITHIN_S, check=False)
    assert ended.returncode == 2
    assert not (tmp_path / "data").exists()
