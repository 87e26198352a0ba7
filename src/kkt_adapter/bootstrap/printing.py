"""Phase 1: a receipt is accepted and printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.operators import Routes
from kkt_adapter.bootstrap.registers import RegisterShop
from kkt_adapter.fiscal.control.pools import Pools
from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.delivery.endpoint import Endpoint
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.intake.policy import IntakePolicy
from kkt_adapter.fiscal.intake.suspicions import CODES
from kkt_adapter.fiscal.printing.others import OthersReceipts
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.printing.reply_waiters import Waiting
from kkt_adapter.fiscal.printing.stats import PrintStats
from kkt_adapter.runtime.supervisor import Service
from kkt_adapter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """``routes``: where the documents of each register go. ``services``: what runs for the registers."""

    routes: Routes
    registers: Registers
    stats: PrintStats
    sessions: Sessions
    pools: Pools
    intake: ReceiptIntake
    services: Sequence[Service]

    def endpoint_of(self, unit: Unit) -> Endpoint:
        """The operator of a register."""
        return self.routes.of(unit).endpoint


async def build_printing(core: Core) -> Printing:
    settings, storage, clock = core.settings, core.storage, core.clock
    stats = PrintStats(clock)
    waiting = Waiting(printed=stats.receipt_printed)
    routes = Routes(settings, clock=clock, event_writer=core.event_writer, seams=core.seams)
    core.closers.append(routes.close)
    registers, services = await _registers(core, routes=routes, waiting=waiting, stats=stats)
    others = OthersReceipts(
        registers, database=core.database, clock=clock, shared=lambda: storage.peers.alive
    )
    storage.peers.changed = others.pace_changed
    pools = Pools(
        registers=registers,
        database=core.database,
        clock=clock,
        memory=storage.memory,
        shared=lambda: storage.peers.alive,
    )
    intake = ReceiptIntake(
        database=core.database,
        registers=registers,
        waiting=waiting,
        clock=clock,
        policy=_intake_policy(settings),
        disk=core.disk,
    )
    return Printing(
        routes=routes,
        registers=registers,
        stats=stats,
        sessions=Sessions(database=core.database, registers=registers, clock=clock),
        pools=pools,
        intake=intake,
        services=[*services, pools, others],
    )


async def _registers(
    core: Core, *, routes: Routes, waiting: Waiting, stats: PrintStats
) -> tuple[Registers, list[Service]]:
    shop = RegisterShop(
        core.settings,
        storage=core.storage,
        routes=routes,
        waiting=waiting,
        made=stats,
        clock=core.clock,
        seams=core.seams,
        closers=core.closers,
    )
    return await shop.registers(demo=core.demo, start=core.supervisor.add)


def _intake_policy(settings: Settings) -> IntakePolicy:
    return IntakePolicy(
        response_budget_s=settings.response_budget_s,
        capacity=settings.capacity,
        refund_requires_synced=settings.refund_requires_synced,
        refused_suspicions=frozenset(code for code in CODES if getattr(settings, code.lower()) == "refuse"),
    )
