"""The doors for foreign protocols: their paths, and how each is put together once somebody comes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kkt_adapter.api.doors import execute_path, not_loaded
from kkt_adapter.api.doors.answers_under_way import AnswersUnderWay
from kkt_adapter.api.doors.atol import paths as atol_paths
from kkt_adapter.api.doors.callbacks import LEASE, CallbackSender
from kkt_adapter.api.doors.door import Doorway
from kkt_adapter.api.doors.execute_path import NAME as KKMSERVER
from kkt_adapter.api.late import Late
from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.fiscal.control.callbacks import CallbackStats
from kkt_adapter.fiscal.control.clock_watch import ClockWatch
from kkt_adapter.fiscal.control.presses import Presses
from kkt_adapter.fiscal.intake.press_guard import Callers
from kkt_adapter.fiscal.queries.door_receipts import DoorReceipt
from kkt_adapter.fiscal.slip.links import ReceiptLinks
from kkt_adapter.runtime.auth.parts import AuthParts

if TYPE_CHECKING:
    from kkt_adapter.api.doors.atol.door import AtolOnlineDoor
    from kkt_adapter.api.doors.kkmserver.route import ExecuteDoor
    from kkt_adapter.api.services import ApiServices


@dataclass(frozen=True, slots=True, kw_only=True)
class PressParts:
    """What stands before the web: ``presses`` runs as a service."""

    callers: Callers
    presses: Presses


def build_presses(core: Core, watch: ClockWatch) -> PressParts:
    callers = Callers(core.storage.owner)
    presses = Presses(database=core.database, callers=callers, clock=core.clock, may_forget=watch.may_forget)
    return PressParts(callers=callers, presses=presses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the web serves, and what runs beside it."""

    doors: tuple[Doorway, ...]
    callbacks: CallbackSender


def build_doors(
    core: Core, *, printing: Printing, auth: AuthParts, links: ReceiptLinks, callbacks: CallbackStats
) -> Doors:
    answers = AnswersUnderWay(core.clock)

    def atol() -> "AtolOnlineDoor":
        from kkt_adapter.bootstrap.atol_door import build_atol_door

        return build_atol_door(core, printing=printing, auth=auth, links=links, answers=answers)

    door = Late(atol)

    async def report(receipt: DoorReceipt) -> dict[str, Any]:
        return await (await door.get()).told(receipt)

    sender = CallbackSender(
        database=core.database,
        lease=core.storage.leases.lease(LEASE),
        clock=core.clock,
        shops=auth.shops,
        tell=report,
        answers=answers,
        stats=callbacks,
    )
    unloaded = partial(not_loaded.of_atol, clock=core.clock)
    way = Doorway("atol", atol_paths.serves, door, not_loaded=unloaded)
    return Doors(doors=(way,), callbacks=sender)


def execute_way(
    core: Core,
    press: PressParts,
    *,
    printing: Printing,
    auth: AuthParts,
    links: ReceiptLinks,
    services: "Callable[[], ApiServices]",
) -> Doorway:
    """KkmServer's."""

    def build() -> "ExecuteDoor":
        from kkt_adapter.bootstrap.kkmserver import build_execute

        shared = services()
        return build_execute(
            core,
            press,
            printing=printing,
            actions=shared.registers,
            receipts=shared.receipts,
            auth=auth,
            links=links,
        )

    return Doorway(KKMSERVER, execute_path.serves, Late(build), not_loaded=not_loaded.of_execute)
