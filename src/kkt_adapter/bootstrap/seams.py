"""The product's seams, for whoever wants to stand in one."""

from collections.abc import Callable
from dataclasses import dataclass

from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.ofd.gateway import HttpOfdGateway, OfdGateway
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.leases.pass_lock import EXPIRY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What stands around the product's seams: nothing, or what the fault lab and tests put there."""

    database: Callable[[Database], Database] = lambda database: database
    driver: Callable[[KktDriver], KktDriver] = lambda driver: driver
    gateway: Callable[[OfdGateway], OfdGateway] = lambda gateway: gateway
    http: Callable[[HttpOfdGateway], HttpOfdGateway] = lambda gateway: gateway
    lock_expiry_s: int = EXPIRY_S  # of the pass lock
