"""JSON answers: built once, decimals with their own digits."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from starlette.responses import Response

from kkt_adapter.fiscal.store.idempotency import Outcome
from kkt_adapter.kernel import jsontext

T = TypeVar("T")


class JsonAnswer(Response):
    """A JSON-ready value as it is; no model walks over it a second time."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return jsontext.encode(content).encode("utf-8")


def answer_once(outcome: Outcome[T], shown: Callable[[T], Mapping[str, Any]]) -> JsonAnswer:
    """The answer of an action that may carry an Idempotency-Key; a replay says that it is one."""
    return JsonAnswer(
        shown(outcome.answer), headers={"Idempotency-Replayed": "true"} if outcome.replayed else None
    )
