"""The stand-ins that the service carries in demo mode, or with ``OFD_MOCK_MODE``."""

from dataclasses import dataclass, field

from pydantic import SecretStr

from kkt_adapter.bootstrap import Services
from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.cli.service.sandbox import DemoSandbox
from kkt_adapter.emulators.atol import AtolEmulator
from kkt_adapter.emulators.g2a.faults import Faults
from kkt_adapter.emulators.g2a.server import G2AEmulator
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.emulators.sandbox import MOUNT, SandboxClock, buttons
from kkt_adapter.emulators.sandbox.buttons import CONFIRMED
from kkt_adapter.emulators.sandbox.clock import FILE as CLOCK_FILE
from kkt_adapter.emulators.shtrih import ShtrihEmulator
from kkt_adapter.emulators.shtrih.own_exchange import by_itself
from kkt_adapter.runtime.auth.demo import ensure_demo_admin
from kkt_adapter.settings import RegisterSettings, Settings, Transport

DEMO_PRODUCTS = 15_420
DEMO_TILL = "POS-001"
VIRTUAL, SHTRIH, ATOL = "virtual", "shtrih", "atol"  # kinds of registers that the demo can have
DEMO_LATENCY_S = 0.05  # what the vendor's answers take in the targets of the catalogue


@dataclass(slots=True)
class Emulators:
    """What runs beside the service, and the settings that point at it."""

    settings: Settings
    demo: bool
    ofd: OfdEmulator | None = None
    g2a: G2AEmulator | None = None
    device: ShtrihEmulator | AtolEmulator | None = None
    clock: SandboxClock | None = None  # in demo mode: one that can be moved
    lines: list[str] = field(default_factory=list)  # for the start banner

    async def first_admin(self, services: Services) -> tuple[str, str] | None:
        """In demo mode an admin with a random password, when there is no account yet."""
        if not self.demo:
            return None
        return await ensure_demo_admin(services.database, passwords=services.auth.passwords)

    def seams(self) -> Seams:
        """In demo mode the product's page may break things."""
        if not self.demo:
            return Seams()
        sandbox = DemoSandbox(self.ofd)
        return Seams(driver=sandbox.met, sandbox=sandbox)

    async def put_buttons(self, services: Services) -> None:
        """In demo mode: fault buttons and the clock under ``/sandbox``. One that is ahead counts as right."""
        if self.clock is None:
            return
        panel = buttons(services, clock=self.clock, operator=self.ofd)
        services.app.beside(MOUNT, panel)
        if self.clock.ahead:
            await services.clock_watch.confirm(by="sandbox", reason=CONFIRMED)

    async def stop(self) -> None:
        if self.device is not None:
            await self.device.stop()
        if self.ofd is not None:
            await self.ofd.stop()
        if self.g2a is not None:
            await self.g2a.stop()


async def with_emulators(
    settings: Settings, *, demo: bool, register: str = VIRTUAL, vendor: bool = True
) -> Emulators:
    """Start the stand-ins for what the settings leave open. ``register``: the kind that the demo has;
    ``vendor``: with a catalogue of products."""
    emulators = Emulators(settings=settings, demo=demo)
    if demo:
        emulators.clock = SandboxClock(settings.data_dir / CLOCK_FILE)
    await _with_ofd(emulators)
    if demo and register == SHTRIH:
        await _with_shtrih(emulators)
    if demo and register == ATOL:
        await _with_atol(emulators)
    if demo and vendor and not settings.catalog.source_configured:
        await _with_g2a(emulators)
    return emulators


async def _with_shtrih(emulators: Emulators) -> None:
    """An emulated Shtrih-M register for POS-001, which delivers by itself unless the transport is relay; its
    FN stays in the data directory."""
    settings = emulators.settings
    relayed = settings.ofd_transport is Transport.RELAY
    device = ShtrihEmulator(
        state=settings.data_dir / "shtrih-emulator",
        control_port=0,
        deliver=None if relayed else by_itself(settings.ofd_host, settings.ofd_port),
        relayed=relayed,
    )
    await device.start()
    emulators.device = device
    register = RegisterSettings(
        id=DEMO_TILL,
        driver="shtrih",
        address=device.address,
        pos_ids=(DEMO_TILL,),
        ofd_transport=Transport.RELAY if relayed else Transport.DEVICE,
    )
    emulators.settings = settings.model_copy(update={"registers": (*settings.registers, register)})
    emulators.lines.append(
        f"  Shtrih-M emulator (NOT a cash register / НЕ касса): {device.address}, "
        f"control http://127.0.0.1:{device.control_port}/control/state"
    )


async def _with_atol(emulators: Emulators) -> None:
    """An emulated ATOL register for POS-001 behind its web server, which delivers by itself; FN and jobs stay
    in the data directory."""
    settings = emulators.settings
    device = AtolEmulator(
        state=settings.data_dir / "atol-emulator",
        control_port=0,
        deliver=by_itself(settings.ofd_host, settings.ofd_port),
    )
    await device.start()
    emulators.device = device
    register = RegisterSettings(
        id=DEMO_TILL, driver="atol", address=device.address, device_id=device.device.id, pos_ids=(DEMO_TILL,)
    )
    emulators.settings = settings.model_copy(update={"registers": (*settings.registers, register)})
    emulators.lines.append(
        f"  ATOL emulator (NOT a cash register / НЕ касса): {device.address}, "
        f"control http://127.0.0.1:{device.control_port}/control/state"
    )


async def _with_g2a(emulators: Emulators) -> None:
    """A vendor with the catalogue that the scheduler's targets are about: 15,420 products."""
    g2a = G2AEmulator(DEMO_PRODUCTS, faults=Faults(latency_s=DEMO_LATENCY_S))
    address = await g2a.start()
    emulators.g2a = g2a
    catalog = emulators.settings.catalog.model_copy(
        update={
            "base_url": address,
            "client_id": g2a.credentials.client_id,
            "client_secret": SecretStr(g2a.credentials.client_secret),
            "email": g2a.credentials.email,
            "requests_per_minute": 0,
        }
    )
    emulators.settings = emulators.settings.model_copy(update={"catalog": catalog})
    emulators.lines.append(f"  product vendor emulator: {address}, {DEMO_PRODUCTS} products")


async def _with_ofd(emulators: Emulators) -> None:
    """The operator emulator, unless an operator's address is given."""
    settings, demo = emulators.settings, emulators.demo
    given = (
        settings.ofd_base_url
        if settings.ofd_transport is Transport.HTTP
        else settings.ofd_host and settings.ofd_port
    )
    if not ((demo and not given) or settings.ofd_mock_mode):
        return
    ofd = await _start_ofd(settings.port)
    emulators.ofd = ofd
    emulators.settings = settings.model_copy(
        update={
            "ofd_host": "127.0.0.1",
            "ofd_port": ofd.port,
            "ofd_base_url": f"http://127.0.0.1:{ofd.http_port}",
        }
    )
    emulators.lines.append(
        f"  operator emulator: tcp 127.0.0.1:{ofd.port}, http 127.0.0.1:{ofd.http_port}, "
        f"control http://127.0.0.1:{ofd.control_port}/control/state"
    )


async def _start_ofd(port: int) -> OfdEmulator:
    """On the three ports after the service's own, so that they are easy to find; on free ones if taken."""
    if port:
        beside = OfdEmulator(control_port=port + 1, port=port + 2, http_port=port + 3)
        try:
            await beside.start()
            return beside
        except OSError:
            await beside.stop()
    ofd = OfdEmulator()
    await ofd.start()
    return ofd
