"""The table of leases, and looking at and taking many of them by one statement."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Subquery,
    Table,
    Update,
    column,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from kkt_adapter.runtime.db.bulk import bulk

metadata = MetaData()

# The first migration creates this table. Exactly these columns, none of them nullable, no further index:
#   name      String(200)  primary key
#   owner     String(64)   '' when nobody holds it; else the holder's instance id
#   term      BigInteger   fencing number, 1 for the first taking
#   renewals  BigInteger   counts renewals within all terms
#   host      String(255)  of the last holder, for people
#   pid       Integer      of the last holder, for people
leases = Table(
    "leases",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("renewals", BigInteger, nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
)


class LeaseRow(NamedTuple):
    """A lease as it stood when we looked."""

    owner: str
    term: int
    renewals: int
    host: str
    pid: int


class Taking(NamedTuple):
    """``seen`` None: there was no row."""

    name: str
    seen: LeaseRow | None
    number: int
    owner: str
    host: str


_ROW = (leases.c.name, leases.c.owner, leases.c.term, leases.c.renewals, leases.c.host, leases.c.pid)
_LOOK = bulk((leases.c.name,), lambda given: select(*_ROW).join(given, leases.c.name == given.c.name))
_REPLACE = bulk(
    (
        leases.c.name,
        leases.c.owner,
        leases.c.term,
        column("seen_renewals", BigInteger),  # ``renewals_1`` is the name that Core gives the 1 below
        column("new_term", BigInteger),
        column("new_owner", String),
        leases.c.host,
        leases.c.pid,
    ),
    lambda given: (
        update(leases)
        .where(
            leases.c.name == given.c.name,
            leases.c.owner == given.c.owner,
            leases.c.term == given.c.term,
            leases.c.renewals == given.c.seen_renewals,
        )
        .values(
            owner=given.c.new_owner,
            term=given.c.new_term,
            renewals=leases.c.renewals + 1,
            host=given.c.host,
            pid=given.c.pid,
        )
    ),
)


def look(connection: Connection, names: Sequence[str]) -> list[LeaseRow | None]:
    rows = {name: LeaseRow(*row) for name, *row in _LOOK.rows(connection, [(name,) for name in names])}
    return [rows.get(name) for name in names]


def take(connection: Connection, wanted: Sequence[Taking]) -> list[bool]:
    """Which of them were free as we had seen them. A replaced row is ours if it says so afterwards: its
    number is higher than any that the row had."""
    found = {one.name: _insert(connection, one) for one in wanted if one.seen is None}
    seen = [(one, one.seen) for one in wanted if one.seen is not None]
    changed = _REPLACE.run(
        connection,
        [
            (one.name, row.owner, row.term, row.renewals, one.number, one.owner, one.host, os.getpid())
            for one, row in seen
        ],
    )
    if changed == len(seen):
        return [found.get(one.name, True) for one in wanted]
    now = dict(
        zip((one.name for one, _ in seen), look(connection, [one.name for one, _ in seen]), strict=True)
    )
    for one, _ in seen:
        row = now[one.name]
        found[one.name] = row is not None and (row.owner, row.term) == (one.owner, one.number)
    return [found[one.name] for one in wanted]


def _insert(connection: Connection, one: Taking) -> bool:
    row = {"owner": one.owner, "host": one.host, "pid": os.getpid()}
    try:
        with connection.begin_nested():
            connection.execute(insert(leases).values(name=one.name, term=one.number, renewals=1, **row))
    except IntegrityError:
        return False
    return True


class Held(NamedTuple):
    """A term that somebody holds."""

    name: str
    owner: str
    term: int


def _ours(given: Subquery) -> Update:
    return update(leases).where(
        leases.c.name == given.c.name, leases.c.owner == given.c.owner, leases.c.term == given.c.term
    )


_TERM = (leases.c.name, leases.c.owner, leases.c.term)
_RENEW = bulk(_TERM, lambda given: _ours(given).values(renewals=leases.c.renewals + 1))
_GIVE_BACK = bulk(_TERM, lambda given: _ours(given).values(owner="", renewals=leases.c.renewals + 1))


def renew(connection: Connection, held: Sequence[Held]) -> list[bool]:
    """Give a sign of life for each; which of them are still held?"""
    if _RENEW.run(connection, held) == len(held):
        return [True] * len(held)
    rows = look(connection, [one.name for one in held])
    return [
        row is not None and (row.owner, row.term) == (one.owner, one.term)
        for one, row in zip(held, rows, strict=True)
    ]


def give_back(connection: Connection, held: Sequence[Held]) -> Sequence[None]:
    """Free those that are still held."""
    _GIVE_BACK.run(connection, held)
    return [None] * len(held)
