"""Low-level protocol 2 as a host speaks it: every frame has a number, and a number is executed once.

The same frame may be sent again until its answer comes; after a new connection a sync request tells which
number was the last. Numbers are not trusted beyond one connection for deciding anything about a receipt: the
FN decides that.
"""

import asyncio
from collections.abc import Callable

from kkt_adapter.fiscal.kkt.shtrih.wire import frame2
from kkt_adapter.fiscal.kkt.shtrih.wire.frame2 import NUMBERS, Decoder, Frame2
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown, Timing
from kkt_adapter.fiscal.kkt.shtrih.wire.wires import Wire, WireError


class Protocol2:
    """Implements ``Link``."""

    def __init__(self, wire: Wire, *, timing: Timing) -> None:
        self._wire = wire
        self._timing = timing
        self._decoder = Decoder()
        self._last = 0
        self.sending: Callable[[], None] = lambda: None

    async def connect(self) -> None:
        self._decoder = Decoder()
        try:
            await self._wire.open(within_s=self._timing.connect_s)
            await self._sync()
        except WireError as error:
            raise LinkDown(str(error), sent=False) from error

    async def close(self) -> None:
        await self._wire.close()

    async def exchange(self, body: bytes, *, answer_s: float) -> bytes:
        number = (self._last + 1) % NUMBERS
        sent = False
        try:
            for _ in range(self._timing.frames):
                sent = True
                self.sending()
                self._wire.write(frame2.frame(number, body))
                answer = await self._answer_to(number, answer_s)
                if answer is not None:
                    self._last = number
                    return answer
        except WireError as error:
            raise LinkDown(str(error), sent=sent) from error
        raise LinkDown("no answer to this number", sent=True)

    async def _sync(self) -> None:
        for _ in range(self._timing.frames):
            self._wire.write(frame2.sync())
            found = await self._next(self._timing.byte_s)
            if found is not None and found.number is not None:
                self._last = found.number
                return
        raise LinkDown("the device does not answer in protocol 2", sent=False)

    async def _answer_to(self, number: int, answer_s: float) -> bytes | None:
        """The answer with our number. Another number is an old answer that came late: it is passed over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + answer_s
        while (left_s := until - loop.time()) > 0:
            found = await self._next(left_s)
            if found is None:
                return None
            if found.number == number and found.data:
                return found.data
        return None

    async def _next(self, within_s: float) -> Frame2 | None:
        """The next whole frame, byte by byte so that nothing behind it is lost."""
        within = within_s
        while True:
            byte = await self._wire.read(1, within_s=within)
            if byte is None:
                return None
            found = self._decoder.feed(byte)
            if found:
                return found[0]
            within = self._timing.byte_s if within_s > self._timing.byte_s else within_s
