"""Accounts of people: names, roles, password hashes.

The functions at the end work on a connection, inside somebody's transaction; ``Accounts`` puts the password
rules, the hashing and the clock around them. An account is never deleted, only disabled, because its name
stays in the records of what was done. At least one enabled admin always remains.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Conflict, InvalidInput, NotFound
from kkt_adapter.runtime.auth.passwords import Passwords, check_password
from kkt_adapter.runtime.auth.roles import Role
from kkt_adapter.runtime.auth.tables import accounts
from kkt_adapter.runtime.db.protocol import Database

MAX_NAME_CHARACTERS = 64
_NAME = re.compile(r"[^\W_][\w.@+-]{0,63}")  # a letter or digit first, 64 characters in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account as it is stored, without its password hash."""

    name: str
    role: Role
    disabled: bool
    created_at: datetime
    password_changed_at: datetime
    tokens_valid_from: datetime  # an access token issued before this moment is refused
    last_login_at: datetime | None


class Accounts:
    """What an administrator does with accounts. Every change is durable when the call returns."""

    def __init__(self, db: Database, passwords: Passwords, clock: Clock) -> None:
        self._db = db
        self._passwords = passwords
        self._clock = clock

    async def add(self, name: str, role: Role, *, password: str) -> Account:
        """Make an account.

        Raises:
            InvalidInput: the name or the password breaks a rule.
            Conflict: the name is taken.
        """
        plain = normalized_name(name)
        check_password(password, account=plain)
        password_hash = await self._passwords.hash(password)
        now = self._clock.now()
        return await self._db.write(
            lambda conn: insert_account(conn, name=plain, role=role, password_hash=password_hash, at=now)
        )

    async def list_all(self) -> tuple[Account, ...]:
        """All accounts by name."""
        return await self._db.read(read_all)

    async def get(self, name: str) -> Account:
        """Raises NotFound."""
        return await self._db.read(lambda conn: _existing(conn, name))

    async def change(self, name: str, *, role: Role | None = None, disabled: bool | None = None) -> Account:
        """Set what is given, leave the rest. Nodes notice within ten seconds.

        Disabling also ends the access tokens in use: enabling again does not bring them back.

        Raises:
            NotFound: no such account.
            Conflict: no enabled admin would remain.
        """
        now = self._clock.now()
        return await self._db.write(
            lambda conn: change_account(conn, name=name, role=role, disabled=disabled, at=now)
        )

    async def set_password(self, name: str, *, password: str) -> Account:
        """Replace the password; access tokens issued before are refused from then on.

        Raises:
            NotFound: no such account.
            InvalidInput: the password breaks a rule.
        """
        account = await self.get(name)
        check_password(password, account=account.name)
        password_hash = await self._passwords.hash(password)
        now = self._clock.now()
        return await self._db.write(
            lambda conn: replace_password(conn, name=account.name, password_hash=password_hash, at=now)
        )


def normalized_name(name: str) -> str:
    """The stored form of an account name: NFKC, no letter case, no spaces around.

    Raises:
        InvalidInput: not 1 to 64 letters (any alphabet), digits and ``. _ - @ +``, or begins with a sign.
    """
    plain = folded_name(name)
    if not _NAME.fullmatch(plain):
        raise InvalidInput(
            f"An account name has 1 to {MAX_NAME_CHARACTERS} letters, digits or . _ - @ + and no spaces.",
            f"Имя учётной записи: от 1 до {MAX_NAME_CHARACTERS} букв, цифр, знаков . _ - @ + без пробелов.",
            field="username",
        )
    return plain


def folded_name(name: str) -> str:
    """The name as it would be stored, if it is one; any text at all is allowed here."""
    once = unicodedata.normalize("NFKC", name.strip()).casefold()
    return unicodedata.normalize("NFKC", once)


def find(conn: Connection, name: str) -> Account | None:
    """The account of that name in any letter case, or None; also None for text that cannot be a name."""
    row = _row(conn, name)
    return None if row is None else _account(row)


def find_with_hash(conn: Connection, name: str) -> tuple[Account, str] | None:
    """Like ``find``, with the stored password hash."""
    row = _row(conn, name)
    return None if row is None else (_account(row), row.password_hash)


def read_all(conn: Connection) -> tuple[Account, ...]:
    return tuple(_account(row) for row in conn.execute(select(accounts).order_by(accounts.c.name)))


