"""Points in the drivers of real registers: before and after each exchange with the device.

``link.FF45:before`` has sent nothing of the command that makes a receipt, ``link.FF45:after`` has its answer
and told nobody; ``link.sell:before`` and ``link.sell:after`` are the same around the queueing of an ATOL job,
``link.result:after`` comes with its result.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from kkt_adapter.fiscal.kkt.atol.answers import SubResult
from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
from kkt_adapter.fiscal.kkt.atol.web import WebServer
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
from kkt_adapter.fiscal.kkt.shtrih.requests import command_of
from kkt_adapter.fiscal.kkt.shtrih.wire.link import Link
from kkt_adapter.lab.inside.probes import AFTER, BEFORE, Probes


class ProbedLink:
    """Implements ``Link`` of Shtrih-M."""

    def __init__(self, link: Link, probes: Probes) -> None:
        self._link = link
        self._pass_by = probes.pass_by

    @property
    def sending(self) -> Callable[[], None]:
        return self._link.sending

    @sending.setter
    def sending(self, called: Callable[[], None]) -> None:
        self._link.sending = called

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


class ProbedWeb:
    """Stands in the place of two calls of ATOL's ``WebServer``."""

    def __init__(self, web: WebServer, probes: Probes) -> None:
        self._post, self._results = web.post, web.results
        self._pass_by = probes.pass_by

    async def post(self, uuid: str, request: Any) -> None:
        name = request[-1]["type"]
        self._pass_by(f"link.{name}:{BEFORE}")
        await self._post(uuid, request)
        self._pass_by(f"link.{name}:{AFTER}")

    async def results(self, uuid: str) -> tuple[SubResult, ...]:
        found = await self._results(uuid)
        if all(one.is_final for one in found):
            self._pass_by(f"link.result:{AFTER}")
        return found


def _atol(driver: Any, probes: Probes) -> None:
    web = driver.web
    probed = ProbedWeb(web, probes)
    web.post, web.results = probed.post, probed.results


_PROBES: Mapping[type[Any], Callable[[Any, Probes], None]] = MappingProxyType(
    {ShtrihRegister: _shtrih, AtolRegister: _atol}
)


def probe(driver: KktDriver, probes: Probes) -> None:
    """Put points into a driver of a real register; one without any is left as it is."""
    put = _PROBES.get(type(driver))
    if put is not None:
        put(driver, probes)
