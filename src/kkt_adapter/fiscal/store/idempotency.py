"""Idempotency for actions that are not receipts: one key, one effect, one answer.

The key's row is written in the same transaction as the effect, so a repeated request after a crash either
finds the answer or finds nothing done.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.tables import report_keys
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.errors import IdempotencyConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer, and whether an earlier request with the key had it already."""

    answer: dict[str, Any]
    replayed: bool = False


def known(conn: Connection, key: str, *, scope: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer this key got before; None when it is new.

    Raises:
        IdempotencyConflict: it belongs to another request.
    """
    row = conn.execute(
        select(report_keys).where(report_keys.c.key_hash == receipt_json.key_hash(key, scope=scope))
    ).first()
    if row is None:
        return None
    if bytes(row.request_hash) != _hash(request):
        raise IdempotencyConflict(
            "This Idempotency-Key belongs to another request. Use a new key.",
            "Этот Idempotency-Key уже занят другим запросом. Возьмите новый ключ.",
        )
    answer: dict[str, Any] = jsontext.decode(row.answer)
    return answer


def remember(
    conn: Connection,
    key: str,
    *,
    scope: str,
    request: dict[str, Any],
    answer: dict[str, Any],
    at: datetime,
) -> None:
    """Bind the key to its answer, in the transaction of the effect."""
    conn.execute(
        insert(report_keys).values(
            key_hash=receipt_json.key_hash(key, scope=scope),
            request_hash=_hash(request),
            answer=jsontext.encode(answer),
            created_at=at,
        )
    )


def complete(conn: Connection, key: str, *, scope: str, answer: dict[str, Any]) -> None:
    """Replace what a key was bound to while its effect was still to come by the answer."""
    row = update(report_keys).where(report_keys.c.key_hash == receipt_json.key_hash(key, scope=scope))
    conn.execute(row.values(answer=jsontext.encode(answer)))


def once(
    conn: Connection,
    key: str | None,
    *,
    scope: str,
    request: dict[str, Any],
    at: datetime,
    effect: Callable[[Connection], dict[str, Any]],
) -> Outcome:
    """``effect``, unless the key had it before; without a key always.

    The key is taken before the effect, so of two requests that come together to a database with several
    writers the second waits for the first one's commit and gets its answer.

    Raises:
        IdempotencyConflict: the key belongs to another request.
    """
    if key is None:
        return Outcome(answer=effect(conn))
    earlier = known(conn, key, scope=scope, request=request)
    if earlier is None:
        key_hash = receipt_json.key_hash(key, scope=scope)
        try:
            with conn.begin_nested():
                taken = {"key_hash": key_hash, "request_hash": _hash(request), "created_at": at}
                conn.execute(insert(report_keys).values(**taken))
        except IntegrityError:
            earlier = known(conn, key, scope=scope, request=request)
        else:
            answer = effect(conn)
            stored = update(report_keys).where(report_keys.c.key_hash == key_hash)
            conn.execute(stored.values(answer=jsontext.encode(answer)))
            return Outcome(answer=answer)
    assert earlier is not None, "a taken key has an answer once its transaction is committed"
    return Outcome(answer=earlier, replayed=True)


def _hash(request: dict[str, Any]) -> bytes:
    canonical = {name: request[name] for name in sorted(request)}
    return hashlib.sha256(jsontext.encode(canonical).encode()).digest()
