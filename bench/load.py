"""The load: keep-alive connections that post one receipt after another, each over a till of its own.

One light client on raw transports, the same for every variant, because it shares the processor with what
it measures. First every till prints one receipt, which opens its shift; then comes the warm-up, then the
window. Only answers within the window count; from the first receipts on, anything but 200 makes the run
invalid.
"""

import asyncio
import gc
import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvloop

from bench.processes import till_name

ANSWER_S = 10.0  # an answer that takes longer is a fault
PREPARED_S = 60.0  # until every till has printed its first receipt
AGAIN_S = 0.1  # between two tries of a first receipt
PATH = "/v1/kkt/receipt"
KEY_CHARACTERS = 21  # of a key that the load makes up
_LENGTH = b"content-length: "


class InvalidRun(Exception):
    """A measured request failed: the figures would mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """``overload``: 503 OVERLOADED is an answer too; the client waits as it is told and tries again.
    ``health``: one more connection asks for /v1/health all the while, 50 times a second at most.
    ``receipts``: stop after that many answers instead of after a time. ``pause_s``: between an answer and
    the next sale of the same till."""

    connections: int
    warm_up_s: float = 1.0
    measured_s: float = 3.0
    overload: bool = False
    health: bool = False
    receipts: int | None = None
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every connection asks for. ``request``: of a till at a port, with %s for a key of KEY_CHARACTERS;
    ``keyed`` False: without one. ``done`` stands in an answer that counts."""

    request: Callable[[int, int], bytes]
    done: bytes
    keyed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Latencies are seconds, sorted."""

    answers: int
    seconds: float
    latencies: tuple[float, ...]
    health: tuple[float, ...] = ()
    refused: int = 0
    processor_s: float = 0.0  # of the measured process within the window

    @property
    def processor_ms(self) -> float:
        """Per receipt."""
        return self.processor_s * 1000 / self.answers

    @property
    def per_s(self) -> float:
        return self.answers / self.seconds

    def latency(self, share: float) -> float:
        return quantile(self.latencies, share)


def quantile(ordered: tuple[float, ...], share: float) -> float:
    """The nearest-rank quantile of sorted values."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def body(till: int) -> bytes:
    """The receipt of the contract's example."""
    receipt = {
        "pos_id": till_name(till),
        "type": "sale",
        "items": [{"name": "Test", "price": 100, "qty": 1}],
        "payments": [{"type": "cash", "amount": 100}],
    }
    return json.dumps(receipt, separators=(",", ":")).encode()


def run(
    port: int,
    wanted: Wanted,
    *,
    others: Sequence[int] = (),
    processor_s: Callable[[], float] = lambda: 0.0,
    asked: Asked | None = None,
) -> Outcome:
    """Post until the window is over. ``others``: ports of further nodes; all have equal shares of the tills.
    ``processor_s``: what the measured process has used so far. ``asked``: else native receipts.

    Raises:
        InvalidRun: an answer that was not 200 ``printed``, or none in time.
    """
    gc.collect()
    gc.freeze()
    gc.disable()  # a pause of ours would look like one of theirs
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run((port, *others), wanted, processor_s, asked or NATIVE))
    finally:
        gc.enable()
        gc.unfreeze()


@dataclass(slots=True)
class _Window:
    """What all clients of one run share."""

    wanted: Wanted
    done: bytes
    keyed: bool
    keys: Callable[[], bytes]
    preparing: int = 0  # tills whose first receipt is not printed yet
    counting: bool = False
    over: bool = False
    answers: int = 0
    refused: int = 0
    latencies: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    fault: str | None = None
    prepared: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def fail(self, what: str) -> None:
        self.fault = self.fault or what
        self.over = True
        self.prepared.set()
        self.finished.set()


