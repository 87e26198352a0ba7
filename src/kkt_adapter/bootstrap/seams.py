"""The product's seams, for whoever wants to stand in one."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from kkt_adapter.api.entry.core import Sandbox
from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.ofd.gateway import HttpOfdGateway, OfdGateway
from kkt_adapter.kernel.addresses import is_loopback
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.pass_lock import EXPIRY_S


def is_elsewhere(endpoint: str) -> bool:
    """An operator on this machine has this machine's clock: it is no witness of it."""
    address = endpoint.partition(":")[2]
    host = urlsplit(address if "//" in address else f"//{address}").hostname
    return host is not None and not is_loopback(host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What stands around the product's seams: nothing, or what the fault lab and tests put there."""

    database: Callable[[Database], Database] = lambda database: database
    driver: Callable[[KktDriver], KktDriver] = lambda driver: driver
    gateway: Callable[[OfdGateway], OfdGateway] = lambda gateway: gateway
    http: Callable[[HttpOfdGateway], HttpOfdGateway] = lambda gateway: gateway
    witness: Callable[[str], bool] = is_elsewhere  # has this operator (an end point's name) its own clock?
    lock_expiry_s: int = EXPIRY_S  # of the pass lock
    sandbox: Sandbox | None = None  # of a demonstration: what its page may break
