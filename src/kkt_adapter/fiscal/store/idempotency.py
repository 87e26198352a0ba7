"""Idempotency for actions that are not receipts: one key, one effect, one answer.

The key's row is written in the same transaction as the effect, so a repeated request after a crash either
finds the answer or finds nothing done.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.fiscal.store import receipt_json
from kkt_adapter.fiscal.store.tables import report_keys
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.errors import IdempotencyConflict

T = TypeVar("T")
Stored = Mapping[str, Any]
"""An answer, or a request, as the rows keep it: texts, numbers, lists and mappings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """The answer, and whether an earlier request with the key had it already."""

    answer: T
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyScope(Generic[T]):
    """One kind of action: its name in the rows, and how its answers are stored."""

    name: str
    dump: Callable[[T], Stored]
    load: Callable[[Stored], T]


def known(conn: Connection, key: str, *, scope: str, request: Stored) -> Stored | None:
    """What this key got before, or was bound to; None when it is new.

    Raises:
        IdempotencyConflict: it belongs to another request.
    """
    row = conn.execute(
        select(report_keys).where(report_keys.c.key_hash == receipt_json.key_hash(key, scope=scope))
    ).first()
    if row is None:
        return None
    if bytes(row.request_hash) != request_hash(request):
        raise IdempotencyConflict(
            "This Idempotency-Key belongs to another request. Use a new key.",
            "Этот Idempotency-Key уже занят другим запросом. Возьмите новый ключ.",
        )
    answer: Stored = jsontext.decode(row.answer)
    return answer


def bind(conn: Connection, key: str, *, scope: str, request: Stored, to: Stored, at: datetime) -> None:
    """Bind the key to what it is about to do, before it is done."""
    conn.execute(
        insert(report_keys).values(
            key_hash=receipt_json.key_hash(key, scope=scope),
            request_hash=request_hash(request),
            answer=jsontext.encode(to),
            created_at=at,
        )
    )


def complete(conn: Connection, key: str, *, scope: KeyScope[T], answer: T) -> None:
    """Replace what a key was bound to while its effect was still to come by the answer."""
    row = update(report_keys).where(report_keys.c.key_hash == receipt_json.key_hash(key, scope=scope.name))
    conn.execute(row.values(answer=jsontext.encode(scope.dump(answer))))


def once(
    conn: Connection,
    key: str | None,
    *,
    scope: KeyScope[T],
    request: Stored,
    at: datetime,
    effect: Callable[[Connection], T],
) -> Outcome[T]:
    """``effect``, unless the key had it before; without a key always.

    The key is taken before the effect, so of two requests that come together to a database with several
    writers the second waits for the first one's commit and gets its answer.

    Raises:
        IdempotencyConflict: the key belongs to another request.
    """
    if key is None:
        return Outcome(answer=effect(conn))
    earlier = known(conn, key, scope=scope.name, request=request)
    if earlier is None:
        key_hash = receipt_json.key_hash(key, scope=scope.name)
        try:
            with conn.begin_nested():
                taken = {"key_hash": key_hash, "request_hash": request_hash(request), "created_at": at}
                conn.execute(insert(report_keys).values(**taken))
        except IntegrityError:
            earlier = known(conn, key, scope=scope.name, request=request)
        else:
            answer = effect(conn)
            stored = update(report_keys).where(report_keys.c.key_hash == key_hash)
            conn.execute(stored.values(answer=jsontext.encode(scope.dump(answer))))
            return Outcome(answer=answer)
    assert earlier is not None, "a taken key has an answer once its transaction is committed"
    return Outcome(answer=scope.load(earlier), replayed=True)


def request_hash(request: Stored) -> bytes:
    """What a key's row keeps of its request."""
    canonical = {name: request[name] for name in sorted(request)}
    return hashlib.sha256(jsontext.encode(canonical).encode()).digest()
