"""Which delivery lanes there are at the moment: one for each FN, by its register's transport."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kkt_adapter.fiscal.delivery import reconcile
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.base import DeliveryLane
from kkt_adapter.fiscal.delivery.lanes.device import DeviceLane
from kkt_adapter.fiscal.delivery.lanes.http import HttpLane
from kkt_adapter.fiscal.delivery.lanes.relay import RelayLane
from kkt_adapter.fiscal.ofd.gateway import HttpOfdGateway, OfdGateway
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.runtime.db.protocol import Database

RELAY, DEVICE, HTTP = "relay", "device", "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a register's documents go."""

    endpoint: Endpoint
    gateway: OfdGateway | None = None  # relay, and the pump inside a virtual register
    http: HttpOfdGateway | None = None  # http


class DeliveryLanes:
    """Makes a lane when an FN first shows up and keeps it for the life of the process."""

    def __init__(
        self,
        *,
        registers: Registers,
        route_of: Callable[[Unit], Route],
        database: Database,
        clock: Clock,
        owner: str,
        max_attempts: int,
    ) -> None:
        self._registers = registers
        self._route_of = route_of
        self._db = database
        self._clock = clock
        self._owner = owner
        self._max_attempts = max_attempts
        self._lanes: dict[str, DeliveryLane] = {}
        self._asked: tuple[Unit, ...] = ()
        self._endpoints: tuple[Endpoint, ...] = ()  # of the registers in ``_asked``

    async def current(self) -> Sequence[DeliveryLane]:
        """The lanes of every register that has told its FN, and of replaced FNs with waiting receipts."""
        for unit in self._registers.all():
            if unit.registration is None:
                continue
            fn_number = unit.registration.fn_number
            if fn_number not in self._lanes:
                self._lanes[fn_number] = self._lane(fn_number, unit, self._route_of(unit))
        await self._keep_old_http()
        return tuple(self._lanes.values())

    async def _keep_old_http(self) -> None:
        """Receipts that go over HTTP need no register: they go on from the rows while it is away or has
        another FN."""
        over_http = {u.register_id: u for u in self._registers.all() if u.transport == HTTP}
        if not over_http:
            return
        for fn_number, register_id in await self._db.read(reconcile.undelivered_fns):
            unit = over_http.get(RegisterId(register_id))
            if unit is not None and fn_number not in self._lanes:
                self._lanes[fn_number] = self._http_lane(fn_number, self._route_of(unit))

    def endpoints(self) -> Sequence[Endpoint]:
        """Every end point in use, each once. Asked for each document, so the registers are walked only when
        there is one more."""
        units = self._registers.all()
        if units is not self._asked:
            found = {e.name: e for e in (self._route_of(unit).endpoint for unit in units)}
            self._asked, self._endpoints = units, tuple(found.values())
        return self._endpoints

    def _lane(self, fn_number: str, unit: Unit, route: Route) -> DeliveryLane:
        if route.http is not None:
            return self._http_lane(fn_number, route)
        driver = unit.lane.session.driver
        if unit.transport == DEVICE or route.gateway is None:
            return DeviceLane(
                fn_number,
                driver=driver,
                endpoint=route.endpoint,
                database=self._db,
                clock=self._clock,
            )
        return RelayLane(
            fn_number,
            driver=driver,
            gateway=route.gateway,
            endpoint=route.endpoint,
            database=self._db,
            clock=self._clock,
            owner=self._owner,
            max_attempts=self._max_attempts,
            holds_register=unit.lane.holds,
            in_flight=lambda: unit.lane.in_flight,
            confirmed=unit.lane.documents_delivered,
        )

    def _http_lane(self, fn_number: str, route: Route) -> HttpLane:
        assert route.http is not None
        return HttpLane(
            fn_number,
            gateway=route.http,
            endpoint=route.endpoint,
            database=self._db,
            clock=self._clock,
            owner=self._owner,
            max_attempts=self._max_attempts,
        )
