"""What the web server says about a job: status words, errors in two shapes, fiscal results in three.

Nothing is concluded here from a ``ready`` or an ``error``: see ``codes.py`` and the driver.
Source: docs/reference/atol.md, Results.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer, member, optional_whole, text


class JobStatus(StrEnum):
    WAIT = "wait"
    IN_PROGRESS = "inProgress"
    BLOCKED = "blocked"  # the queue stands still; the server asks the register and decides itself
    READY = "ready"
    ERROR = "error"
    INTERRUPTED = "interrupted"  # an earlier sub-task failed; not run
    CANCELED = "canceled"  # taken back; not run


FINAL = frozenset({JobStatus.READY, JobStatus.ERROR, JobStatus.INTERRUPTED, JobStatus.CANCELED})
NOT_RUN = frozenset({JobStatus.INTERRUPTED, JobStatus.CANCELED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SubResult:
    """One sub-task of a job. ``result`` may be None even when it is ready."""

    status: JobStatus
    code: int
    description: str
    result: dict[str, Any] | None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


def read_results(content: Any) -> tuple[SubResult, ...]:
    """Raises BadAtolAnswer: not the answer to a job."""
    found = member(content, "results")
    if not isinstance(found, list) or not found:
        raise BadAtolAnswer("results is no list")
    return tuple(_read(one) for one in found)


def _read(one: Any) -> SubResult:
    try:
        status = JobStatus(text(one, "status"))
    except ValueError as error:
        raise BadAtolAnswer(f"no status of a job: {one!r:.80}") from error
    code, description = error_in(one)
    result = one.get("result")
    return SubResult(
        status=status,
        code=code,
        description=description,
        result=result if isinstance(result, dict) else None,
    )


def error_in(content: Any) -> tuple[int, str]:
    """Code and text, nested in ``error`` or flat beside it; 0 where there is none."""
    nested = content.get("error") if isinstance(content, dict) else None
    if isinstance(nested, dict):
        return optional_whole(nested, "code") or 0, text(nested, "description")
    return optional_whole(content, "errorCode") or 0, text(content, "errorDescription")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldDocument:
    """Which document a result names; nothing of it is believed before the FN was asked."""

    fd_number: int
    fn_number: str  # empty: not told


def told_document(result: dict[str, Any] | None) -> ToldDocument | None:
    """From ``fiscalParams``, or flat as ``getLastFiscalParams`` answers. None: it names none.

    Raises BadAtolAnswer: a number that is none.
    """
    params = None if result is None else result.get("fiscalParams", result)
    number = optional_whole(params, "fiscalDocumentNumber")
    if number is None or number < 1:
        return None
    return ToldDocument(fd_number=number, fn_number=text(params, "fnNumber"))
