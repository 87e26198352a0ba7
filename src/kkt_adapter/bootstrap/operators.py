"""Where documents go: one end point, breaker and gateway for each operator's address."""

from collections.abc import Callable

from kkt_adapter.bootstrap.drivers import KINDS
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.delivery.lanes.factory import DEVICE, HTTP, Route
from kkt_adapter.fiscal.ofd.http import HttpOfd
from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway
from kkt_adapter.fiscal.printing.registers import Unit
from kkt_adapter.fiscal.store import events
from kkt_adapter.fiscal.store.events import EventLevel, EventType, EventWriter
from kkt_adapter.kernel.breaker import METRIC_VALUE, Breaker, BreakerState
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.settings import Settings

OWN_EXCHANGE = "device:own"  # name of the end point of registers that deliver by themselves


class Routes:
    """Registers with one address share what stands for it."""

    def __init__(self, settings: Settings, *, clock: Clock, event_writer: EventWriter, seams: Seams) -> None:
        self._settings = settings
        self._seams = seams
        self._clock = clock
        self._journal = event_writer
        self._of_address: dict[str, Route] = {}
        self._of_register: dict[RegisterId, Route] = {}
        self._registers = {register.id: register for register in settings.registers}

    def of(self, unit: Unit) -> Route:
        route = self._of_register.get(unit.register_id)
        if route is None:
            route = self._of_register[unit.register_id] = self._find(unit)
        return route

    def _find(self, unit: Unit) -> Route:
        if unit.transport == DEVICE and not KINDS[unit.kind].pumped:
            return self._own_exchange()
        register = self._registers.get(unit.register_id)
        host = (register and register.ofd_host) or self._settings.ofd_host
        port = (register and register.ofd_port) or self._settings.ofd_port
        address = self._settings.ofd_base_url if unit.transport == HTTP else f"{host}:{port}"
        name = f"{unit.transport}:{address}"
        if name not in self._of_address:
            self._of_address[name] = self._make(name, unit.transport, host, port)
        return self._of_address[name]

    def _own_exchange(self) -> Route:
        """Registers that reach their operator by themselves: nothing of it can be asked from here."""
        if OWN_EXCHANGE not in self._of_address:

            async def nothing_to_ask() -> None: ...

            self._of_address[OWN_EXCHANGE] = Route(
                endpoint=self._endpoint(OWN_EXCHANGE, DEVICE, nothing_to_ask)
            )
        return self._of_address[OWN_EXCHANGE]

    async def close(self) -> None:
        for route in self._of_address.values():
            for gateway in (route.gateway, route.http):
                if gateway is not None:
                    await gateway.close()

    def _make(self, name: str, transport: str, host: str, port: int) -> Route:
        settings = self._settings
        if transport == HTTP:
            token = settings.ofd_token.get_secret_value() or None
            http = self._seams.http(
                HttpOfd(settings.ofd_base_url, timeout_s=settings.ofd_timeout_s, token=token)
            )
            return Route(endpoint=self._endpoint(name, transport, http.probe), http=http)
        gateway = self._seams.gateway(TcpOfdGateway(host, port, timeout_s=settings.ofd_timeout_s))
        return Route(endpoint=self._endpoint(name, transport, gateway.probe), gateway=gateway)

    def _endpoint(self, name: str, transport: str, probe: Callable[[], object]) -> Endpoint:
        settings = self._settings
        return Endpoint(
            name,
            transport=transport,
            breaker=Breaker(
                failures_to_open=settings.breaker_failures,
                open_s=settings.breaker_open_s,
                probes_to_close=settings.breaker_probes,
            ),
            probe=probe,  # type: ignore[arg-type]
            clock=self._clock,
            on_change=self._breaker_changed,
        )

    def _breaker_changed(self, endpoint: Endpoint, state: BreakerState) -> None:
        event = {
            BreakerState.OPEN: EventType.CIRCUIT_OPENED,
            BreakerState.HALF_OPEN: EventType.CIRCUIT_HALF_OPEN,
            BreakerState.CLOSED: EventType.CIRCUIT_CLOSED,
        }[state]
        level = EventLevel.INFO if state is BreakerState.CLOSED else EventLevel.WARNING
        self._journal.put(
            events.entry(
                event,
                self._clock.now(),
                level=level,
                endpoint=endpoint.name,
                value=METRIC_VALUE[state],
                error=endpoint.last_error,
            )
        )
