"""Fields that several forms have: the reason of an action, and the key that makes it happen once."""

from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.kernel.errors import InvalidInput

MOST_REASON = 500
MOST_KEY = 64


def reason_of(visit: Visit) -> str:
    """Why a person does it, for the records. Raises InvalidInput."""
    reason = visit.form.get("reason", "").strip()
    if not reason or len(reason) > MOST_REASON:
        raise InvalidInput(
            f"Give the reason in 1 to {MOST_REASON} characters: it is kept with the decision.",
            f"Укажите причину (от 1 до {MOST_REASON} символов): она хранится вместе с решением.",
            field="reason",
        )
    return reason


def key_of(visit: Visit, *, prefix: str) -> str:
    """The key that the page was made with, so that a form sent twice acts once. Raises InvalidInput."""
    key = visit.form.get("key", "")
    if not (1 <= len(key) <= MOST_KEY and key.isascii() and key.isprintable() and " " not in key):
        raise InvalidInput("Open the page anew.", "Откройте страницу заново.")
    return f"{prefix}-{key}"