async def _run(
    ports: Sequence[int], wanted: Wanted, processor_s: Callable[[], float], asked: Asked
) -> Outcome:
    loop = asyncio.get_running_loop()
    numbers, run_name = itertools.count(1), os.urandom(6).hex()
    window = _Window(
        wanted,
        done=asked.done,
        keyed=asked.keyed,
        keys=lambda: b"%s-%08d" % (run_name.encode(), next(numbers)),
    )
    share = wanted.connections // len(ports)
    port_of = [ports[min(till // share, len(ports) - 1)] for till in range(wanted.connections)]
    clients = [_Client(window, asked.request(till, port_of[till])) for till in range(wanted.connections)]
    probes = [_Client(window, _GET % ports[0], probe=True)] if wanted.health else []
    for client, port in zip((*clients, *probes), (*port_of, ports[0]), strict=False):
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    for probe in probes:
        probe.start()
    await _prepare(window, clients)
    started, used_s = time.perf_counter(), processor_s()
    if wanted.receipts is None:
        await _pause(window, wanted.warm_up_s)
        window.counting, started, used_s = True, time.perf_counter(), processor_s()
        await _pause(window, wanted.measured_s)
    else:
        window.counting = True
        await window.finished.wait()
    window.counting, window.over = False, True
    seconds, used_s = time.perf_counter() - started, processor_s() - used_s
    until = time.perf_counter() + ANSWER_S
    while any(client.is_busy for client in clients) and window.fault is None:
        if time.perf_counter() > until:
            window.fail(f"no answer within {ANSWER_S:.0f} s")
        await asyncio.sleep(0.01)
    for client in (*clients, *probes):
        client.close()
    if window.fault is not None:
        raise InvalidRun(window.fault)
    return Outcome(
        answers=window.answers,
        seconds=seconds,
        latencies=tuple(sorted(window.latencies)),
        health=tuple(sorted(window.health)),
        refused=window.refused,
        processor_s=used_s,
    )


async def _prepare(window: _Window, clients: list["_Client"]) -> None:
    """One receipt at every till, side by side; then all of them go on posting."""
    window.preparing = len(clients)
    for client in clients:
        client.start()
    try:
        async with asyncio.timeout(PREPARED_S):
            await window.prepared.wait()
    except TimeoutError:
        window.fail(f"{window.preparing} tills had not printed a receipt after {PREPARED_S:.0f} s")
    for client in clients:
        client.start()


async def _pause(window: _Window, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await window.finished.wait()
    except TimeoutError:
        pass


_GET = b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"


def _post(till: int, port: int) -> bytes:
    """A request with %s where its key belongs."""
    content = body(till)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nIdempotency-Key: %s\r\n\r\n"
    )
    return head.encode() + content


NATIVE = Asked(request=_post, done=b'"status":"printed"')


class _Client(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, window: _Window, request: bytes, *, probe: bool = False) -> None:
        self._window = window
        self._request = request
        self._probe = probe
        self._received = b""
        self._sent_at = 0.0
        self._whole = b""
        self.is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._now = time.perf_counter

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_busy:
            self._window.fail("the connection was closed before the answer")

    def start(self) -> None:
        self._next()

    def close(self) -> None:
        self.is_busy = False
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head_end = received.find(b"\r\n\r\n")
        at = received.find(_LENGTH, 0, head_end) if head_end >= 0 else -1
        if at < 0:
            self._received = received
            return
        at += len(_LENGTH)
        size = head_end + 4 + int(received[at : received.index(b"\r\n", at)])
        if len(received) < size:
            self._received = received
            return
        self._received = b""
        self.is_busy = False
        self._answered(received)

    def _next(self) -> None:
        if self._window.over:
            return
        keyed = self._window.keyed and not self._probe
        self._whole = self._request % self._window.keys() if keyed else self._request
        self._send()

    def _send(self) -> None:
        if self._window.over:
            return
        self.is_busy = True
        self._sent_at = self._now()
        self._transport.write(self._whole)

    def _answered(self, answer: bytes) -> None:
        window = self._window
        took_s = self._now() - self._sent_at
        if self._probe:
            self._probed(answer, took_s)
            return
        printed = answer.startswith(b"HTTP/1.1 200 ") and window.done in answer
        if window.preparing:
            if printed:
                window.preparing -= 1
                if not window.preparing:
                    window.prepared.set()
            else:  # its register is not reached yet, or more tills begin than are let in
                asyncio.get_running_loop().call_later(AGAIN_S, self._send)
        elif printed:
            if window.counting:
                window.answers += 1
                window.latencies.append(took_s)
                if window.wanted.receipts is not None and window.answers >= window.wanted.receipts:
                    window.over = True
                    window.finished.set()
            if window.wanted.pause_s:
                asyncio.get_running_loop().call_later(window.wanted.pause_s, self._next)
            else:
                self._next()
        elif (
            window.wanted.overload
            and answer.startswith(b"HTTP/1.1 503 ")
            and b'"OVERLOADED"' in answer
            and b"retry-after: 1\r\n" in answer
        ):
            window.refused += window.counting
            asyncio.get_running_loop().call_later(1.0, self._send)
        else:
            window.fail(answer[:600].decode(errors="replace"))

    def _probed(self, answer: bytes, took_s: float) -> None:
        if not answer.startswith(b"HTTP/1.1 200 "):
            self._window.fail(answer[:600].decode(errors="replace"))
            return
        if self._window.counting:
            self._window.health.append(took_s)
        asyncio.get_running_loop().call_later(0.02, self._next)
