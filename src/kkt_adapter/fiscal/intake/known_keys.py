"""Keys that were used before: what for, and what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.store.tables import idempotency, receipts, report_keys
from kkt_adapter.kernel.errors import Conflict
from kkt_adapter.runtime.db.bulk import bulk


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The key was used before; nothing was stored now."""

    receipt_id: str
    request_hash: bytes
    answer: str | None


class UsedForAction(Conflict):
    """The key belongs to a cash movement or a report: nothing was stored."""

    def __init__(self) -> None:
        super().__init__("the key was used for something else", "ключ уже использован для другой операции")


_ACTIONS = bulk(
    (report_keys.c.key_hash,),
    lambda given: select(report_keys.c.key_hash).join(given, report_keys.c.key_hash == given.c.key_hash),
)


def used_for_actions(conn: Connection, key_hashes: Sequence[bytes]) -> frozenset[bytes]:
    """Those of them that belong to actions. One statement, and none without keys."""
    if not key_hashes:
        return frozenset()
    rows = _ACTIONS.rows(conn, [(one,) for one in key_hashes])
    return frozenset(bytes(key_hash) for (key_hash,) in rows)


def find_keys(conn: Connection, key_hashes: Sequence[bytes]) -> Known | None:
    """What the first of these keys that is known was used for."""
    return next((known for one in key_hashes if (known := find_key(conn, one)) is not None), None)


def find_key(conn: Connection, key_hash: bytes) -> Known | None:
    """What a key was used for; None when it is new."""
    row = conn.execute(
        select(idempotency.c.receipt_id, idempotency.c.request_hash, idempotency.c.answer).where(
            idempotency.c.key_hash == key_hash
        )
    ).first()
    return None if row is None else known_as(*row)


def known_as(receipt_id: str, request_hash: bytes, answer: str | None) -> Known:
    return Known(receipt_id=receipt_id, request_hash=bytes(request_hash), answer=answer)


def warnings_of(conn: Connection, receipt_id: str) -> str | None:
    """A receipt's warnings as stored, with both languages."""
    return conn.execute(select(receipts.c.warnings).where(receipts.c.id == receipt_id)).scalar_one_or_none()


def answer_of(conn: Connection, seq: int) -> str | None:
    """The stored answer of a printed receipt."""
    return conn.execute(select(idempotency.c.answer).where(idempotency.c.seq == seq)).scalar_one_or_none()
