"""Reading one signed document for its slip: nothing is shown that the document does not say."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from kkt_adapter.fiscal.ffd.tlv import Element, Fvln, TlvError, decode, fiscal_sign, quantity_millionths
from kkt_adapter.kernel.money import quantity_text


class SlipDocument:
    """One document, or one nested element of it."""

    __slots__ = ("_children", "code")

    def __init__(self, children: Iterable[Element], *, code: int = 0) -> None:
        self.code = code
        self._children = tuple(children)

    @classmethod
    def read(cls, tlv: bytes) -> "SlipDocument":
        """Raises TlvError: not one document."""
        elements = decode(tlv)
        if len(elements) != 1:
            raise TlvError(f"{len(elements)} elements where one document is expected")
        return cls(elements[0].children, code=elements[0].tag)

    def _first(self, tag: int) -> Element | None:
        return next((e for e in self._children if e.tag == tag), None)

    def inside(self, tag: int) -> "SlipDocument":
        """The members of a nested element; empty where it is missing."""
        found = self._first(tag)
        return SlipDocument(() if found is None else found.children)

    def every(self, tag: int) -> Iterator["SlipDocument"]:
        return (SlipDocument(e.children) for e in self._children if e.tag == tag)

    def has(self, tag: int) -> bool:
        return self._first(tag) is not None

    def text(self, tag: int) -> str | None:
        found = self._first(tag)
        return found.value.rstrip() if found is not None and isinstance(found.value, str) else None

    def texts(self, *tags: int) -> list[str]:
        return [e.value for e in self._children if e.tag in tags and isinstance(e.value, str)]

    def number(self, tag: int) -> int | None:
        found = self._first(tag)
        return found.value if found is not None and isinstance(found.value, int) else None

    def moment(self, tag: int) -> datetime | None:
        found = self._first(tag)
        return found.value if found is not None and isinstance(found.value, datetime) else None

    def quantity(self, tag: int) -> str:
        found = self._first(tag)
        if found is None or not isinstance(found.value, Fvln):
            return ""
        return quantity_text(quantity_millionths(found.value))

    def sign(self) -> int:
        """1077 as printed."""
        found = self._first(1077)
        return 0 if found is None else fiscal_sign(found.raw)
