"""The secret behind the addresses of receipts: one for a database, kept in it and in the data directory.

A copy of the database that is older than the secret takes it from the data directory again; a database that
moved to another machine brings it along.
"""

import os
import secrets
from pathlib import Path

from sqlalchemy import Connection

from kkt_adapter.bootstrap.core import Core
from kkt_adapter.fiscal.slip.links import SECRET_BYTES, ReceiptLinks
from kkt_adapter.fiscal.store.runtime_settings import read_setting, store_setting
from kkt_adapter.runtime.file_lock import FILE_MODE

SETTING = "receipt_links_secret"
FILE = "receipt_links_secret"


async def build_links(core: Core) -> ReceiptLinks:
    settings = core.settings
    kept = _read(settings.data_dir / FILE)
    made = kept or secrets.token_hex(SECRET_BYTES)

    def agree(conn: Connection) -> str:
        stored = read_setting(conn, SETTING)
        if stored is not None:
            return stored
        store_setting(conn, SETTING, made, at=core.clock.now(), by=None)
        return read_setting(conn, SETTING) or made  # another node may have been quicker

    secret = await core.database.write(agree)
    if secret != kept:
        _keep(settings.data_dir / FILE, secret)
    return ReceiptLinks(
        secret=bytes.fromhex(secret), public_url=settings.public_url, enabled=settings.receipt_pages
    )


def _read(path: Path) -> str | None:
    """None: there is none, or it is damaged."""
    try:
        text = path.read_text(encoding="ascii").strip()
        return text if len(bytes.fromhex(text)) == SECRET_BYTES else None
    except (OSError, ValueError):
        return None


def _keep(path: Path, secret: str) -> None:
    """The database has it: a data directory that cannot be written is no reason to stop."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "w") as file:
            file.write(secret + "\n")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
