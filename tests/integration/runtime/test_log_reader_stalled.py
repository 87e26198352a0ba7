"""The service with a log that nobody reads, and with SIGHUP: it answers, and it stops in order."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from tests.support.ports import free_port

from kkt_adapter.runtime.log import lines_dropped
from kkt_adapter.runtime.log_lines import LogLines

PATIENCE_S = 180


def full_pipe() -> tuple[int, int]:
    """A pipe that takes no byte more; the next write to it blocks."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing


def test_health_answers_though_nobody_reads_the_log_and_after_sighup(tmp_path: Path) -> None:
    port = free_port()
    reading, writing = full_pipe()
    command = [sys.executable, "-m", "kkt_adapter", "serve", "--demo", "--port", str(port)]
    service = subprocess.Popen(
        [*command, "--data-dir", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "KKT_LOG_LEVEL": "DEBUG"},
        stdout=writing,  # the banner meets the full pipe too
        stderr=writing,
    )
    try:
        wait_for_health(service, port)
        service.send_signal(signal.SIGHUP)
        wait_for_health(service, port)
        service.send_signal(signal.SIGTERM)
        assert service.wait(PATIENCE_S) == 0
    finally:
        service.kill()
        service.wait()
        os.close(reading)
        os.close(writing)


def wait_for_health(service: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        assert service.poll() is None, "the service has ended"
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/v1/health", timeout=20).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < until, "no answer"
        time.sleep(0.1)


def test_lines_beyond_the_limit_are_dropped_and_counted_and_the_rest_is_written() -> None:
    reading, writing = full_pipe()
    lines = LogLines(writing, limit=10)
    for number in range(100):
        lines.write(f"line {number}\n")
    assert 89 <= lines.dropped <= 90  # the writer may hold one line more
    assert not lines.close(within_s=0.05)  # the stop does not wait for ever
    got = b""
    while not got.endswith(b"line 9\n"):  # now somebody reads
        got += os.read(reading, 65536)
    assert lines.close()
    os.close(reading)
    os.close(writing)


def test_a_rotated_file_is_opened_anew_when_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "service.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    lines = LogLines(descriptor)
    lines.write("before\n")
    lines.reopen()  # the name still leads to the same file: nothing is lost, nothing is cut off
    lines.write("still before\n")
    assert lines.close()
    path.rename(tmp_path / "service.log.1")
    lines = LogLines(descriptor)
    assert lines.close(), "a file without that name is written to as it is"
    os.close(descriptor)

    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    lines = LogLines(descriptor)
    lines.write("one\n")
    while not path.read_text():  # the writer is a thread of its own
        time.sleep(0.01)
    path.rename(tmp_path / "service.log.2")
    lines.reopen()
    lines.write("two\n")
    assert lines.close()
    os.close(descriptor)
    assert (tmp_path / "service.log.1").read_text() == "before\nstill before\n"
    assert path.read_text().endswith("two\n")
    both = (tmp_path / "service.log.2").read_text() + path.read_text()
    assert both == "one\ntwo\n"


def test_a_pipe_cannot_be_reopened_and_goes_on() -> None:
    reading, writing = os.pipe()
    lines = LogLines(writing)
    lines.reopen()
    lines.write("on\n")
    assert lines.close()
    assert os.read(reading, 100) == b"on\n"
    os.close(reading)
    os.close(writing)


def test_the_log_knows_how_many_lines_it_dropped() -> None:
    reading, writing = full_pipe()
    handlers = logging.getLogger().handlers
    lines = LogLines(writing, limit=1)
    try:
        logging.getLogger().handlers = [logging.StreamHandler(lines)]
        for number in range(10):
            logging.getLogger().warning("line %d", number)
        assert lines_dropped() >= 7
    finally:
        logging.getLogger().handlers = handlers
        os.close(reading)
        os.close(writing)
        lines.close(within_s=0.05)
