"""A part that is put together when it is first needed."""

import asyncio
import threading

import pytest

from kkt_adapter.api import late
from kkt_adapter.api.late import Late
from kkt_adapter.kernel.errors import Overloaded


class Builder:
    """Counts; the first ``failing`` times it raises. ``go``: builds only when told."""

    def __init__(self, *, failing: int = 0, held: bool = False) -> None:
        self.built = 0
        self.thread = 0
        self._failing = failing
        self.go = threading.Event()
        if not held:
            self.go.set()

    def __call__(self) -> str:
        assert self.go.wait(10)
        self.built += 1
        self.thread = threading.get_ident()
        if self.built <= self._failing:
            raise ImportError("no such module")
        return f"part {self.built}"


async def test_many_requests_wait_for_one_build_while_the_loop_goes_on() -> None:
    builder = Builder(held=True)
    part = Late(builder)
    waiting = [asyncio.create_task(part.get()) for _ in range(5)]
    await asyncio.sleep(0)
    assert part.made is None
    builder.go.set()  # said by the loop, which is not stopped
    assert await asyncio.gather(*waiting) == ["part 1"] * 5
    assert builder.thread != threading.get_ident()
    assert [await part.get(), part.now()] == ["part 1", "part 1"]
    assert builder.built == 1


async def test_an_error_answers_those_who_wait_and_the_next_tries_again() -> None:
    part = Late(Builder(failing=1))
    found = await asyncio.gather(part.get(), part.get(), return_exceptions=True)
    assert [type(one) for one in found] == [ImportError, ImportError]
    assert await part.get() == "part 2"


async def test_a_request_waits_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "WAIT_S", 0.0)
    builder = Builder(held=True)
    part = Late(builder)
    with pytest.raises(Overloaded):
        await part.get()
    builder.go.set()
    assert await asyncio.to_thread(part.now) == "part 1"
    assert await part.get() == "part 1"


async def test_a_request_that_is_given_up_does_not_end_the_build_for_others() -> None:
    builder = Builder(held=True)
    part = Late(builder)
    leaving, staying = asyncio.create_task(part.get()), asyncio.create_task(part.get())
    await asyncio.sleep(0)
    leaving.cancel()
    builder.go.set()
    assert await staying == "part 1"
    assert builder.built == 1
