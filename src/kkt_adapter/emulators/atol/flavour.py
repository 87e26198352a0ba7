"""Habits in which web servers differ. Source: docs/reference/atol.md, Servers."""

from dataclasses import dataclass

PAPER = frozenset({44, 45, 46, 114})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    name: str
    blocking: frozenset[int]  # codes of a fiscal task that stop the queue
    one_fiscal: bool  # a job with two fiscal sub-tasks is refused with 400
    flat_recovery: bool  # a result after ``blocked`` is the answer to getLastFiscalParams
    rest_is_lost: bool  # sub-tasks after one that blocks stay interrupted
    html_errors: bool
    too_late: int  # HTTP status of a DELETE that comes too late


WR = Flavour(
    name="wr",
    blocking=frozenset({1, 2, 3, 4, 241, 115, 116, 159, 166, 177}),
    one_fiscal=False,
    flat_recovery=False,
    rest_is_lost=False,
    html_errors=False,
    too_late=409,
)
JAR = Flavour(
    name="jar",
    blocking=frozenset({2, 3, 4, 15, *range(115, 123), 124, *range(133, 139), 141, 142, 159}),
    one_fiscal=True,
    flat_recovery=True,
    rest_is_lost=True,
    html_errors=True,
    too_late=405,
)
FLAVOURS = {one.name: one for one in (WR, JAR)}
