"""An answer's head and body leave by one call of the system."""

import asyncio
from dataclasses import dataclass, field

from kkt_adapter.api.wire.answers_written import Answers


@dataclass
class Transport:
    """What was written, and closed when."""

    done: list[bytes | str] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.done


@dataclass
class Line:
    """A connection as its answers see it."""

    transport: Transport
    in_body: bool = False

    def linger(self) -> None:
        self.transport.done.append("lingers")


def answers(line: Line) -> Answers:
    return Answers(line, line.transport, call_soon=asyncio.get_running_loop().call_soon)


async def test_head_and_body_are_one_write() -> None:
    transport = Transport()
    written = answers(Line(transport))
    written.write(b"head ")
    written.write(b"body")
    assert transport.done == [b"head body"]
    await asyncio.sleep(0)
    assert transport.done == [b"head body"], "nothing is written twice"


async def test_a_head_whose_body_takes_its_time_leaves_with_the_turn() -> None:
    transport = Transport()
    written = answers(Line(transport))
    written.write(b"head ")
    assert transport.done == []
    await asyncio.sleep(0)
    written.write(b"first part")
    written.write(b"second part")
    assert transport.done == [b"head ", b"first partsecond part"]


async def test_no_part_of_a_long_stream_is_kept_behind_the_next_one() -> None:
    transport = Transport()
    written = answers(Line(transport))
    for part in (b"1", b"2", b"3", b"4", b"5"):
        written.write(part)
    assert transport.done == [b"12", b"34"]
    written.flush()
    assert transport.done == [b"12", b"34", b"5"]


async def test_what_is_held_leaves_before_the_connection_is_closed() -> None:
    transport = Transport()
    written = answers(Line(transport))
    written.write(b"head ")
    written.close()
    assert transport.done == [b"head ", "closed"]


async def test_closing_within_a_body_lingers() -> None:
    transport = Transport()
    written = answers(Line(transport, in_body=True))
    written.write(b"refusal")
    written.close()
    assert transport.done == [b"refusal", "lingers"]


async def test_an_empty_part_holds_nothing() -> None:
    transport = Transport()
    written = answers(Line(transport))
    written.write(b"")
    written.flush()
    await asyncio.sleep(0)
    assert transport.done == []
