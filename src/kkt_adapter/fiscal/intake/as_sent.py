"""What only the door of a request knows of it: the client's own names, and what it found in the form."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from kkt_adapter.fiscal.model import ReceiptRequest, ReceiptWarning
from kkt_adapter.kernel.errors import ReceiptInvalid, Violation
from kkt_adapter.kernel.quick import quickly_made


def _same(field: str) -> str:
    return field


def _never() -> None:
    return None


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AsSent:
    """Fields here have canonical names; ``own_name`` gives the client's for each (``items.0.qty``)."""

    own_name: Callable[[str], str] = _same
    broken: tuple[Violation, ...] = ()
    """Form that does not fit. The request has placeholders there and is never stored."""

    late: tuple[Violation, ...] = ()
    """Refused by rules that are younger than some keys: a key that is known goes before them."""

    warnings: tuple[ReceiptWarning, ...] = ()
    english: bool = False  # the texts of the answer; Russian is what is stored

    first_reading: Callable[[], ReceiptRequest | None] = _never
    """The request as version 0.1.0 read it, for keys that it took; asked only when a key is known and the
    present reading is another request. None: it would not have taken this."""

    def refusal(self, violations: tuple[Violation, ...]) -> ReceiptInvalid:
        """The error for the client, each finding once and under the client's names."""
        own = [replace(v, field=self.own_name(v.field)) for v in violations]
        return ReceiptInvalid(tuple(dict.fromkeys(own)))

    def told(self, warnings: tuple[ReceiptWarning, ...]) -> tuple[ReceiptWarning, ...]:
        """The door's warnings and these, under the client's names."""
        both = (*self.warnings, *warnings)
        return tuple([replace(w, field=self.own_name(w.field)) for w in both])


PLAIN: Final = AsSent()
