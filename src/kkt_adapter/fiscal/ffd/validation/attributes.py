"""Tags 1192 and 1084: what the request puts there, and the place that is left for the receipt key.

What the request sets is never replaced, so it is never rewritten for CP866 either: it must fit as it is.
"""

from dataclasses import dataclass
from typing import Final

from kkt_adapter.fiscal.ffd.receipt_key import RECEIPT_KEY_NAME
from kkt_adapter.fiscal.ffd.text import fits_cp866
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.model import UserAttribute
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.quick import quickly_made

ADDITIONAL_LIMIT: Final = 16  # tag 1192
ATTRIBUTE_NAME_LIMIT: Final = 64  # tag 1085
ATTRIBUTE_VALUE_LIMIT: Final = 256  # tag 1086


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """Both tags as the document will carry them; ``key`` is None when it stands in neither."""

    key: str | None
    additional: str | None  # 1192
    user: UserAttribute | None  # 1084


def with_key(
    key: str,
    *,
    mode: str,
    spare_1192: bool,
    additional: str | None,
    user: UserAttribute | None,
) -> Attributes:
    """The receipt key in 1192, else in 1084, else nowhere.

    ``mode`` is the setting ``receipt_key``: auto, 1084 or off. ``spare_1192``: a correction, where 1192
    belongs to the fiscal sign of the wrong document even when there is none.
    """
    if mode == "off":
        return Attributes(key=None, additional=additional, user=user)
    if mode == "auto" and additional is None and not spare_1192:
        return Attributes(key=key, additional=key, user=user)
    if user is None:
        pair = UserAttribute(name=RECEIPT_KEY_NAME, value=key)
        return Attributes(key=key, additional=additional, user=pair)
    return Attributes(key=None, additional=additional, user=user)


def check_attributes(additional: str | None, user: UserAttribute | None, found: Findings) -> None:
    if additional is not None:
        _check(additional, "additional_attribute", 1192, ADDITIONAL_LIMIT, found)
    if user is not None:
        _check(user.name, "user_attribute.name", 1085, ATTRIBUTE_NAME_LIMIT, found)
        _check(user.value, "user_attribute.value", 1086, ATTRIBUTE_VALUE_LIMIT, found)


def _check(text: str, field: str, tag: int, limit: int, found: Findings) -> None:
    if 0 < len(text) <= limit and fits_cp866(text):
        return
    found.refuse(
        field,
        "attribute_text",
        Text(f"1..{limit} characters of CP866.", f"1..{limit} символов CP866."),
        Text("Shorten it and use plain characters.", "Сократите, используйте обычные символы."),
        tag=tag,
    )
