"""Which database is this? An empty or foreign one in the place of ours must never be taken for a new shop.

A database has one row that names it: ``uuid`` is made once, ``epoch`` grows with every restore, ``changes``
grows while receipts come in. The data directory remembers all three (``database.json``), each FN's marker and
each copy the uuid. The start compares them (``judge``, pure) before anything is written:

- nothing lies around: a new shop, the row is made;
- the row is the remembered one: go on;
- the row is the remembered one, but of an earlier state: another program has put a copy back. Go on under the
  next epoch, and say so loudly;
- no row, or another one: refuse. A person decides, with ``db restore`` or ``db begin``; the decision waits in
  ``database.json`` and the next start carries it out.
"""

import json
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, insert, select, update

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.kernel.errors import Text as Words
from kkt_adapter.runtime.file_lock import FILE_MODE, wait_alone

MEMORY = "database.json"  # in the data directory
LOCK = "database.lock"  # beside it
TURN_S = 10.0  # a node's turn with the file is one flush
THE_ROW = 1

metadata = MetaData()
identity = Table(
    "identity",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("uuid", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("changes", BigInteger, nullable=False),
    Column("made_at", Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which database this is, and how far it has come. A higher (epoch, changes) is a later state."""

    uuid: str
    epoch: int
    changes: int

    def is_before(self, other: "Identity") -> bool:
        return (self.epoch, self.changes) < (other.epoch, other.changes)

    def or_later(self, other: "Identity | None") -> "Identity":
        """``other`` when that is a later state of the same database: a node that was held up between its
        commit and the flush of the memory takes nothing back that another node has remembered since."""
        later = other is not None and other.uuid == self.uuid and self.is_before(other)
        return other if later and other is not None else self


class Decided(StrEnum):
    RESTORE = "restore"  # `db restore` has put a copy in the place
    BEGIN = "begin"  # `db begin`: whatever database is there is the shop's from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's word, kept until the next start carries it out and writes it down."""

    what: Decided
    by: str
    reason: str
    at: str  # ISO 8601, UTC
    file: str | None = None  # the copy that was restored


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a data directory remembers; both None: nothing, this is its first start with an identity."""

    known: Identity | None = None
    decision: Decision | None = None
    fns: Mapping[str, int] = field(default_factory=dict)  # FNs that were met -> their last document then


@dataclass(frozen=True, slots=True, kw_only=True)
class LivedFn:
    """An FN whose marker lies in the folder of virtual FNs. ``database``: whose it is, as far as it says."""

    fn_number: str
    database: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What lies around the place of the database."""

    memory: Memory = Memory()
    fns: tuple[LivedFn, ...] = ()
    secret: bool = False  # a signing secret was made here
    copies: int = 0  # daily copies of this database

    @property
    def is_bare(self) -> bool:
        return self.memory.known is None and not self.fns and not self.secret and not self.copies


class DatabaseFound(StrEnum):
    MISSING = "missing"  # no file, an empty one, or no table at all
    FOREIGN = "foreign"  # tables, but none of ours
    OURS = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The database itself. ``used``: a receipt was accepted or a document written down in it. ``knows``: FNs
    that it has documents or a registration of."""

    kind: DatabaseFound
    identity: Identity | None = None
    used: bool = False
    knows: Collection[str] = ()


class IdentityStart(StrEnum):
    """What a start does about the identity, when it does not refuse."""

    NEW = "new"  # make the row
    GO_ON = "go on"
    ADOPTED = "adopted"  # made before there were identities: make the row, once
    WENT_BACK = "went back"  # an earlier state: the next epoch, and an alert
    RESTORED = "restored"  # by `db restore`: the next epoch
    BEGUN = "begun"  # by `db begin`: a uuid of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRefused:
    """Why a start must not go on."""

    reason: Words


def judge(found: Found, around: Around) -> IdentityStart | StartRefused:
    """Pure. Nothing but a decision of a person lets an empty or a foreign database pass."""
    if found.kind is DatabaseFound.FOREIGN:
        return StartRefused(
            reason=Words(
                "it is a database, but not one of kkt-adapter", "это база данных, но не от kkt-adapter"
            )
        )
    decision = around.memory.decision
    if decision is not None and decision.what is Decided.BEGIN:
        return IdentityStart.BEGUN
    if found.kind is DatabaseFound.MISSING:
        return IdentityStart.NEW if around.is_bare else StartRefused(reason=_vanished(around))
    restored = decision is not None and decision.what is Decided.RESTORE
    if found.identity is None:
        return _of_before(found, around, restored=restored)
    strangers = [fn for fn in around.fns if fn.database not in (None, found.identity.uuid)]
    if strangers:
        return StartRefused(reason=_foreign_fn(strangers[0].fn_number))
    if restored:
        return IdentityStart.RESTORED
    known = around.memory.known
    if known is None:
        return IdentityStart.GO_ON
    if known.uuid != found.identity.uuid:
        return StartRefused(
            reason=Words(
                f"it is another database ({found.identity.uuid}) than this data directory belongs to "
                f"({known.uuid})",
                f"это другая база данных ({found.identity.uuid}), а каталог данных принадлежит базе "
                f"{known.uuid}",
            )
        )
    return IdentityStart.WENT_BACK if found.identity.is_before(known) else IdentityStart.GO_ON


def _of_before(found: Found, around: Around, *, restored: bool) -> IdentityStart | StartRefused:
    """A database without the row: from before there were identities, or made by a tool in an empty place."""
    unknown = [fn for fn in around.fns if fn.fn_number not in found.knows]
    if unknown:
        return StartRefused(reason=_foreign_fn(unknown[0].fn_number))
    if restored:
        return IdentityStart.RESTORED
    if around.memory.known is not None:
        return IdentityStart.WENT_BACK if found.used else StartRefused(reason=_vanished(around))
    if not found.used and around.copies:
        return StartRefused(reason=_vanished(around))
    return IdentityStart.NEW if around.is_bare and not found.used else IdentityStart.ADOPTED


def _vanished(around: Around) -> Words:
    en, ru = [], []
    if around.memory.known is not None:
        en.append("the data directory remembers a database")
        ru.append("каталог данных помнит базу")
    if around.fns:
        en.append(f"FNs that have lived: {len(around.fns)}")
        ru.append(f"ФН с историей: {len(around.fns)}")
    if around.copies:
        en.append(f"copies of it: {around.copies}")
        ru.append(f"её копии: {around.copies}")
    if around.secret:
        en.append("a signing secret")
        ru.append("секрет подписи")
    return Words(
        f"it is missing or empty, although the shop has worked here ({', '.join(en)})",
        f"её нет или она пуста, хотя магазин здесь уже работал ({', '.join(ru)})",
    )


def _foreign_fn(fn_number: str) -> Words:
    return Words(
        f"it does not know FN {fn_number}, which has lived here with another database",
        f"она не знает ФН {fn_number}, который работал здесь с другой базой",
    )


def refusal(place: str, refused: StartRefused) -> SettingsInvalid:
    """What the start says; it names exactly two commands."""
    why = refused.reason
    return SettingsInvalid(
        f"Database {place}: {why.en}. Nothing was changed. Mount the disk or correct the path and start "
        "again. If the database is lost, put its newest copy back: kkt-adapter db restore FILE. If this is "
        "to be a new shop that knows nothing of earlier receipts: kkt-adapter db begin "
        "--yes-this-is-a-new-shop",
        f"База данных {place}: {why.ru}. Ничего не изменено. Подключите диск или исправьте путь и запустите "
        "снова. Если база потеряна, верните последнюю копию: kkt-adapter db restore FILE. Если это новый "
        "магазин, который не знает прежних чеков: kkt-adapter db begin --yes-this-is-a-new-shop",
    )


def read(conn: Connection) -> Identity | None:
    """None: the table is empty. The table must be there."""
    row = conn.execute(select(identity).where(identity.c.id == THE_ROW)).first()
    return None if row is None else Identity(uuid=row.uuid, epoch=row.epoch, changes=row.changes)


def settle(
    conn: Connection, start: IdentityStart, known: Identity | None, *, fresh: str, at: datetime
) -> Identity:
    """Make or change the row as ``start`` asks, and count the start as a change. ``fresh``: a new uuid.

    Another node that came first has made the row: it stays.
    """
    stored = read(conn)
    if stored is None:
        made = Identity(uuid=fresh, epoch=1, changes=1)
        if known is not None and start is not IdentityStart.BEGUN:
            made = replace(known, epoch=known.epoch + 1, changes=known.changes + 1)
        conn.execute(insert(identity).values(id=THE_ROW, made_at=at.isoformat(), **asdict(made)))
        return made
    now = replace(stored, changes=stored.changes + 1)
    if start is IdentityStart.BEGUN:
        now = Identity(uuid=fresh, epoch=1, changes=1)
    elif start in (IdentityStart.WENT_BACK, IdentityStart.RESTORED):
        epochs = [stored.epoch] + ([known.epoch] if known is not None else [])
        changes = [stored.changes] + ([known.changes] if known is not None else [])
        now = replace(stored, epoch=max(epochs) + 1, changes=max(changes) + 1)
    conn.execute(update(identity).where(identity.c.id == THE_ROW).values(**asdict(now)))
    return now


def count_change(conn: Connection) -> Identity:
    """Note that the database has moved on; the caller remembers the answer after the commit."""
    conn.execute(update(identity).where(identity.c.id == THE_ROW).values(changes=identity.c.changes + 1))
    now = read(conn)
    assert now is not None
    return now


def load_memory(data_dir: Path) -> Memory:
    """Raises SettingsInvalid when the file is there and cannot be understood."""
    path = data_dir / MEMORY
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        known, decision = raw.get("known"), raw.get("decision")
        return Memory(
            known=None if known is None else Identity(**known),
            decision=None if decision is None else Decision(**decision | {"what": Decided(decision["what"])}),
            fns={str(fn): int(first) for fn, first in raw.get("fns", {}).items()},
        )
    except (FileNotFoundError, NotADirectoryError):
        return Memory()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsInvalid(
            f"{path} cannot be read ({error}). It says which database belongs to this data directory. "
            "Correct its rights; if it is damaged, move it away: the next start compares the FNs with the "
            "database.",
            f"{path} не читается ({error}). В нём записано, какая база принадлежит этому каталогу данных. "
            "Исправьте права; если файл повреждён, уберите его: следующий запуск сверит ФН с базой.",
        ) from error


def change_memory(data_dir: Path, change: Callable[[Memory], Memory]) -> Memory:
    """Replace the file by what ``change`` makes of it, flushed to the disk (blocking). Nodes that share the
    directory take turns, so that none writes over what another has learned.

    Raises:
        StorageError, OSError: the directory cannot be written. SettingsInvalid: see `load_memory`.
    """
    held = wait_alone(data_dir / LOCK, within_s=TURN_S)
    try:
        memory = change(load_memory(data_dir))
        _save(data_dir, memory)
    finally:
        held.release()
    return memory


def _save(data_dir: Path, memory: Memory) -> None:
    path = data_dir / MEMORY
    draft = path.with_name(f"{MEMORY}.{secrets.token_hex(6)}")
    text = json.dumps(asdict(memory), ensure_ascii=False)
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


class DirectoryMemory:
    """The memory of a running service's data directory, kept by whoever learns something. Thread-safe."""

    def __init__(self, data_dir: Path, memory: Memory) -> None:
        self._data_dir = data_dir
        self._memory = memory
        self._lock = Lock()
        self._met: dict[str, int] = {}  # FNs that wait to be written down

    def remember(self, known: Identity) -> None:
        """Blocking. Raises StorageError, OSError."""
        with self._lock:
            self._memory = change_memory(
                self._data_dir, lambda memory: replace(memory, known=known.or_later(memory.known))
            )

    def first_fd(self, fn_number: str) -> int | None:
        """The last document that this FN had when a lane of this directory met it; None: never met."""
        return self._memory.fns.get(fn_number)

    def remember_fn(self, fn_number: str, first_fd: int) -> None:
        """Blocking. Raises StorageError, OSError. Lanes that meet their FNs at once, as at a first start,
        share a flush."""
        self._met.setdefault(fn_number, first_fd)
        with self._lock:
            if self.first_fd(fn_number) is not None:
                return
            met = dict(self._met)
            self._memory = change_memory(
                self._data_dir, lambda memory: replace(memory, fns=met | dict(memory.fns))
            )
            for written in met:
                self._met.pop(written, None)
