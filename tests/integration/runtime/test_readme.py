"""The README is true to the letter: its commands are run as they stand there, against the service it starts.

Only the ports differ: the service and its operator listen where there is room.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.processes.forked import ROOT
from tests.support.services import missing

README = (ROOT / "README.md").read_text(encoding="utf-8")
WITHIN_S = 180.0
PROGRAM = ".venv/bin/kkt-adapter"
STATUS = "\n%{http_code}"


def section(title: str) -> str:
    """From this heading to the next."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def commands(text: str) -> list[str]:
    """The lines of its indented blocks, continued ones joined."""
    blocks = re.findall(r"^(?: {4}.*\n)+", text, flags=re.MULTILINE)
    return [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A folder as a checkout would be, with the service running in it."""

    folder: Path
    port: str
    control_port: str
    process: "subprocess.Popen[str]"

    def shell(self, command: str) -> "subprocess.CompletedProcess[str]":
        command = command.replace(":8000/", f":{self.port}/").replace(":8001/", f":{self.control_port}/")
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=surroundings() | {"KKT_URL": f"http://127.0.0.1:{self.port}"},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def call(self, command: str) -> object:
        """The answer to a line with curl, which must be a 200."""
        assert command.startswith("curl -s "), command
        done = self.shell(f"{command} -w '{STATUS}'")
        body, _, status = done.stdout.rpartition("\n")
        assert (done.returncode, status) == (0, "200"), f"{command}: {done.stdout}{done.stderr}"
        return json.loads(body)


def surroundings() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    patient = {"KKT_RESPONSE_BUDGET": "60"}  # a slow machine is no reason for "buffered"
    return kept | patient | {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT / "src")}


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Shop]:
    program = folder / PROGRAM
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m kkt_adapter "$@"\n')
    program.chmod(0o755)
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(program), "serve", "--port", "0", *arguments],
            cwd=folder,
            env=surroundings(),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        until = time.monotonic() + WITHIN_S
        while "Started server process" not in (said := log.read_text(encoding="utf-8")):
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.05)
        (port,) = re.findall(r"^kkt-adapter \S+  http://127\.0\.0\.1:(\d+)", said, flags=re.MULTILINE)
        control = re.findall(r"control http://127\.0\.0\.1:(\d+)", said)
        yield Shop(folder=folder, port=port, control_port=control[0] if control else "0", process=process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def tools() -> None:
    for tool in ("bash", "curl"):
        if shutil.which(tool) is None:
            missing(tool)


def test_every_command_of_try_it_does_what_is_said(tmp_path: Path) -> None:
    ran = []
    with serving(tmp_path, "--demo") as shop:
        for command in commands(section("Try it")):
            if command.startswith("curl"):
                answer = shop.call(command)
                assert answer, command
            else:
                assert command.startswith(PROGRAM), command
                done = shop.shell(command)
                while "[SYNC_IN_PROGRESS]" in done.stderr:  # the service delivers by itself at this moment
                    done = shop.shell(command)
                assert (done.returncode, bool(done.stdout)) == (0, True), f"{command}: {done.stderr}"
            ran.append(command)
        assert len(ran) >= 12
        shop.process.send_signal(signal.SIGTERM)
        assert shop.process.wait(timeout=WITHIN_S) == 0


def test_the_first_command_posts_a_receipt_that_is_printed_and_reaches_the_operator(tmp_path: Path) -> None:
    post = commands(section("Try it"))[0]
    with serving(tmp_path, "--demo") as shop:
        answer = shop.call(post)
        assert isinstance(answer, dict)
        assert answer["status"] == "printed"
        state: object = None
        until = time.monotonic() + WITHIN_S
        while not (isinstance(state, dict) and state["by_code"].get("3") == 1):  # 3: a receipt
            assert time.monotonic() < until, state
            state = shop.call("curl -s http://127.0.0.1:8001/control/state")
            time.sleep(0.05)


def test_with_several_registers_a_till_is_named_as_the_page_says(tmp_path: Path) -> None:
    page = section("Try it")
    (named,) = re.findall(r"name the till: `([^`]+)`", page)
    post, *_ = commands(page)
    reports = [command for command in commands(page) if command.endswith("_report")]
    assert len(reports) == 2
    with serving(tmp_path, "--demo") as shop:
        for till in ("POS-001", "POS-002"):
            shop.call(post.replace("POS-001", till))
        for report in reports:
            answer = shop.call(f"{report} {named}")
            assert isinstance(answer, dict)
            assert answer["totalSales"] == 100


def test_the_service_starts_with_the_configuration_of_the_page(tmp_path: Path) -> None:
    page = section("With configured registers")
    (toml,) = re.findall(r"^```toml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "kkt-adapter.toml").write_text(toml, encoding="utf-8")
    post, status, *_ = commands(section("Try it"))
    assert commands(page) == [f"{PROGRAM} serve"]
    with serving(tmp_path) as shop:
        answer = shop.call(post.replace("POS-001", "POS-002"))
        assert isinstance(answer, dict)
        assert answer["status"] == "printed"
        assert isinstance(shop.call(status), dict)
