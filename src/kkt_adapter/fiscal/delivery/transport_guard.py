"""A change of transport is refused while documents of the old one are not confirmed (delivery.md#transports).

Otherwise the FN would keep, or lose sight of, documents that only the old way can deliver.
"""

from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection

from kkt_adapter.fiscal.delivery import reconcile
from kkt_adapter.fiscal.printing.registers import Unit
from kkt_adapter.fiscal.store.runtime_settings import read_setting, store_setting
from kkt_adapter.kernel.errors import KktError, SettingsInvalid
from kkt_adapter.runtime.db.protocol import Database

PREFIX = "transport:"


async def guard_transport(unit: Unit, database: Database) -> None:
    """Compare with the transport of the last start and remember the new one.

    Called before the lanes run. A register that cannot be reached, or that another process drives, keeps
    the remembered transport until it can be asked.

    Raises:
        SettingsInvalid: undelivered documents of the old transport remain.
    """
    name = PREFIX + unit.register_id
    before = await database.read(lambda c: read_setting(c, name))
    if before == unit.transport:
        return
    if before is not None:
        driver = unit.lane.session.driver
        try:
            registration = await driver.open()
            status = await driver.exchange_status()
            await driver.close()
        except KktError as error:
            structlog.get_logger("registers").warning("transport_not_checked", error=error.detail.en)
            return
        fn_number = registration.fn_number
        waiting = await database.read(reconcile.undelivered_fns)
        if status.unsent_count or any(fn == fn_number for fn, _ in waiting):
            raise SettingsInvalid(
                f"register {unit.register_id}: ofd_transport was {before} and is {unit.transport} now, but "
                f"documents of FN {fn_number} are not confirmed yet. Start with {before} and let them go.",
                f"ККТ {unit.register_id}: ofd_transport был {before}, теперь {unit.transport}, но документы "
                f"ФН {fn_number} ещё не подтверждены. Запустите с {before} и дождитесь их передачи.",
            )

    def remember(conn: Connection) -> None:
        store_setting(conn, name, unit.transport, at=datetime.now(UTC), by=None)

    await database.write(remember)
