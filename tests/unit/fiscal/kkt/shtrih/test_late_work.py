"""How long is waited after a lost answer: from the last frame that went out."""

from collections.abc import Callable

import pytest

from kkt_adapter.fiscal.kkt.shtrih.late import LateWork

LATE_S = 30.0


class AnyLink:
    sending: Callable[[], None] = staticmethod(lambda: None)

    async def connect(self) -> None: ...

    async def exchange(self, body: bytes, *, answer_s: float) -> bytes:
        return body

    async def close(self) -> None: ...


@pytest.fixture
def now() -> list[float]:
    return [1_000.0]


def test_a_device_that_took_the_frame_late_gets_its_whole_time(now: list[float]) -> None:
    link = AnyLink()
    late = LateWork(link, late_s=LATE_S, monotonic=lambda: now[0])
    now[0] += 100
    assert late.settle_s == 0.0, "what an earlier process sent is over"
    with pytest.raises(ConnectionError), late.document():
        late.sending()
        now[0] += 25  # ENQ after ENQ
        link.sending()
        now[0] += 4
        raise ConnectionError
    assert late.settle_s == LATE_S - 4


def test_looks_and_what_made_nothing_cost_no_waiting(now: list[float]) -> None:
    link = AnyLink()
    late = LateWork(link, late_s=LATE_S, monotonic=lambda: now[0])
    assert late.settle_s == LATE_S, "an earlier process may have sent something"
    now[0] += 100
    link.sending()  # a status
    assert late.settle_s == 0.0
    with late.document():
        link.sending()  # refused before its closing
    assert late.settle_s == 0.0
