"""Which form and which language of an answer a client would rather have."""

import pytest

from kkt_adapter.api.negotiation import preferred, preferred_form

FORMS = ("text/plain", "text/html", "application/pdf")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/html", "text/html"),
        ("text/html, text/plain", "text/html"),
        ("text/plain, text/html", "text/plain"),
        ("text/plain;q=0.5, text/html", "text/html"),
        ("text/html;q=0.4, text/plain;q=0.8", "text/plain"),
        ("text/html;q=0", None),
        ("text/html;q=0, */*", "text/plain"),
        ("text/plain;q=0, text/html;q=0, */*;q=0.1", "application/pdf"),
        ("application/pdf", "application/pdf"),
        ("application/pdf;q=0.9, */*;q=0.1", "application/pdf"),
        ("text/*;q=0.3, application/pdf;q=0.2", "text/plain"),
        ("TEXT/HTML ; Q=0.9 , text/plain;q=0.1", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("image/png", None),
        ("text/html;q=much", "text/html"),
        (",;,", "text/plain"),
    ],
)
def test_the_highest_q_is_chosen_and_then_the_earlier(accept: str, chosen: str | None) -> None:
    assert preferred_form(accept, FORMS) == chosen


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
