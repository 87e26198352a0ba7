"""Which language an answer is written in."""

import pytest

from kkt_adapter.api.language import preferred


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("RU-ru,en;q=0.9", "ru"),
        ("en,ru", "en"),  # equal weight: the order they are written in
        ("ru,en", "ru"),
        ("en;q=0.5, ru;q=0.8", "ru"),
        ("en-US,en;q=0.9,ru;q=0.8", "en"),
        ("ru;q=0", "en"),  # explicitly not this one
        ("de,fr;q=0.9", "en"),
        ("de, ru;q=0.1", "ru"),  # the only one of ours
        ("*", "en"),
        ("ru;q=high", "en"),
        ("ru;q=2", "en"),
        (";;;,,,q=1", "en"),
        ("ru" + "," * 5000, "ru"),
    ],
)
def test_the_reader_gets_the_preferred_one_of_two_languages(header: str | None, language: str) -> None:
    assert preferred(header) == language
