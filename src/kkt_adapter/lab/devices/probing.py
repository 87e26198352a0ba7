"""Points in the drivers of real registers: before and after each exchange with the device.

``link.FF45:before`` has sent nothing of the command that makes a receipt, ``link.FF45:after`` has its answer
and told nobody.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
from kkt_adapter.fiscal.kkt.shtrih.requests import command_of
from kkt_adapter.fiscal.kkt.shtrih.wire.link import Link
from kkt_adapter.lab.probes import AFTER, BEFORE, Probes


class ProbedLink:
    """Implements ``Link`` of Shtrih-M."""

    def __init__(self, link: Link, probes: Probes) -> None:
        self._link = link
        self._pass_by = probes.pass_by

    async def connect(self) -> None:
        await self._link.connect()
        self._pass_by(f"link.connect:{AFTER}")

    async def exchange(self, body: bytes, *, answer_s: float) -> bytes:
        name = command_of(body).hex().upper()
        self._pass_by(f"link.{name}:{BEFORE}")
        answer = await self._link.exchange(body, answer_s=answer_s)
        self._pass_by(f"link.{name}:{AFTER}")
        return answer

    async def close(self) -> None:
        await self._link.close()


def _shtrih(driver: Any, probes: Probes) -> None:
    session = driver._session  # the only way to stand between a driver and its line
    session._link = ProbedLink(session._link, probes)


_PROBES: Mapping[type[Any], Callable[[Any, Probes], None]] = MappingProxyType({ShtrihRegister: _shtrih})


def probe(driver: KktDriver, probes: Probes) -> None:
    """Put points into a driver of a real register; one without any is left as it is."""
    put = _PROBES.get(type(driver))
    if put is not None:
        put(driver, probes)
