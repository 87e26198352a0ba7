"""What a call can end with instead of an answer.

ClientError
|-- ApiError     the service refused, with a stable code
|-- NoAnswer     nobody answered, or the answer was lost on its way
`-- NotTheService  something else answers at this address
"""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """``idempotency_key``: the key of the call; repeat with the same one, then nothing is done twice."""

    idempotency_key: str | None = None


class ApiError(ClientError):
    """The service refused: problem details (RFC 9457). ``code`` is stable; see docs/reference/errors.md."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", status))
        self.detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        super().__init__(f"{self.code}: {self.detail}")

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        """Each bad field of a request: ``field``, ``code``, ``message``, perhaps ``remedy``."""
        found = self.problem.get("errors", [])
        return found if isinstance(found, list) else []


class NoAnswer(ClientError):
    """No whole answer. ``sent`` False: nobody was reached, so nothing was done."""

    def __init__(self, detail: str, *, sent: bool, timed_out: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.sent = sent
        self.timed_out = timed_out


class NotTheService(ClientError):
    """What answers is not kkt-adapter: no JSON, or an error without problem details."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}, but not of kkt-adapter")
        self.status = status
