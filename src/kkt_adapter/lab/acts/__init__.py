"""Faults of more than one step: a database that is replaced, a question that a person decides, a log that
nobody reads, a disk that is full.

In: a running world of nodes. Out: one of these faults, done and ended.
"""

from collections.abc import Sequence

from kkt_adapter.lab.acts import (
    backlog,
    full_buffer,
    letters,
    log_reader,
    maintenance,
    objections,
    odd_tills,
    person,
    replaced,
    sessions,
    small_disk,
    waiting,
)
from kkt_adapter.lab.acts.kind import FaultKind
from kkt_adapter.lab.doors.held import HELD

ACTS: Sequence[FaultKind] = (
    FaultKind(
        name="person decides a question",
        weight=4,
        work=person.question,
        free=person.register_free,
    ),
    FaultKind(
        name="database replaced by an older copy",
        weight=3,
        work=replaced.by_an_older_copy,
        needs=replaced.there,
        free=replaced.free,
    ),
    FaultKind(
        name="database lost",
        weight=2,
        work=replaced.lost,
        needs=replaced.there,
        free=replaced.free,
    ),
    FaultKind(
        name="database's log lost",
        weight=2,
        work=replaced.log_lost,
        needs=replaced.in_a_file,
        free=replaced.free,
    ),
    FaultKind(name="log that nobody reads", weight=2, work=log_reader.stalled, free=log_reader.node_free),
    FaultKind(
        name="disk full: ENOSPC",
        weight=4,
        work=small_disk.full,
        needs=small_disk.there,
        free=small_disk.free,
    ),
    HELD,
    odd_tills.ODD_TILL,
    objections.HEARD,
    objections.HEARD_AND_DIED,
    backlog.ONE_REFUSED,
    full_buffer.FILLED,
    letters.RESOLVED,
    sessions.FOREIGN_SESSION,
    maintenance.MAINTENANCE,
    waiting.WITHOUT_KEY,
    waiting.OF_GROUP,
)
