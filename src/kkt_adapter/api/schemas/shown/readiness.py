"""The answer of a pre-flight."""

from typing import TYPE_CHECKING

from kkt_adapter.fiscal.status.readiness import Readiness
from kkt_adapter.kernel.timefmt import iso, iso_of

if TYPE_CHECKING:  # the answers of all routes; a pre-flight is asked before they are loaded
    from kkt_adapter.api.schemas.answers.registers import ReadinessShown


def readiness_answer(found: Readiness, *, english: bool) -> "ReadinessShown":
    return {
        "ready": found.is_ready,
        "reason": None if found.reason is None else found.reason.value,
        "detail": found.detail.en if english else found.detail.ru,
        "until": iso(found.until),
        "register_id": found.register_id,
        "checked_at": iso_of(found.checked_at),
    }
