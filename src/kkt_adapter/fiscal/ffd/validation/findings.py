"""What a check finds: refusals (all of them, not only the first) and warnings, gathered in one place."""

from kkt_adapter.fiscal.ffd.text import to_cp866
from kkt_adapter.fiscal.model import ReceiptWarning
from kkt_adapter.kernel.errors import ReceiptInvalid, Text, Violation


class Findings:
    """Lives as long as the check of one receipt.

    ``prior`` is what the form of the request has wrong. A placeholder stands there, so the rules say nothing
    more about that field, its parts, or a line's sum that it belongs to.
    """

    __slots__ = ("_silent", "violations", "warnings")

    def __init__(self, prior: tuple[Violation, ...] = ()) -> None:
        self.violations: list[Violation] = list(prior)
        self._silent = frozenset(place for v in prior for place in _dependent(v.field))
        self.warnings: list[ReceiptWarning] = []

    def refuse(self, field: str, code: str, message: Text, remedy: Text, *, tag: int | None = None) -> None:
        if self._silent and self.is_unsure(field):
            return
        self.violations.append(Violation(field=field, code=code, message=message, remedy=remedy, tag=tag))

    def is_unsure(self, field: str) -> bool:
        """Whether a placeholder stands at ``field``, in it, or around it."""
        return any(_within(field, place) or _within(place, field) for place in self._silent)

    def warn(self, code: str, field: str, message: Text, *, tag: int | None = None) -> None:
        self.warnings.append(ReceiptWarning(code=code, field=field, message=message, tag=tag))

    def stop_if_refused(self) -> None:
        """Raises ReceiptInvalid with every violation so far."""
        if self.violations:
            raise ReceiptInvalid(tuple(self.violations))

    def fitted(self, text: str, field: str, *, tag: int, limit: int) -> str:
        """The text as the document will carry it: CP866, cut to ``limit``; NAME_CHANGED when it differs.

        For text that does not fit: the caller has seen that, so the usual case costs nothing.
        """
        changed = to_cp866(text[: 4 * limit])  # far more than ``limit`` needs, whatever somebody sends
        cut = changed[:limit]
        if cut != text:
            self.warn("NAME_CHANGED", field, _how_changed(changed, cut, limit), tag=tag)
        return cut


_OF_ONE_SUM = frozenset({"price", "quantity", "total"})


def _dependent(field: str) -> list[str]:
    """The field itself and those that mean nothing without it."""
    head, _, last = field.rpartition(".")
    if field.startswith("items.") and last in _OF_ONE_SUM:
        return [f"{head}.{name}" for name in _OF_ONE_SUM]
    return [field, "correction", "original_receipt_id"] if field == "type" else [field]


def _within(field: str, other: str) -> bool:
    return field == other or field.startswith(other + ".")


def _how_changed(changed: str, cut: str, limit: int) -> Text:
    shown = cut if len(cut) <= 40 else cut[:37] + "..."
    if len(changed) > limit:
        return Text(
            f"The document takes {limit} characters of CP866; it will say: {shown}",
            f"В документ входит {limit} символов CP866; будет указано: {shown}",
        )
    return Text(
        f"Characters outside CP866 were replaced; the document will say: {shown}",
        f"Символы вне CP866 заменены; в документе будет: {shown}",
    )
