"""``python -m bench.watchers PORT COOKIE PAGES``: open overviews that follow what changes, without a browser.

Each holds the live stream and, like the page's script, fetches its two live parts when their mark is named.
Says ``live`` once all streams are open.
"""

import asyncio
import sys

PARTS = {  # live parts of the overview that are fetched for a mark
    "overview": ("div#attention",),
    "registers": ("section#registers",),
}


async def main(port: int, cookie: str, pages: int) -> None:
    opened = [asyncio.Event() for _ in range(pages)]
    following = [asyncio.create_task(_follow(port, cookie, event)) for event in opened]
    await asyncio.wait_for(asyncio.gather(*(event.wait() for event in opened)), 60)
    print("live", flush=True)
    await asyncio.gather(*following)


async def _follow(port: int, cookie: str, opened: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request("/ui/live", cookie))
    while line := await reader.readline():
        if not line.startswith(b"event: "):
            continue
        mark = line[7:].strip().decode()
        opened.set()
        for part in PARTS.get(mark, ()):
            await _fetch(port, cookie, part)
    raise SystemExit("the stream ended")


async def _fetch(port: int, cookie: str, part: str) -> None:
    """Whatever it is, it is read to its end and thrown away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request("/ui/", cookie, f"Connection: close\r\nHX-Request: true\r\nHX-Target: {part}\r\n"))
    answer = await reader.read(15)
    if answer[9:12] != b"200":
        raise SystemExit(f"a page answered {answer!r}")
    while await reader.read(65_536):
        pass
    writer.close()


def _request(path: str, cookie: str, more: str = "") -> bytes:
    head = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nAccept-Encoding: gzip\r\n{more}\r\n"
    )
    return head.encode()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
