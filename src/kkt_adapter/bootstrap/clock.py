"""Who is asked whether the host's clock can be believed."""

from datetime import timedelta

from sqlalchemy import make_url

from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.delivery import Delivery
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.fiscal.control.clock_watch import ClockPeers, ClockWatch
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.kernel.addresses import is_loopback
from kkt_adapter.kernel.clock_trust import Bounds
from kkt_adapter.runtime.db.urls import sqlite_path


def build_clock_watch(core: Core, *, printing: Printing, delivery: Delivery) -> ClockWatch:
    """An operator or a server on this machine has this machine's clock, and is no witness of it."""
    settings = core.settings

    def counts(endpoint: Endpoint) -> bool:
        return not (core.demo or settings.ofd_mock_mode) and core.seams.witness(endpoint.name)

    return ClockWatch(
        ClockPeers(
            registers=printing.registers,
            endpoints=delivery.lanes.endpoints,
            counts=counts,
            server_counts=_server_is_elsewhere(settings.database),
        ),
        database=core.database,
        clock=core.clock,
        bounds=Bounds(
            between=timedelta(seconds=settings.clock_agree_s), alone=timedelta(seconds=settings.clock_alone_s)
        ),
    )


def _server_is_elsewhere(url: str) -> bool:
    if sqlite_path(url) is not None:
        return False
    host = make_url(url).host
    return host is not None and not is_loopback(host)
