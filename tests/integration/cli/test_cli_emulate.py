"""``kkt-adapter emulate``: real processes, called as their own output says, ended by a signal."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from urllib.request import Request, urlopen

from tests.support.cli import run
from tests.support.worked_messages import golden

from kkt_adapter.cli.emulate import emulate_app

START_WITHIN_S = 180.0


class Emulator:
    def __init__(self, process: "subprocess.Popen[str]", lines: list[str]) -> None:
        self.process = process
        self.lines = lines

    @property
    def curls(self) -> list[str]:
        return [line.strip() for line in self.lines if line.startswith("  curl ")]

    def call(self, ending: str) -> object:
        """Do what a printed curl line does; the line is found by how its address ends."""
        line = next(line for line in self.curls if re.search(rf"{ending}'?( |$)", line))
        words = shlex.split(line)
        headers = {}
        if "-H" in words:
            name, _, value = words[words.index("-H") + 1].partition(": ")
            headers[name] = value
        body = words[words.index("-d") + 1].encode() if "-d" in words else None
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        url = next(word for word in words if word.startswith("http://"))
        with urlopen(Request(url, data=body, headers=headers, method=method), timeout=60) as answer:
            return json.loads(answer.read())


@contextmanager
def emulator(*arguments: str) -> Iterator[Emulator]:
    """A running stand-in that has printed everything it prints at its start."""
    command = [sys.executable, "-m", "kkt_adapter", "emulate", *arguments]
    environment = {"LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    too_late = Timer(START_WITHIN_S, process.kill)
    too_late.start()
    try:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Stop with Ctrl+C"):
                break
        too_late.cancel()
        yield Emulator(process, lines)
    finally:
        too_late.cancel()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_the_tcp_operator_confirms_a_document_and_shows_it() -> None:
    with emulator("ofd-tcp", "--port", "0", "--control-port", "0") as ofd:
        match = re.search(r"at 127\.0\.0\.1:(\d+)$", ofd.lines[0])
        assert match is not None
        with socket.create_connection(("127.0.0.1", int(match[1])), timeout=60) as line:
            line.sendall(golden("receipt"))
            assert line.recv(4) == golden("receipt")[:4]
        documents = ofd.call("/documents")
        assert isinstance(documents, dict)
        assert documents["documents"][0]["number"] == 3
        state = ofd.call("/state")
        assert isinstance(state, dict)
        assert state["down"] is False
        ofd.process.send_signal(signal.SIGTERM)
        assert ofd.process.wait(timeout=60) == 0


def test_the_faults_of_the_printed_examples_are_taken() -> None:
    with emulator("ofd-tcp", "--port", "0", "--control-port", "0", "--shape", "loose") as ofd:
        slow = ofd.call("/faults")
        assert isinstance(slow, dict)
        assert slow["faults"] == [{"mode": "slow", "delay_s": 3.0}]
        ofd.process.send_signal(signal.SIGINT)
        assert ofd.process.wait(timeout=60) == 0


def test_the_http_operator_is_alive_where_it_says() -> None:
    with emulator("ofd-http", "--port", "0", "--control-port", "0") as ofd:
        assert ofd.call("/ofd/v1/health") == {"status": "ok"}
        assert any("OFD_TRANSPORT=http OFD_BASE_URL=http://127.0.0.1:" in line for line in ofd.lines)


def test_the_vendor_sells_as_many_products_as_asked_for() -> None:
    with emulator("g2a", "--port", "0", "--products", "3") as vendor:
        products = vendor.call(r"/products\?page=1")
        assert isinstance(products, dict)
        assert len(products["docs"]) == products["total"] <= 3
        truth = vendor.call("/truth")
        assert isinstance(truth, list)
        assert any("G2A_CLIENT_ID=" in line for line in vendor.lines)


def test_the_back_office_takes_the_faults_of_the_printed_examples() -> None:
    with emulator("erp", "--port", "0", "--control-port", "0", "--token", "t0p") as office:
        assert any("HEARTBEAT_TOKEN=t0p kkt-adapter serve" in line for line in office.lines)
        state = office.call("/state")
        assert isinstance(state, dict)
        assert (state["calls"], state["down"]) == (0, False)
        page = office.call("/faults")
        assert isinstance(page, dict)
        assert page["faults"] == [{"mode": "login_page", "count": 3}]
        office.process.send_signal(signal.SIGTERM)
        assert office.process.wait(timeout=60) == 0


def test_the_registers_take_every_option_and_the_faults_of_the_printed_examples(tmp_path: Path) -> None:
    line, ports = tmp_path / "tty", ("--host", "127.0.0.1", "--port", "0", "--control-port", "0")
    common = (*ports, "--ffd", "1.1", "--ofd", "127.0.0.1:1", "--state")
    shtrih = ("shtrih", *common, str(tmp_path / "s"), "--protocol", "1", "--pty", str(line))
    atol = ("atol", *common, str(tmp_path / "a"), "--flavour", "jar")
    with emulator(*shtrih) as device, emulator(*atol) as web:
        assert line.is_symlink()
        assert f'  address = "serial://{line}"' in device.lines
        for one in (device, web):
            assert any("NOT a cash register" in text for text in one.lines)
            for ending in ("state", "documents", "faults", "conditions"):
                assert one.call(f"control/{ending}"), ending


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run(emulate_app, "g2a", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "Cannot listen" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_unknown_shape_is_a_wrong_option() -> None:
    result = run(emulate_app, "ofd-tcp", "--shape", "round")
    assert result.exit_code == 2
    assert "--shape" in result.stderr
