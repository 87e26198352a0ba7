"""How Shtrih-M writes numbers, times and texts: little endian, whole kopecks, CP1251.

Source: Shtrih-M protocol, conventions (docs/reference/shtrih-m.md, Values).
"""

from datetime import date, datetime, time

NOT_GIVEN = (1 << 40) - 1  # FFFFFFFFFFh: a sum that the device works out by itself
PASSWORD_LIMIT = 0xFFFFFFFF


class BadShtrihAnswer(ValueError):
    """An answer is shorter than its command promises, or holds what cannot be."""


def u1(value: int) -> bytes:
    return value.to_bytes(1, "little")


def u2(value: int) -> bytes:
    return value.to_bytes(2, "little")


def u4(value: int) -> bytes:
    return value.to_bytes(4, "little")


def u5(value: int) -> bytes:
    return value.to_bytes(5, "little")


def u6(value: int) -> bytes:
    return value.to_bytes(6, "little")


def text(value: str, size: int | None = None) -> bytes:
    """CP1251, cut and filled with zeros to ``size``; what CP1251 does not have becomes "?"."""
    data = value.encode("cp1251", errors="replace")
    return data if size is None else data[:size].ljust(size, b"\0")


def plain(data: bytes) -> str:
    """A text of an answer, without the zeros and spaces that fill it up."""
    return data.split(b"\0", 1)[0].decode("cp1251", errors="replace").strip()


def dmy(day: date) -> bytes:
    return bytes((day.day, day.month, day.year % 100))


def ymd_hm(moment: datetime) -> bytes:
    return bytes((moment.year % 100, moment.month, moment.day, moment.hour, moment.minute))


def hms(moment: time | datetime) -> bytes:
    return bytes((moment.hour, moment.minute, moment.second))


class Cursor:
    """Reads an answer from left to right.

    Raises:
        BadShtrihAnswer: from every method, when the answer ends too early or is no date.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise BadShtrihAnswer(
                f"{size} bytes expected at {self._at}, {self.left} are left: {self._data.hex()}"
            )
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def rest(self) -> bytes:
        return self.take(self.left)

    def ascii(self, size: int) -> str:
        return self.take(size).decode("ascii", errors="replace").strip("\0 ")

    def ymd(self) -> date:
        year, month, day = self.take(3)
        return _date(year, month, day)

    def dmy(self) -> date:
        day, month, year = self.take(3)
        return _date(year, month, day)

    def ymd_hm(self) -> datetime:
        """Five bytes; the register's wall clock."""
        day = self.ymd()
        hour, minute = self.take(2)
        return _moment(day, hour, minute, 0)

    def hms(self, day: date) -> datetime:
        hour, minute, second = self.take(3)
        return _moment(day, hour, minute, second)


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(2000 + year, month, day)
    except ValueError as error:
        raise BadShtrihAnswer(f"no date: {day:02}.{month:02}.{year:02}") from error


def _moment(day: date, hour: int, minute: int, second: int) -> datetime:
    try:
        return datetime.combine(day, time(hour, minute, second))
    except ValueError as error:
        raise BadShtrihAnswer(f"no time: {hour:02}:{minute:02}:{second:02}") from error
