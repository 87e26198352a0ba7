"""Idempotency for actions that are not receipts: one key, one effect, one answer.

The key's row is written in the same transaction as the effect, so a repeated request after a crash either
finds the answer or finds nothing done.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from kkt_adapter.fiscal import payload
from kkt_adapter.fiscal.tables import report_keys
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.errors import IdempotencyConflict


def known(conn: Connection, key: str, *, scope: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer this key got before; None when it is new.

    Raises:
        IdempotencyConflict: it belongs to another request.
    """
    row = conn.execute(
        select(report_keys).where(report_keys.c.key_hash == payload.key_hash(key, scope=scope))
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
            key_hash=payload.key_hash(key, scope=scope),
            request_hash=_hash(request),
            answer=jsontext.encode(answer),
            created_at=at,
        )
    )


def once(
    conn: Connection,
    key: str | None,
    *,
    scope: str,
    request: dict[str, Any],
    at: datetime,
    effect: Callable[[Connection], dict[str, Any]],
) -> dict[str, Any]:
    """``effect``, unless the key had it before; without a key always."""
    if key is None:
        return effect(conn)
    earlier = known(conn, key, scope=scope, request=request)
    if earlier is not None:
        return earlier
    answer = effect(conn)
    remember(conn, key, scope=scope, request=request, answer=answer, at=at)
    return answer


def _hash(request: dict[str, Any]) -> bytes:
    canonical = {name: request[name] for name in sorted(request)}
    return hashlib.sha256(jsontext.encode(canonical).encode()).digest()
