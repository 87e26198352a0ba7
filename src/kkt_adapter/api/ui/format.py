"""Numbers, sums and times as a reader of either language writes them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

THIN = "\N{NARROW NO-BREAK SPACE}"
NO_BREAK = "\N{NO-BREAK SPACE}"
_UNITS_EN = ("d", "h", "min", "s")
_UNITS_RU = ("д", "ч", "мин", "с")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """``now`` is aware; ages are reckoned from it. ``home``: the zone of times that name no other."""

    english: bool
    now: datetime
    home: tzinfo = UTC

    def number(self, value: float | None, digits: int = 0) -> str:
        if value is None:
            return "—"
        text = f"{value:,.{digits}f}"
        if self.english:
            return text
        return text.replace(",", THIN).replace(".", ",")

    def money(self, kop: int | None) -> str:
        """Kopecks as rubles, with both digits behind the point."""
        if kop is None:
            return "—"
        sign, whole, rest = "−" if kop < 0 else "", abs(kop) // 100, abs(kop) % 100
        grouped = f"{whole:,}" if self.english else f"{whole:,}".replace(",", THIN)
        return f"{sign}{grouped}{'.' if self.english else ','}{rest:02d}{NO_BREAK}₽"

    def moment(self, at: datetime | None, zone: tzinfo | None = None) -> str:
        """``at`` is aware."""
        return self.wall(None if at is None else at.astimezone(zone or self.home))

    def wall(self, at: datetime | None) -> str:
        """Of a wall clock: today the time alone."""
        if at is None:
            return "—"
        now = self.now.astimezone(at.tzinfo) if at.tzinfo else self.now
        if at.date() == now.date():
            return at.strftime("%H:%M:%S")
        day = at.strftime("%d %b").lstrip("0") if self.english else at.strftime("%d.%m")
        year = "" if at.year == now.year else at.strftime(" %Y" if self.english else ".%Y")
        return f"{day}{year} {at:%H:%M:%S}"

    def day(self, at: datetime | date | None, zone: tzinfo | None = None) -> str:
        if at is None:
            return "—"
        local = at.astimezone(zone or self.home) if isinstance(at, datetime) and at.tzinfo else at
        return local.strftime("%d %b %Y" if self.english else "%d.%m.%Y")

    def exact(self, at: datetime | None, zone: tzinfo | None = None) -> str:
        """For a tooltip: day, time to the millisecond, offset."""
        if at is None:
            return ""
        local = at.astimezone(zone or self.home)
        return local.isoformat(sep=" ", timespec="milliseconds")

    def zone(self, zone: tzinfo | None = None) -> str:
        """UTC+3, as of now."""
        offset = self.now.astimezone(zone or self.home).utcoffset() or timedelta()
        minutes = round(offset.total_seconds() / 60)
        sign = "−" if minutes < 0 else "+"
        hours, rest = divmod(abs(minutes), 60)
        return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")

    def duration(self, seconds: float | None) -> str:
        """The two largest parts; below a second in milliseconds."""
        if seconds is None:
            return "—"
        if abs(seconds) < 1:
            return f"{seconds * 1000:.0f}{NO_BREAK}{'ms' if self.english else 'мс'}"
        if abs(seconds) < 10:
            return f"{self.number(seconds, 1)}{NO_BREAK}{(_UNITS_EN if self.english else _UNITS_RU)[3]}"
        whole = round(abs(seconds))
        parts = (whole // 86_400, whole // 3600 % 24, whole // 60 % 60, whole % 60)
        units = _UNITS_EN if self.english else _UNITS_RU
        first = next(i for i, part in enumerate(parts) if part)
        shown = [
            f"{part}{NO_BREAK}{unit}"
            for part, unit in list(zip(parts, units, strict=True))[first : first + 2]
            if part
        ]
        return ("−" if seconds < 0 else "") + " ".join(shown)

    def ago(self, at: datetime | None) -> str:
        """How long before now; nothing is in the future, clocks differ by a little."""
        return "—" if at is None else self.duration(max(0.0, (self.now - at).total_seconds()))

    def short(self, text: str | None, characters: int = 8) -> str:
        """The beginning of an id."""
        if not text:
            return "—"
        return text if len(text) <= characters else f"{text[:characters]}…"
