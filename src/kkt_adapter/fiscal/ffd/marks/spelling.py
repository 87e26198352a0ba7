"""From what a scanner or a till sent to a plain code: every harmless spelling, and nothing that is a guess.

A spelling is undone only where the result passes the whole grammar. Two different results are refused.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from kkt_adapter.fiscal.ffd.marks.damage import Damaged, two_readings, wrong_shape
from kkt_adapter.fiscal.ffd.marks.grammar import GS, MARK_CODE_LIMIT, MarkKind, ParsedMark, parse
from kkt_adapter.kernel.errors import Text

RAW_LIMIT: Final = 1024
"""Characters of a code as sent: 256 in base64, or every separator written out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkReading:
    """A code that was understood, and what was changed to understand it."""

    mark: ParsedMark
    changes: tuple[Text, ...]  # empty: the code is as it was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    code: str
    changes: tuple[Text, ...] = ()

    def then(self, code: str, change: Text) -> "_Try":
        if code == self.code:
            return self
        told = self.changes if change in self.changes else (*self.changes, change)
        return _Try(code=code, changes=told)


def read_mark(raw: str) -> MarkReading:
    """The code that ``raw`` means.

    Raises:
        Damaged: no code, a damaged one, or one that can be read in two ways.
    """
    if len(raw) > RAW_LIMIT:
        raise wrong_shape(MARK_CODE_LIMIT)
    if _CLEAN.match(raw) and GS in raw and "<GS>" not in raw.upper():
        return MarkReading(mark=parse(raw), changes=())  # the usual one: nothing in it can be undone
    sent = _Try(code=raw)
    trimmed = sent.then(raw.strip(" \t\r\n"), _SPACES)
    readings, damage = [], None
    for attempt in _attempts(trimmed):
        try:
            readings.append(MarkReading(mark=parse(attempt.code), changes=attempt.changes))
        except Damaged as error:
            damage = damage or error
    known = {one.mark.code: one for one in reversed(readings) if one.mark.kind is not MarkKind.UNKNOWN}
    if len(known) > 1:
        raise two_readings(
            "The code can be read in two ways, as it is and decoded.",
            "Код можно прочитать двумя способами: как есть и после раскодирования.",
        )
    if known:
        return next(iter(known.values()))
    if damage is not None:
        raise damage
    return readings[0]


_CLEAN = re.compile(rf"01[0-9]{{14}}21(?:{GS}?[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z])+\Z")


def _attempts(trimmed: _Try) -> Iterator[_Try]:
    """As it is first, so that its fault is the one that is told."""
    mapped = _from_layout(trimmed)
    if mapped is not None:
        typed = [one for one in _plain(mapped) if _passes(one) or _HEAD.match(one.code)]
        if typed:
            yield from typed
            return
    yield from _plain(trimmed)
    decoded = _from_base64(trimmed)
    if decoded is not None:
        yield from (one for one in _plain(decoded) if _passes(one) or _HEAD.match(one.code))


def _passes(attempt: _Try) -> bool:
    try:
        return parse(attempt.code).kind not in (MarkKind.UNKNOWN, MarkKind.BARCODE)
    except Damaged:
        return False


_WRITTEN_GS = re.compile(r"\\+u001d|\\+x1d|\{GS\}|<GS>|\[GS\]|\^\]|\u241d|\u00e8", re.IGNORECASE)
_PREFIX = re.compile(rf"\A(?:\][CdQe][0-3]|{GS})+")
_FNC1_AS_LETTER = re.compile("\\A[\u0438\u0448](?=01[0-9]{14})")  # byte E8 read as CP1251 or CP866
_NEXT_PART = r"(?:9[0-9]|8005|8008|7003|10|1[1-35-7]|20|24[0-3]|30|37|3[1-69][0-9]{2})"
_HEAD = re.compile(r"(?P<one>\(01\)|01) *(?P<gtin>[0-9]{14}) *(?P<two>\(21\)|21) *(?=[^ ])")
_SPACE = re.compile(rf" +(?={_NEXT_PART})")
_BRACKET = re.compile(rf"[ {GS}]*\((?P<part>{_NEXT_PART})\) *")
_MOST_BRACKETS = 6  # of a printed code; with more every combination is not tried
_ANY_SEPARATOR = re.compile(rf"{GS}{{2,}}")


