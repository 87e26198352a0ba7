"""Numbers by which KkmServer's clients name registers; they store them, so each is given once for ever."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from kkt_adapter.fiscal.store.press_tables import device_numbers
from kkt_adapter.kernel.ids import random_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceName:
    number: int  # from 1
    device_id: str  # a UUID


def device_names(conn: Connection) -> Mapping[str, DeviceName]:
    """By register; also of registers that are configured no more."""
    return {
        row.register_id: DeviceName(number=row.number, device_id=row.device_id)
        for row in conn.execute(select(device_numbers))
    }


def name_devices(conn: Connection, registers: Iterable[str], *, at: datetime) -> Mapping[str, DeviceName]:
    """As ``device_names``, with a number of its own for every register that has none, in the order given."""
    known = dict(device_names(conn))
    wanted = [register_id for register_id in registers if register_id not in known]
    if not wanted:
        return known
    last = conn.execute(select(func.coalesce(func.max(device_numbers.c.number), 0))).scalar_one()
    for number, register_id in enumerate(wanted, start=last + 1):
        name = DeviceName(number=number, device_id=random_id())
        conn.execute(
            insert(device_numbers).values(
                register_id=register_id, number=number, device_id=name.device_id, given_at=at
            )
        )
        known[register_id] = name
    return known
