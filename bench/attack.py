"""One attacker, a process of its own: ``python -m bench.attack NAME --port P --seconds S``.

Prints what it did as JSON. It works at a steady pace rather than as fast as it can, because it shares the
processors with what it harms; the paces are those at which the attacks of old stopped sales.
"""

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvloop

Count = Counter[str]
Attack = Callable[[int, Count], Awaitable[None]]

HOST = "127.0.0.1"
HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
SIGN_IN = (
    b"POST /ui/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
)
PIECE = 256 * 1024
HELD = 300  # connections that only hold a place; they come back when they are closed
ANSWER_S = 10.0


async def small_headers(port: int, count: Count) -> None:
    """20 MB of headers of 5 bytes on one connection, twice a second."""
    await _paced(0.5, lambda: _send(port, HEAD, b"X: 1\r\n" * (PIECE // 6), 20_000_000, count))


async def huge_header(port: int, count: Count) -> None:
    """One header of 150 MB, once a second."""
    await _paced(1.0, lambda: _send(port, HEAD + b"X: ", b"a" * PIECE, 150_000_000, count))


async def idle(port: int, count: Count) -> None:
    """Connections that send nothing, or half a head, for as long as they are let."""
    await asyncio.gather(*(_hold(port, b"" if n % 2 else HEAD, count) for n in range(HELD)))


async def unfinished_logins(port: int, count: Count) -> None:
    """50 a second; each promises a body and sends half of it."""
    body = b'{"username": "admin", "password": "'
    head = LOGIN + b"Content-Length: %d\r\n\r\n" % (2 * len(body))
    await _paced(0.02, lambda: _linger(port, head + body, count))


async def large_logins(port: int, count: Count) -> None:
    """Bodies of 1 MiB, 20 a second."""
    head = LOGIN + b"Content-Length: 1048576\r\n\r\n"
    await _paced(0.05, lambda: _send(port, head, b"a" * PIECE, 1_048_576, count))


async def large_forms(port: int, count: Count) -> None:
    """The same to the sign-in of the pages."""
    head = SIGN_IN + b"Content-Length: 1048576\r\n\r\n"
    await _paced(0.05, lambda: _send(port, head, b"a" * PIECE, 1_048_576, count))


async def wrong_passwords(port: int, count: Count) -> None:
    """20 a second, each for a name that does not exist."""
    body = json.dumps({"username": "nobody", "password": "wrong horse battery"}).encode()
    head = LOGIN + b"Content-Length: %d\r\n\r\n" % len(body)
    await _paced(0.05, lambda: _send(port, head, body, len(body), count))


async def pipelined(port: int, count: Count) -> None:
    """5,000 requests at once on one connection, ten times a second."""
    await _paced(0.1, lambda: _send(port, b"", (HEAD + b"\r\n") * 5_000, 1, count))


ATTACKS: dict[str, Attack] = {
    "small headers": small_headers,
    "huge header": huge_header,
    "idle connections": idle,
    "unfinished logins": unfinished_logins,
    "1 MiB logins": large_logins,
    "1 MiB sign-in forms": large_forms,
    "wrong passwords": wrong_passwords,
    "pipelined requests": pipelined,
}


async def _paced(every_s: float, act: Callable[[], Awaitable[None]]) -> None:
    """``act`` again and again, without waiting for the one before."""
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    next_at = loop.time()
    while True:
        task = asyncio.ensure_future(act())
        running.add(task)
        task.add_done_callback(running.discard)
        next_at += every_s
        await asyncio.sleep(max(0.0, next_at - loop.time()))


async def _send(port: int, head: bytes, piece: bytes, most: int, count: Count) -> None:
    """Send up to ``most`` bytes in pieces, as long as the server takes them, and read its answer."""
    count["connections"] += 1
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(head)
                sent = 0
                while sent < most and not reader.at_eof():
                    writer.write(piece)
                    await writer.drain()
                    sent += len(piece)
                    count["bytes"] += len(piece)
                    if b"HTTP/1.1" in bytes(reader._buffer[:16]):  # type: ignore[attr-defined]
                        break
                line = await reader.readline()
                count[line[9:12].decode("latin-1") or "closed"] += 1
            finally:
                writer.transport.abort()
            return
    count["cut off"] += 1


async def _linger(port: int, data: bytes, count: Count) -> None:
    count["connections"] += 1
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(data)
        try:
            line = await reader.readline()
            count[line[9:12].decode("latin-1") or "closed"] += 1
        finally:
            writer.transport.abort()


async def _hold(port: int, data: bytes, count: Count) -> None:
    while True:
        await _linger(port, data, count)
        await asyncio.sleep(0.1)


async def _attack(name: str, port: int, seconds: float) -> Count:
    count: Count = Counter()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ATTACKS[name](port, count)
    return count


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("name", choices=list(ATTACKS))
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--seconds", type=float, required=True)
    given = arguments.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_attack(given.name, given.port, given.seconds))))


if __name__ == "__main__":
    main()
