"""One call: what is sent, how its answer is read, and when it may be sent again. No I/O.

A call is sent again after a lost answer only where that cannot do anything twice: it changes nothing, or it
carries an Idempotency-Key. The key stays the same for all attempts; where the caller names none, a new one
is made for the call.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import uuid4

from kkt_adapter.client.errors import ApiError, ClientError, NoAnswer, NotTheService

T = TypeVar("T")

PROBLEM = "application/problem+json"
NOTHING_DONE = frozenset({"OVERLOADED", "RATE_LIMITED"})  # refused at the door: any call may come again
PASSES = NOTHING_DONE | {"IDEMPOTENCY_IN_PROGRESS", "LEASE_LOST", "STORAGE_ERROR", "INTERNAL"}
OF_PROXIES = frozenset({502, 503, 504})  # without problem details: somebody between us and the service


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """``attempts`` in all; none begins later than ``patience_s`` after the first."""

    attempts: int = 4
    patience_s: float = 30.0
    first_wait_s: float = 0.2  # doubled with each attempt, and shortened at random by up to a half
    longest_wait_s: float = 5.0


NO_RETRY = Retry(attempts=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """``answers``: the statuses that are an answer, not an error. ``keyed``: takes an Idempotency-Key."""

    method: str
    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    body: object = None
    accept: str = "application/json"
    answers: frozenset[int] = frozenset({200})
    keyed: bool = False
    key: str | None = None

    def with_key(self) -> str | None:
        """The key of this call: the caller's, a new one, or None where it takes none."""
        return (self.key or str(uuid4())) if self.keyed else None

    @property
    def repeatable(self) -> bool:
        return self.keyed or self.method == "GET"

    def content(self) -> bytes | None:
        """Decimals are sent as text, which the service reads to the digit."""
        return None if self.body is None else json.dumps(self.body, ensure_ascii=False, default=str).encode()

    def params(self) -> list[tuple[str, str | int | float | bool | None]]:
        """The query: None is left out, a list gives its name several times."""
        found: list[tuple[str, str | int | float | bool | None]] = []
        for name, value in self.query.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            found += [(name, _text(one)) for one in values if one is not None]
        return found

    def read(self, status: int, content_type: str, body: bytes) -> Any:
        """The answer: JSON with numbers as int and Decimal, or text.

        Raises:
            ApiError: the service refused. NotTheService: somebody else answered.
        """
        media_type = content_type.partition(";")[0].strip()
        try:
            if media_type == PROBLEM:
                problem = json.loads(body)
                if isinstance(problem, dict):
                    raise ApiError(status, problem)
            elif status in self.answers:
                if self.accept != "application/json":
                    return body.decode()
                return json.loads(body, parse_float=Decimal)
        except ValueError:
            pass
        raise NotTheService(status)


def may_repeat(call: Call[Any], failure: ClientError) -> bool:
    """Whether another attempt can help, and cannot do anything twice."""
    match failure:
        case NoAnswer():
            return call.repeatable or not failure.sent
        case ApiError():
            return failure.code in (PASSES if call.repeatable else NOTHING_DONE)
        case NotTheService():
            return call.repeatable and failure.status in OF_PROXIES
        case _:
            return False


def wait_s(retry: Retry, attempt: int, failure: ClientError, *, chance: float | None = None) -> float:
    """Seconds before the attempt after ``attempt`` (the first is 1): what the service asks for counts.

    ``chance``: 0..1, for tests.
    """
    asked = failure.problem.get("retry_after") if isinstance(failure, ApiError) else None
    if isinstance(asked, int):
        return float(asked)
    longest: float = min(retry.longest_wait_s, retry.first_wait_s * 2 ** (attempt - 1))
    return longest * (1 - (random.random() if chance is None else chance) / 2)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
