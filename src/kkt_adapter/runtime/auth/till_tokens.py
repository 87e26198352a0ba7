"""Tokens of tills: shown once, kept as hashes, several valid at a time so that they can be rotated.

A token is 32 random bytes, so its plain SHA-256 is as good as a slow hash. It is looked up by that hash: how
long the look-up takes says something about the hash of a guess, and nothing about the token.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, insert, or_, select, update

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import InvalidInput, NotFound
from kkt_adapter.kernel.ids import uuid7
from kkt_adapter.runtime.auth.roles import Scope
from kkt_adapter.runtime.auth.tables import till_tokens
from kkt_adapter.runtime.db.protocol import Database

PREFIX = "kkt_"  # tells our tokens from JWTs, and secret scanners what they found
TOKEN_BYTES = 32
TOKEN_CHARACTERS = len(PREFIX) + 43  # base64url without padding
MAX_POS_IDS = 1000
MAX_NOTE_CHARACTERS = 200
USE_NOTED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class TillToken:
    """One token as it is stored; the token's own text is not kept anywhere."""

    id: str
    scope: Scope
    pos_ids: frozenset[str]
    note: str
    created_at: datetime
    created_by: str
    last_used_at: datetime | None  # within ten minutes of the truth
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTillToken:
    """A token just made; ``text`` is the secret and is never seen again."""

    text: str
    token: TillToken


class TillTokens:
    """What an administrator does with till tokens. Every change is durable when the call returns."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def add(
        self, scope: Scope, *, pos_ids: Sequence[str] = (), note: str = "", by: str
    ) -> NewTillToken:
        """Make a token of scope ``pos`` for the listed tills, or of scope ``read``, which lists none.

        Raises:
            InvalidInput: the list of tills does not fit the scope, or a till's name is not one.
        """
        _check(scope, pos_ids=pos_ids, note=note)
        now = self._clock.now()
        text = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        token = TillToken(
            id=uuid7(int(now.timestamp() * 1000)),
            scope=scope,
            pos_ids=frozenset(pos_ids),
            note=note,
            created_at=now,
            created_by=by,
            last_used_at=None,
            revoked_at=None,
        )
        await self._db.write(lambda conn: insert_token(conn, token, token_hash=hash_of(text)))
        return NewTillToken(text=text, token=token)

    async def list_all(self) -> tuple[TillToken, ...]:
        """All tokens, oldest first, revoked ones too."""
        return await self._db.read(read_all)

    async def revoke(self, token_id: str) -> TillToken:
        """End a token; nodes notice within ten seconds. Revoking twice changes nothing. Raises NotFound."""
        now = self._clock.now()
        return await self._db.write(lambda conn: revoke_token(conn, token_id, at=now))


def looks_like_one(text: str) -> bool:
    return len(text) == TOKEN_CHARACTERS and text.startswith(PREFIX) and text.isascii()


def hash_of(text: str) -> bytes:
    return hashlib.sha256(text.encode("ascii")).digest()


def find_valid(conn: Connection, token_hash: bytes) -> TillToken | None:
    """The token with that hash, unless it is revoked."""
    row = conn.execute(
        select(till_tokens).where(till_tokens.c.token_hash == token_hash, till_tokens.c.revoked_at.is_(None))
    ).first()
    return None if row is None else _token(row)


def read_all(conn: Connection) -> tuple[TillToken, ...]:
    rows = conn.execute(select(till_tokens).order_by(till_tokens.c.created_at, till_tokens.c.id))
    return tuple(_token(row) for row in rows)


def insert_token(conn: Connection, token: TillToken, *, token_hash: bytes) -> None:
    conn.execute(
        insert(till_tokens).values(
            id=token.id,
            token_hash=token_hash,
            scope=token.scope.value,
            pos_ids=json.dumps(sorted(token.pos_ids), ensure_ascii=False),
            note=token.note,
            created_at=token.created_at,
            created_by=token.created_by,
        )
    )


def revoke_token(conn: Connection, token_id: str, *, at: datetime) -> TillToken:
    """Raises NotFound."""
    valid = (till_tokens.c.id == token_id) & till_tokens.c.revoked_at.is_(None)
    conn.execute(update(till_tokens).where(valid).values(revoked_at=at))
    row = conn.execute(select(till_tokens).where(till_tokens.c.id == token_id)).first()
    if row is None:
        raise NotFound("There is no such till token.", "Такого токена кассы нет.")
    return _token(row)


def note_use(conn: Connection, token_id: str, *, at: datetime) -> None:
    """Write ``last_used_at`` unless another node just did."""
    last = till_tokens.c.last_used_at
    old = or_(last.is_(None), last <= at - USE_NOTED_EVERY)
    conn.execute(update(till_tokens).where(till_tokens.c.id == token_id, old).values(last_used_at=at))


def _check(scope: Scope, *, pos_ids: Sequence[str], note: str) -> None:
    if (scope is Scope.POS) != bool(pos_ids) or len(pos_ids) > MAX_POS_IDS:
        raise InvalidInput(
            f"A token of scope pos lists 1 to {MAX_POS_IDS} tills, one of scope read lists none.",
            f"Токен pos перечисляет от 1 до {MAX_POS_IDS} касс, токен read — ни одной.",
            field="pos_ids",
        )
    for pos_id in pos_ids:
        if not 1 <= len(pos_id) <= 64 or not pos_id.isprintable() or pos_id != pos_id.strip():
            raise InvalidInput(
                "The name of a till (pos_id) has 1 to 64 visible characters.",
                "Имя кассы (pos_id): от 1 до 64 видимых знаков.",
                field="pos_ids",
            )
    if len(note) > MAX_NOTE_CHARACTERS or (note and not note.isprintable()):
        raise InvalidInput(
            f"A note has at most {MAX_NOTE_CHARACTERS} visible characters.",
            f"Примечание: не более {MAX_NOTE_CHARACTERS} видимых знаков.",
            field="note",
        )


def _token(row: Row[tuple[object, ...]]) -> TillToken:
    return TillToken(
        id=row.id,
        scope=Scope(row.scope),
        pos_ids=frozenset(json.loads(row.pos_ids)),
        note=row.note,
        created_at=row.created_at,
        created_by=row.created_by,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
