"""A register's registration as its lane last read it, for processes that do not drive it.

Only the holder of a lane's lease may open its device; every node checks receipts against these facts.
"""

import json
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from kkt_adapter.fiscal.model import FfdVersion, Registration
from kkt_adapter.fiscal.settings_rows import read_setting, store_setting

PREFIX = "registration:"


def store_facts(conn: Connection, register_id: str, registration: Registration, *, at: datetime) -> None:
    """Remember; nothing is written when nothing changed."""
    text = json.dumps(asdict(registration), ensure_ascii=False, sort_keys=True)
    if read_setting(conn, PREFIX + register_id) != text:
        store_setting(conn, PREFIX + register_id, text, at=at, by=None)


def stored_facts(conn: Connection, register_id: str) -> Registration | None:
    """What some lane read; None when the register was never reached."""
    text = read_setting(conn, PREFIX + register_id)
    if text is None:
        return None
    raw = json.loads(text)
    return Registration(**raw | {"ffd_version": FfdVersion(raw["ffd_version"])})
