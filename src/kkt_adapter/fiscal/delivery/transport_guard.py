"""A change of transport is refused while documents of the old one are not confirmed (delivery.md#transports).

Otherwise the FN would keep, or lose sight of, documents that only the old way can deliver.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.delivery import reconcile
from kkt_adapter.fiscal.printing.registers import Unit
from kkt_adapter.fiscal.store.runtime_settings import read_settings, store_setting
from kkt_adapter.kernel.errors import KktError, SettingsInvalid
from kkt_adapter.runtime.db.protocol import Database

PREFIX = "transport:"


async def guard_transports(units: Sequence[Unit], database: Database) -> None:
    """Compare with the transports of the last start and remember the new ones.

    Called before the lanes run. A register that cannot be reached, or that another process drives, keeps
    the remembered transport until it can be asked.

    Raises:
        SettingsInvalid: undelivered documents of the old transport remain.
    """
    before = await database.read(lambda c: read_settings(c, PREFIX))
    changed = [unit for unit in units if before.get(PREFIX + unit.register_id) != unit.transport]
    free = [unit for unit in changed if await _is_free(unit, before.get(PREFIX + unit.register_id), database)]

    def remember(conn: Connection) -> None:
        for unit in free:
            store_setting(conn, PREFIX + unit.register_id, unit.transport, at=datetime.now(UTC), by=None)

    if free:
        await database.write(remember)


async def _is_free(unit: Unit, before: str | None, database: Database) -> bool:
    """May the register go over to its new transport now? Raises SettingsInvalid: never before it is empty."""
    if before is None:
        return True
    driver = unit.lane.session.driver
    try:
        registration = await driver.open()
        status = await driver.exchange_status()
        await driver.close()
    except KktError as error:
        structlog.get_logger("registers").warning("transport_not_checked", error=error.detail.en)
        return False
    fn_number = registration.fn_number
    waiting = await database.read(reconcile.undelivered_fns)
    if status.unsent_count or any(fn == fn_number for fn, _ in waiting):
        raise SettingsInvalid(
            f"register {unit.register_id}: ofd_transport was {before} and is {unit.transport} now, but "
            f"documents of FN {fn_number} are not confirmed yet. Start with {before} and let them go.",
            f"ККТ {unit.register_id}: ofd_transport был {before}, теперь {unit.transport}, но документы "
            f"ФН {fn_number} ещё не подтверждены. Запустите с {before} и дождитесь их передачи.",
        )
    return True
