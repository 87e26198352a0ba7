"""Low-level protocol 2 ("alternative"): 8Fh, length, frame number, data and CRC, stuffed.

A device executes a frame only if its number is the last one plus 1; for any other number it sends the answer
of the last executed command again. Repeating the same bytes is therefore safe while the device stays powered.

Source: Shtrih-M protocol 2.0 (docs/reference/shtrih-m.md, Frames).
"""

from dataclasses import dataclass

STX2 = 0x8F
_ESCAPE = 0x9F
_STUFFED = {STX2: b"\x9f\x81", _ESCAPE: b"\x9f\x83"}
_PLAIN = {0x81: STX2, 0x83: _ESCAPE}
NUMBERS = 0x10000
MAX_LENGTH = 0x2000  # bytes of number and data; more than any command or answer has


def crc16(data: bytes) -> int:
    """CRC16-CCITT, beginning with FFFFh, over length, number and data before stuffing."""
    check = 0xFFFF
    for byte in data:
        check = ((check << 8) | (check >> 8)) & 0xFFFF
        check ^= byte
        check ^= (check & 0xFF) >> 4
        check ^= (check << 12) & 0xFFFF
        check ^= (check & 0xFF) << 5
    return check


def sync() -> bytes:
    """Asks for the last number and its answer; executes nothing."""
    return _whole(b"\0\0")


def frame(number: int, data: bytes) -> bytes:
    """``number`` 0..65535."""
    return _whole((len(data) + 2).to_bytes(2, "little") + number.to_bytes(2, "little") + data)


def _whole(counted: bytes) -> bytes:
    checked = counted + crc16(counted).to_bytes(2, "little")
    return bytes((STX2,)) + b"".join(_STUFFED.get(byte) or bytes((byte,)) for byte in checked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame2:
    """A frame as it arrived. ``number`` None: a sync request; ``data`` empty: nothing was executed yet."""

    number: int | None
    data: bytes


class Decoder:
    """Finds frames in a stream; what is none (noise, a broken frame) is dropped up to the next 8Fh."""

    def __init__(self) -> None:
        self._plain = bytearray()
        self._inside = False
        self._escaped = False

    def feed(self, data: bytes) -> list[Frame2]:
        found = []
        for byte in data:
            frame = self._take(byte)
            if frame is not None:
                found.append(frame)
        return found

    def _take(self, byte: int) -> Frame2 | None:
        if byte == STX2:
            self._begin()
            return None
        if not self._inside:
            return None
        if self._escaped:
            self._escaped = False
            plain = _PLAIN.get(byte)
            if plain is None:
                self._inside = False
                return None
            byte = plain
        elif byte == _ESCAPE:
            self._escaped = True
            return None
        self._plain.append(byte)
        return self._finished()

    def _begin(self) -> None:
        self._plain.clear()
        self._inside, self._escaped = True, False

    def _finished(self) -> Frame2 | None:
        if len(self._plain) < 2:
            return None
        length = int.from_bytes(self._plain[:2], "little")
        if length == 1 or length > MAX_LENGTH:
            self._inside = False
            return None
        if len(self._plain) < length + 4:
            return None
        self._inside = False
        counted, check = bytes(self._plain[:-2]), int.from_bytes(self._plain[-2:], "little")
        if crc16(counted) != check:
            return None
        if not length:
            return Frame2(number=None, data=b"")
        return Frame2(number=int.from_bytes(counted[2:4], "little"), data=counted[4:])
