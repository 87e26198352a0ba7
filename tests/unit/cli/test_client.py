"""Where the service is, and how its refusals read."""

import pytest
import typer

from kkt_adapter.cli.client import problem_lines, service_url


@pytest.mark.parametrize(
    ("url", "environment", "address"),
    [
        (None, {}, "http://127.0.0.1:8000"),
        (None, {"KKT_PORT": "9000"}, "http://127.0.0.1:9000"),
        (None, {"KKT_HOST": "10.0.0.5", "KKT_PORT": ""}, "http://10.0.0.5:8000"),
        (None, {"KKT_HOST": "0.0.0.0"}, "http://127.0.0.1:8000"),  # listens everywhere, called here
        (None, {"KKT_HOST": "::"}, "http://[::1]:8000"),
        (None, {"KKT_HOST": "fe80::1"}, "http://[fe80::1]:8000"),
        ("https://till.example/", {"KKT_PORT": "9000"}, "https://till.example"),
        ("http://[::1]:81", {}, "http://[::1]:81"),
    ],
)
def test_the_address_comes_from_the_option_then_the_environment(
    url: str | None, environment: dict[str, str], address: str
) -> None:
    assert service_url(url, environment) == address


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://till", "http://", "http://till:99999", "http://till:0"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(typer.BadParameter):
        service_url(url, {})


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def test_a_refusal_names_every_field_and_its_remedy() -> None:
    problem = {
        "detail": "must be above zero (and 1 more)",
        "code": "VALIDATION_ERROR",
        "errors": [
            {"field": "items.0.price", "message": "must be above zero", "code": "not_positive"},
            {"field": "pos_id", "message": "is unknown", "code": "unknown_till", "remedy": "Add it."},
        ],
    }
    assert problem_lines(problem, status=422, has_token=False) == [
        "must be above zero (and 1 more) [VALIDATION_ERROR]",
        "  items.0.price: must be above zero",
        "  pos_id: is unknown. Add it.",
    ]


def test_a_missing_token_is_asked_for() -> None:
    problem = {"detail": "Not signed in", "code": "UNAUTHORIZED"}
    assert problem_lines(problem, status=401, has_token=False)[1:] == [
        "Give a token with --token or KKT_TOKEN."
    ]
    assert problem_lines(problem, status=401, has_token=True)[1:] == ["The token given does not hold."]


def test_a_failure_of_the_service_points_to_the_log() -> None:
    problem = {"title": "Internal error", "code": "INTERNAL", "id": "e7"}
    assert problem_lines(problem, status=500, has_token=True) == [
        "Internal error [INTERNAL]",
        "In the log: e7",
    ]