def _plain(attempt: _Try) -> Iterator[_Try]:
    """The attempt with separators as GS and nothing before the code; several where brackets allow it."""
    written = attempt.then(_WRITTEN_GS.sub(GS, attempt.code), _SEPARATORS)
    bare = written.then(_FNC1_AS_LETTER.sub("", written.code, count=1), _FNC1)
    bare = bare.then(_PREFIX.sub("", bare.code, count=1), _FNC1)
    head = _HEAD.match(bare.code)
    if head is None:
        yield bare.then(bare.code.rstrip(GS), _SEPARATORS)
        return
    rest = bare.code[head.end() :]
    joined = bare.then(f"01{head['gtin']}21{rest}", _BRACKETS if "(" in head[0] else _SPACES_INSIDE)
    if "(" not in head[0]:
        yield _tidy(joined)
        return
    yield from _unbracketed(joined, joined.code[:18], rest)


def _unbracketed(attempt: _Try, head: str, rest: str) -> Iterator[_Try]:
    """The printed form: a bracket is a border where everything then fits, else it belongs to the serial."""
    borders = list(_BRACKET.finditer(rest))
    whole = _tidy(attempt.then(head + _split(rest, borders), _BRACKETS))
    if _passes(whole) or not 1 < len(borders) <= _MOST_BRACKETS:
        yield whole
        return
    fewer = (c for size in range(len(borders) - 1, 0, -1) for c in combinations(borders, size))
    fitting = [
        one
        for some in fewer
        if _passes(one := _tidy(attempt.then(head + _split(rest, list(some)), _BRACKETS)))
    ]
    yield from fitting or [whole]


def _split(rest: str, borders: list[re.Match[str]]) -> str:
    out, at = [], 0
    for border in borders:
        out += [rest[at : border.start()], GS, border["part"]]
        at = border.end()
    return "".join([*out, rest[at:]])


def _tidy(attempt: _Try) -> _Try:
    """Spaces before a known part are separators; a doubled or a last separator says nothing."""
    spaced = attempt.then(_SPACE.sub(GS, attempt.code), _SEPARATORS)
    single = spaced.then(_ANY_SEPARATOR.sub(GS, spaced.code), _SEPARATORS)
    return single.then(single.code.rstrip(GS), _SEPARATORS)


_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}\Z")
_CYRILLIC = re.compile("[\u0400-\u04ff№]")
_LATIN = re.compile("[A-Za-z]")
_SHORTEST_IN_LAYOUT = 18  # fewer characters are a word that somebody typed

_RUSSIAN = 'ёйцукенгшщзхъфывапролджэячсмитьбю.ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"№;:?/'
_ENGLISH = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?@#$^&|"
_KEYS = str.maketrans(_RUSSIAN, _ENGLISH)
"""One key types the first character on the Russian keyboard of Windows and the second on the US one."""


def _from_layout(attempt: _Try) -> _Try | None:
    """The code as the US keyboard would have typed it; None when Latin letters say it was not all Russian."""
    if not _CYRILLIC.search(attempt.code) or len(attempt.code) < _SHORTEST_IN_LAYOUT:
        return None
    separated = _WRITTEN_GS.sub(GS, attempt.code)
    separated = re.sub(r"^\][CdQe][0-3]", GS, separated)
    if _LATIN.search(separated) or _FNC1_AS_LETTER.match(separated):
        return None
    written = attempt.then(separated, _SEPARATORS)
    return written.then(written.code.translate(_KEYS), _LAYOUT)


def _from_base64(attempt: _Try) -> _Try | None:
    text = attempt.code
    if len(text) % 4 or _BASE64.match(text) is None:
        return None
    try:
        decoded = base64.b64decode(text.translate(_URL_SAFE), validate=True).decode("latin-1")
    except binascii.Error:
        return None
    return attempt.then(decoded, _DECODED)


_URL_SAFE = str.maketrans("-_", "+/")

_SPACES = Text("spaces or line ends around it were removed", "убраны пробелы или переводы строк вокруг")
_SPACES_INSIDE = Text("spaces between its parts were removed", "убраны пробелы между частями")
_SEPARATORS = Text("separators are written as GS", "разделители записаны как GS")
_FNC1 = Text(
    "the sign of the scanner (FNC1, ]d2) in front was removed", "убран признак сканера (FNC1, ]d2) в начале"
)
_BRACKETS = Text("the brackets of the printed form were removed", "убраны скобки печатной формы")
_LAYOUT = Text(
    "letters of the Russian keyboard layout were read as English ones",
    "буквы русской раскладки прочитаны как английские",
)
_DECODED = Text("base64 was decoded", "раскодирован base64")