def is_empty(conn: Connection) -> bool:
    """True while nobody has an account."""
    return conn.execute(select(accounts.c.name).limit(1)).first() is None


def insert_account(conn: Connection, *, name: str, role: Role, password_hash: str, at: datetime) -> Account:
    """``name`` is normalized already. Raises Conflict when it is taken."""
    values = {
        "name": name,
        "role": role.value,
        "password_hash": password_hash,
        "disabled": False,
        "created_at": at,
        "password_changed_at": at,
        "tokens_valid_from": at.replace(microsecond=0),
    }
    try:
        conn.execute(insert(accounts).values(values))
    except IntegrityError as error:
        raise Conflict(
            f"There is already an account named {name}.",
            f"Учётная запись с именем {name} уже есть.",
        ) from error
    return _existing(conn, name)


def change_account(
    conn: Connection, *, name: str, role: Role | None, disabled: bool | None, at: datetime
) -> Account:
    """Raises NotFound, or Conflict when no enabled admin would remain."""
    _lock_admins(conn)
    account = _existing(conn, name)
    values: dict[str, object] = {}
    if role is not None:
        values["role"] = role.value
    if disabled is not None:
        values["disabled"] = disabled
        if disabled:
            values["tokens_valid_from"] = _end_of_tokens(account, at)
    if values:
        conn.execute(update(accounts).where(accounts.c.name == account.name).values(values))
    changed = _existing(conn, name)
    was_admin = account.role is Role.ADMIN and not account.disabled
    is_admin = changed.role is Role.ADMIN and not changed.disabled
    if was_admin and not is_admin and not _enabled_admins(conn):
        raise Conflict(
            "This is the last enabled admin. Make another one first.",
            "Это последний действующий администратор. Сначала назначьте другого.",
        )
    return changed


def replace_password(conn: Connection, *, name: str, password_hash: str, at: datetime) -> Account:
    """Store a new password and end the access tokens of the old one. Raises NotFound."""
    account = _existing(conn, name)
    values = {
        "password_hash": password_hash,
        "password_changed_at": at,
        "tokens_valid_from": _end_of_tokens(account, at),
    }
    conn.execute(update(accounts).where(accounts.c.name == account.name).values(values))
    return _existing(conn, name)


def note_login(conn: Connection, *, name: str, at: datetime, old_hash: str, new_hash: str | None) -> None:
    """Write down a sign-in, and the hash made anew at today's price unless the password changed meanwhile."""
    conn.execute(update(accounts).where(accounts.c.name == name).values(last_login_at=at))
    if new_hash is not None:
        same = (accounts.c.name == name) & (accounts.c.password_hash == old_hash)
        conn.execute(update(accounts).where(same).values(password_hash=new_hash))


def _end_of_tokens(account: Account, at: datetime) -> datetime:
    """Tokens carry whole seconds, so those in use end with the current second; what is issued from now on
    is stamped with the next second at the earliest."""
    return max(account.tokens_valid_from, at.replace(microsecond=0)) + timedelta(seconds=1)


def _row(conn: Connection, name: str) -> Row[tuple[object, ...]] | None:
    plain = folded_name(name)
    if not _NAME.fullmatch(plain):
        return None
    return conn.execute(select(accounts).where(accounts.c.name == plain)).first()


def _existing(conn: Connection, name: str) -> Account:
    account = find(conn, name)
    if account is None:
        raise NotFound("There is no such account.", "Такой учётной записи нет.")
    return account


def _lock_admins(conn: Connection) -> None:
    """Two admins who lower each other at the same moment take turns (SQLite has one writer anyway)."""
    conn.execute(select(accounts.c.name).where(accounts.c.role == Role.ADMIN).with_for_update()).all()


def _enabled_admins(conn: Connection) -> int:
    enabled = (accounts.c.role == Role.ADMIN) & accounts.c.disabled.is_(False)
    return conn.execute(select(func.count()).select_from(accounts).where(enabled)).scalar_one()


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        name=row.name,
        role=Role(row.role),
        disabled=row.disabled,
        created_at=row.created_at,
        password_changed_at=row.password_changed_at,
        tokens_valid_from=row.tokens_valid_from,
        last_login_at=row.last_login_at,
    )
