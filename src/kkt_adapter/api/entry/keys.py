"""The header Idempotency-Key."""

import re
from collections.abc import Iterable

from kkt_adapter.api.problems import RequestInvalid
from kkt_adapter.kernel.errors import IdempotencyKeyRequired, Text, Violation

KEY_FORM = re.compile(r"[\x21-\x7e]{1,128}\Z")


def key_in(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The required header ``Idempotency-Key``.

    Raises:
        IdempotencyKeyRequired: missing or empty.
        RequestInvalid: not 1 to 128 visible ASCII characters, or given twice with different values.
    """
    key = optional_key_in(headers)
    if key is None:
        raise IdempotencyKeyRequired(
            "Send header Idempotency-Key: a new UUID for each receipt, the same one when you repeat it.",
            "Передайте заголовок Idempotency-Key: новый UUID для каждого чека, тот же — при повторе.",
        )
    return key


def optional_key_in(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    given = {value.strip() for name, value in headers if name == b"idempotency-key"}
    if not given or given == {b""}:
        return None
    key: str = given.pop().decode("latin-1")
    if given or KEY_FORM.match(key) is None:
        raise RequestInvalid(
            (
                Violation(
                    field="Idempotency-Key",
                    code="bad_text",
                    message=Text(
                        "must be one text of 1 to 128 visible ASCII characters",
                        "должен быть одним текстом из 1–128 видимых символов ASCII",
                    ),
                    remedy=Text("Send a UUID.", "Передайте UUID."),
                ),
            )
        )
    return key
