"""The first admin of a demonstration; a real installation makes its own on the command line."""

import secrets

from sqlalchemy import Connection

from kkt_adapter.kernel.clock import Clock, SystemClock
from kkt_adapter.kernel.errors import Conflict
from kkt_adapter.runtime.auth import accounts
from kkt_adapter.runtime.auth.passwords import Passwords
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.db.protocol import Database

DEMO_ADMIN = "admin"


async def ensure_demo_admin(
    db: Database, *, passwords: Passwords | None = None, clock: Clock | None = None
) -> tuple[str, str] | None:
    """Make an admin with a random password if there is no account at all; return name and password, once.

    None when there are accounts. The password is nowhere else: show it to the person and do not log it.
    """
    if not await db.read(accounts.is_empty):
        return None
    password = secrets.token_urlsafe(15)
    hasher = passwords or Passwords()
    try:
        password_hash = await hasher.hash(password)
    finally:
        if passwords is None:
            hasher.close()
    now = (clock or SystemClock()).now()

    def insert_if_still_empty(conn: Connection) -> bool:
        if not accounts.is_empty(conn):
            return False
        accounts.insert_account(conn, name=DEMO_ADMIN, role=Role.ADMIN, password_hash=password_hash, at=now)
        return True

    try:
        made = await db.write(insert_if_still_empty)
    except Conflict:  # another node was quicker
        made = False
    return (DEMO_ADMIN, password) if made else None
