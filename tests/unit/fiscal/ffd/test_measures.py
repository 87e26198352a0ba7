"""Measures by code and by word, Russian and English."""

import pytest

from kkt_adapter.fiscal.ffd.measures import BY_CODE, OTHER, UNIT_TEXT_LIMIT, find_measure
from kkt_adapter.fiscal.ffd.text import fits_cp866

CODES = {0, 10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 70, 71, 72, 73, 80, 81, 82, 83, 255}


def test_the_codes_are_those_of_tag_2108():
    assert set(BY_CODE) == CODES


def test_every_text_fits_tag_1197():
    assert all(fits_cp866(m.text) and len(m.text) <= UNIT_TEXT_LIMIT for m in BY_CODE.values())


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_and_the_text_of_a_code_mean_that_code(code):
    assert find_measure(str(code)) == BY_CODE[code]
    assert find_measure(BY_CODE[code].text) == BY_CODE[code]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("шт", 0),
        ("шт.", 0),
        ("ШТ", 0),
        ("pcs", 0),
        ("piece", 0),
        ("кг", 11),
        ("kg", 11),
        ("Kilogram", 11),
        ("г", 10),
        ("т", 12),
        ("м", 22),
        ("м2", 32),
        ("м²", 32),
        ("кв.м", 32),
        ("кв. м.", 32),
        ("squareMeter", 32),
        ("м³", 42),
        ("куб.м", 42),
        ("мл", 40),
        (" л ", 41),
        ("litre", 41),
        ("кВт·ч", 50),
        ("kilowattHour", 50),
        ("gkal", 51),
        ("час", 71),
        ("мин.", 72),
        ("с", 73),
        ("МБ", 81),
        ("otherUnits", OTHER),
    ],
)
def test_words_of_tills(word, code):
    measure = find_measure(word)
    assert measure is not None
    assert (measure.code, measure.known) == (code, True)


@pytest.mark.parametrize("word", ["упак", "коробка", "pair", "м4"])
def test_another_word_is_the_other_measure_under_its_own_name(word):
    measure = find_measure(word)
    assert measure is not None
    assert (measure.code, measure.text, measure.known) == (OTHER, word, False)


@pytest.mark.parametrize("word", ["", "   ", "1", "13", "796", "0011", "х" * 17])
def test_a_number_that_is_no_code_and_a_sentence_are_no_measure(word):
    assert find_measure(word) is None
