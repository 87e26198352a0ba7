"""Measures of quantity: code of tag 2108 (FFD 1.2) and text of tag 1197 (FFD 1.05 and 1.1).

A till may write the code or a word, Russian or English. A word that is none of ours is a measure all the
same: 255 ("other"), its text kept.

Source of the codes: order ED-7-20/662@ as restated in docs/reference/fiscal-rules.md, section Measures.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PIECES = 0
OTHER = 255
UNIT_TEXT_LIMIT = 16  # tag 1197


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    code: int  # 2108
    text: str  # 1197, at most 16 characters of CP866
    known: bool = True  # False: the word was not recognised, the code is 255


_TABLE: tuple[tuple[int, str, str], ...] = (
    # code, text of 1197, other words a till may use (without spaces and dots, lower case)
    (0, "шт", "штук штука штуки ед единица pc pcs piece pieces item items ea each unit units"),
    (10, "г", "гр грамм граммы g gr gram grams gramme"),
    (11, "кг", "килограмм килограммы kg kilo kilogram kilograms"),
    (12, "т", "тонна тонны тн t ton tons tonne"),
    (20, "см", "сантиметр cm centimeter centimetre"),
    (21, "дм", "дециметр dm decimeter decimetre"),
    (22, "м", "метр метры m meter meters metre пм погм"),
    (30, "кв. см", "см2 sqcm cm2 squarecentimeter"),
    (31, "кв. дм", "дм2 sqdm dm2 squaredecimeter"),
    (32, "кв. м", "м2 sqm m2 squaremeter"),
    (40, "мл", "миллилитр ml milliliter millilitre"),
    (41, "л", "литр литры l lt liter litre liters"),
    (42, "куб. м", "м3 cum m3 cubicmeter кубометр"),
    (50, "кВт ч", "квт·ч квт*ч kwh kilowatthour"),
    (51, "Гкал", "гигакалория gcal gkal gigacalorie"),
    (70, "сутки", "сут день дн дней day days"),
    (71, "час", "ч часы часов h hr hour hours"),
    (72, "мин", "минута минут min minute minutes"),
    (73, "с", "сек секунда секунд s sec second seconds"),
    (80, "Кбайт", "кб килобайт kb kilobyte"),
    (81, "Мбайт", "мб мегабайт mb megabyte"),
    (82, "Гбайт", "гб гигабайт gb gigabyte"),
    (83, "Тбайт", "тб терабайт tb terabyte"),
    (OTHER, "ед. изм.", "иное другое прочее other others otherunits"),
)

_NOISE = re.compile(r"[\s._]+")


def _plain(word: str) -> str:
    return _NOISE.sub("", word).lower().replace("²", "2").replace("³", "3")


BY_CODE: Mapping[int, Measure] = MappingProxyType(
    {code: Measure(code=code, text=text) for code, text, _words in _TABLE}
)

_BY_WORD: Mapping[str, Measure] = MappingProxyType(
    {
        word: BY_CODE[code]
        for code, text, words in _TABLE
        for word in (str(code), text, _plain(text), *words.split())
    }
)

IN_PIECES = BY_CODE[PIECES]


def find_measure(text: str) -> Measure | None:
    """The measure a till means; None for a number that is no code, an empty or a too long text."""
    measure = _BY_WORD.get(text)
    if measure is not None:
        return measure
    word = text.strip()
    measure = _BY_WORD.get(_plain(word))
    if measure is not None:
        return measure
    if not word or word.isdigit() or len(word) > UNIT_TEXT_LIMIT:
        return None
    return Measure(code=OTHER, text=word, known=False)
