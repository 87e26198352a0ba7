"""A slow listener loses its oldest events and holds nobody up."""

import asyncio

import pytest

from kkt_adapter.kernel.errors import Overloaded
from kkt_adapter.runtime.events import Fanout


async def test_every_listener_gets_every_event_from_its_beginning_on() -> None:
    fanout: Fanout[int] = Fanout()
    fanout.publish(0)  # nobody listens yet
    with fanout.listen() as early:
        fanout.publish(1)
        with fanout.listen() as late:
            fanout.publish(2)
            fanout.close()
            assert [event async for event in early] == [1, 2]
            assert [event async for event in late] == [2]


async def test_a_waiting_listener_is_woken() -> None:
    fanout: Fanout[str] = Fanout()
    with fanout.listen() as listener:
        waiting = asyncio.ensure_future(anext(listener))
        await asyncio.sleep(0)
        fanout.publish("news")
        assert await waiting == "news"


async def test_a_slow_listener_keeps_the_newest_and_counts_what_it_lost() -> None:
    fanout: Fanout[int] = Fanout(backlog=3)
    with fanout.listen() as slow:
        for event in range(10):
            fanout.publish(event)
        fanout.close()
        assert [event async for event in slow] == [7, 8, 9]
        assert slow.lost == 7


async def test_there_is_a_limit_of_listeners_and_leaving_makes_room() -> None:
    fanout: Fanout[int] = Fanout(listeners=1)
    with fanout.listen():
        with pytest.raises(Overloaded), fanout.listen():
            pass
        assert fanout.listening == 1
    with fanout.listen():
        pass
    assert fanout.listening == 0


async def test_listening_after_the_end_ends_at_once() -> None:
    fanout: Fanout[int] = Fanout()
    fanout.close()
    with fanout.listen() as listener:
        assert [event async for event in listener] == []
