"""What runs beside the service: nothing, unless it is a demonstration or its operator is a stand-in."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kkt_adapter.bootstrap.seams import Seams
from kkt_adapter.settings import Settings

if TYPE_CHECKING:
    from kkt_adapter.cli.service.demo import Emulators


@dataclass(slots=True)
class NoStandIns:
    """In the place of ``Emulators``, so that a shop's service does not load their code."""

    settings: Settings
    ofd: None = None
    clock: None = None
    lines: list[str] = field(default_factory=list)

    async def first_admin(self, services: Any) -> None:
        return None

    def seams(self) -> Seams:
        return Seams()

    async def put_buttons(self, services: Any) -> None:
        return None

    async def stop(self) -> None:
        return None


async def stand_ins(
    settings: Settings, *, demo: bool, register: str, vendor: bool
) -> "NoStandIns | Emulators":
    """See ``with_emulators``."""
    if not (demo or settings.ofd_mock_mode):
        return NoStandIns(settings)
    from kkt_adapter.cli.service.demo import with_emulators

    return await with_emulators(settings, demo=demo, register=register, vendor=vendor)
