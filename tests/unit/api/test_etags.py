import pytest

from kkt_adapter.api.etags import is_anything, matches

TAG = '"r12-ab"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ('"r12-ab"', True),
        ('W/"r12-ab"', True),
        ('"other", "r12-ab"', True),
        ('"a,b" , W/"r12-ab"', True),
        ("*", False),
        ('"other"', False),
        ("r12-ab", False),
        ('"r12-a"', False),
        ('"xr12-ab"', False),
        ('"*"', False),
    ],
)
def test_a_header_names_the_tag_or_not(header: str | None, expected: bool) -> None:
    assert matches(header, TAG) is expected


def test_a_weak_tag_of_ours_is_compared_weakly() -> None:
    assert matches('"r12-ab"', 'W/"r12-ab"')
    assert matches('W/"r12-ab"', 'W/"r12-ab"')


@pytest.mark.parametrize(("header", "expected"), [("*", True), (" * ", True), (None, False), ('"*"', False)])
def test_a_star_is_no_tag(header: str | None, expected: bool) -> None:
    assert is_anything(header) is expected
