"""What a document cost at its device, kept with its attempt as ``{"FF46": [31, 29], "FF45": [640]}``."""

import json
from collections.abc import Iterable

import orjson
from sqlalchemy import Connection, select

from kkt_adapter.fiscal.kkt.command_times import CommandTime
from kkt_adapter.fiscal.lifecycle import AttemptKind, AttemptOutcome
from kkt_adapter.fiscal.store.tables import attempts

Commands = dict[str, list[int]]  # milliseconds of each command of that name, in their order


def commands_json(times: Iterable[CommandTime]) -> str | None:
    """None: nothing was sent."""
    found: Commands = {}
    for time in times:
        found.setdefault(time.name, []).append(time.took_ms)
    return orjson.dumps(found).decode() if found else None


def load_commands(text: str | None) -> Commands | None:
    return None if text is None else dict(json.loads(text))


def newest_commands(conn: Connection, register_id: str, *, limit: int) -> list[Commands]:
    """Those of the register's newest receipts with a document, oldest first."""
    rows = conn.execute(
        select(attempts.c.commands)
        .where(
            attempts.c.register_id == register_id,
            attempts.c.what == AttemptKind.PRINT.value,
            attempts.c.outcome == AttemptOutcome.DONE.value,
            attempts.c.commands.is_not(None),
        )
        .order_by(attempts.c.id.desc())
        .limit(limit)
    ).scalars()
    return [dict(json.loads(text)) for text in reversed(list(rows))]
