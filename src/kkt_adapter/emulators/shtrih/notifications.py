"""Notifications of sold marked goods, kept where the register has no network (autonomous mode), and read out.

Layouts as the maker's JavaPOS driver has them (StartReadMCNotifications, ReadMCNotification,
ConfirmMCNotification). That one notification stands for one receipt, what it holds (2007 for each code) and
its check sum (CRC-16 as in protocol 2) are inferred.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kkt_adapter.fiscal.ffd.tlv import element
from kkt_adapter.fiscal.kkt.shtrih.values import u2, u4
from kkt_adapter.fiscal.kkt.shtrih.wire.frame2 import crc16

BLOCK = 128  # bytes of one answer


@dataclass(slots=True)
class Notifications:
    """Those that were not confirmed, oldest first; forgotten with the emulator."""

    kept: dict[int, bytes] = field(default_factory=dict)
    last: int = 0
    _at: int | None = None  # which one FF72 reads; None: reading was not begun
    _offset: int = 0
    _read: set[int] = field(default_factory=set)  # numbers that were given whole

    def keep(self, marks: Sequence[tuple[str, int]]) -> None:
        """Of one receipt: its codes with the result of their check (2106)."""
        if not marks:
            return
        self.last += 1
        items = [
            element(2000, code.encode("ascii", "replace")) + element(2106, bytes((checked,)))
            for code, checked in marks
        ]
        self.kept[self.last] = element(2002, u4(self.last)) + b"".join(element(2007, one) for one in items)

    def begin(self) -> bytes:
        """FF71: from the first one, as often as wanted."""
        self._at, self._offset, self._read = 0, 0, set()
        number, first = next(iter(self.kept.items()), (0, b""))
        return u2(len(self.kept)) + u4(number) + u2(len(first))

    def next_block(self) -> bytes | None:
        """FF72; None: all were given."""
        if self._at is None or self._at >= len(self.kept):
            return None
        number, whole = list(self.kept.items())[self._at]
        offset, block = self._offset, whole[self._offset : self._offset + BLOCK]
        self._offset += len(block)
        if self._offset >= len(whole):
            self._read.add(number)
            self._at, self._offset = self._at + 1, 0
        return u4(number) + u2(len(whole)) + u2(offset) + u2(len(block)) + block

    def confirm(self, number: int, check: int) -> bool:
        """FF73: only what was read whole, in order, and with its check sum."""
        first = next(iter(self.kept), None)
        if number != first or number not in self._read or check != crc16(self.kept[number]):
            return False
        del self.kept[number]
        self._at = None if self._at is None else self._at - 1
        return True
