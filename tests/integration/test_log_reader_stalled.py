"""The service with a log that nobody reads, and with SIGHUP: it answers, and it stops in order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from tests.support.ports import free_port

from kkt_adapter.runtime.log_lines import LogLines

PATIENCE_S = 60


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
        stdout=subprocess.DEVNULL,
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
            if httpx2.get(f"http://127.0.0.1:{port}/v1/health", timeout=5).status_code == 200:
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
