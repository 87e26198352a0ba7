"""Text that fits CP866."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.ffd.text import fits_cp866, to_cp866


@pytest.mark.parametrize(
    ("text", "fitted"),
    [
        ("Молоко «Домик»", 'Молоко "Домик"'),
        ("„Ёлка“ и ’’", "\"Ёлка\" и ''"),
        ("5–7 лет — да", "5-7 лет - да"),
        ("минус−один", "минус-один"),
        ("Скидка 5 ₽", "Скидка 5 руб."),
        ("и так далее…", "и так далее..."),
        ("2×2", "2x2"),
        ("Кофе ☕", "Кофе ?"),
        ("☕\ufe0f", "?"),  # the variation selector is no character of its own
        ("½ кг", "? кг"),
        ("日本", "??"),
        ("café", "caf?"),
        ("и\u0306од", "йод"),  # й as two characters, as some systems send it
        ("мяг\u00adкий\u200b", "мягкий"),  # soft hyphen, zero width space
        ("раз\u00a0два\u2009три", "раз два три"),
        ("строка\nдругая\tтретья", "строка другая третья"),
        ("№ 5", "№ 5"),  # in CP866 already
        ("ЁёЇїЎў°·√", "ЁёЇїЎў°·√"),
    ],
)
def test_the_nearest_text(text, fitted):
    assert to_cp866(text) == fitted
    assert fits_cp866(text) is (text == fitted)


def test_all_russian_letters_fit():
    letters = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"
    assert fits_cp866(letters + letters.lower())


@given(st.text())
def test_the_result_always_fits_and_stays_as_it_is(text):
    fitted = to_cp866(text)
    assert fits_cp866(fitted)
    assert to_cp866(fitted) == fitted


@given(st.text())
def test_what_fits_is_not_touched(text):
    if fits_cp866(text):
        assert to_cp866(text) == text
