"""What systemd hears: ready, signs of life while the loop runs, stopping. Over a real datagram socket."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.clock import ManualClock

from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.runtime.systemd import SystemdNotify, systemd_notify


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(ear: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said.append(ear.recv(4096).decode())
        except BlockingIOError:
            return said


def address(ear: socket.socket) -> str:
    return str(ear.getsockname())


async def test_signs_of_life_come_three_times_within_the_limit(
    ear: socket.socket, clock: ManualClock
) -> None:
    notify = SystemdNotify(address(ear), watchdog_s=60, clock=clock)
    stop = asyncio.Event()
    running = asyncio.create_task(notify.run(stop))
    notify.ready()
    await clock.until_sleeping()
    assert heard(ear) == ["READY=1", "WATCHDOG=1"]
    for _ in range(3):
        await clock.advance(20)
    assert heard(ear) == ["WATCHDOG=1"] * 3
    stop.set()
    await running
    assert heard(ear) == ["STOPPING=1"]


async def test_without_a_watchdog_there_are_no_signs_of_life(ear: socket.socket, clock: ManualClock) -> None:
    notify = SystemdNotify(address(ear), watchdog_s=None, clock=clock)
    stop = asyncio.Event()
    running = asyncio.create_task(notify.run(stop))
    notify.ready()
    await clock.advance(600)
    stop.set()
    await running
    assert heard(ear) == ["READY=1", "STOPPING=1"]


async def test_a_loop_that_hangs_gives_no_sign_of_life(ear: socket.socket) -> None:
    notify = SystemdNotify(address(ear), watchdog_s=0.15, clock=SystemClock())
    stop = asyncio.Event()
    running = asyncio.create_task(notify.run(stop))
    await asyncio.sleep(0)
    heard(ear)
    time.sleep(0.3)  # noqa: ASYNC251 - the loop hangs
    assert heard(ear) == []
    stop.set()
    await running


async def test_an_ear_that_is_gone_disturbs_nobody(tmp_path: Path, clock: ManualClock) -> None:
    notify = SystemdNotify(str(tmp_path / "nobody"), watchdog_s=60, clock=clock)
    notify.ready()
    stop = asyncio.Event()
    stop.set()
    await notify.run(stop)


def test_an_abstract_address_is_understood() -> None:
    name = f"kkt-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.setblocking(False)
        SystemdNotify("@" + name, watchdog_s=None, clock=SystemClock()).ready()
        assert heard(listening) == ["READY=1"]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}])
def test_nothing_is_told_where_systemd_does_not_ask(environment: dict[str, str]) -> None:
    assert systemd_notify(environment, clock=SystemClock()) is None


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),  # meant for another process
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
async def test_the_watchdogs_limit_is_taken_from_the_environment(
    given: dict[str, str], limit: float | None, ear: socket.socket, clock: ManualClock
) -> None:
    notify = systemd_notify({"NOTIFY_SOCKET": address(ear), **given}, clock=clock)
    assert notify is not None
    stop = asyncio.Event()
    running = asyncio.create_task(notify.run(stop))
    await clock.advance(59)
    assert heard(ear).count("WATCHDOG=1") == (0 if limit is None else 3)
    stop.set()
    await running
