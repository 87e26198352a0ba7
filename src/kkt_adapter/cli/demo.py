"""The stand-ins that the service carries in demo mode, or with ``OFD_MOCK_MODE``."""

from dataclasses import dataclass, field

from kkt_adapter.bootstrap import Services
from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.runtime.auth.demo import ensure_demo_admin
from kkt_adapter.settings import Settings, Transport


@dataclass(slots=True)
class Emulators:
    """What runs beside the service, and the settings that point at it."""

    settings: Settings
    demo: bool
    ofd: OfdEmulator | None = None
    lines: list[str] = field(default_factory=list)  # for the start banner

    async def first_admin(self, services: Services) -> tuple[str, str] | None:
        """In demo mode an admin with a random password, when there is no account yet."""
        if not self.demo:
            return None
        return await ensure_demo_admin(services.database, passwords=services.auth.passwords)

    async def stop(self) -> None:
        if self.ofd is not None:
            await self.ofd.stop()


async def with_emulators(settings: Settings, *, demo: bool) -> Emulators:
    """Start the operator emulator unless an operator's address is given."""
    given = (
        settings.ofd_base_url
        if settings.ofd_transport is Transport.HTTP
        else settings.ofd_host and settings.ofd_port
    )
    emulators = Emulators(settings=settings, demo=demo)
    if not ((demo and not given) or settings.ofd_mock_mode):
        return emulators
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
    return emulators


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
