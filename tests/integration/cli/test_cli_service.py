"""What all commands that talk to the service share: credentials, language, refusals, no service."""

import pytest
import typer
from tests.support.cli import RECEIPT, RECEIPT_ID, StandIn, call, page, run, stand_in

from kkt_adapter.cli.program import app


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(("--token", "kkt_secret"), {}), ((), {"KKT_TOKEN": "kkt_secret"}), ((), {"KKT_TOKEN": "kkt_secret\n"})],
    ids=str,
)
def test_the_token_travels_as_bearer(
    service: StandIn, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    service.answer("GET", "/v1/kkt/dlq", page())
    call(service, "dead-letters", "list", *arguments, **environment)
    assert service.last.headers["authorization"] == "Bearer kkt_secret"


def test_without_a_token_nothing_is_claimed(service: StandIn) -> None:
    service.answer("GET", "/v1/kkt/dlq", page())
    call(service, "dead-letters", "list", KKT_TOKEN="")
    assert "authorization" not in service.last.headers


@pytest.mark.parametrize(("locale", "language"), [("ru_RU.UTF-8", "ru"), ("C.UTF-8", "en")])
def test_refusals_are_asked_for_in_the_language_of_the_terminal(
    service: StandIn, locale: str, language: str
) -> None:
    call(service, "dead-letters", "list", LANG=locale)
    assert service.last.headers["accept-language"] == language


def test_a_refusal_is_one_line_and_exit_code_1(service: StandIn) -> None:
    problem = {"detail": "Этот чек уже напечатан.", "code": "CONFLICT", "id": "e7", "status": 409}
    service.answer("POST", f"{RECEIPT}/reprint", problem, status=409)
    result = call(service, "receipts", "reprint", RECEIPT_ID, LANG="ru_RU.UTF-8")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "Этот чек уже напечатан. [CONFLICT]\n")


def test_no_service_is_exit_code_2_and_says_how_to_start_it() -> None:
    with stand_in() as gone:
        url = gone.url
    result = run(app, "receipts", "list", "--url", url)
    assert result.exit_code == 2
    assert f"The service is not running at {url}. Start it with: kkt-adapter serve" in result.stderr
    assert "не работает по адресу" in run(app, "sync", "--url", url, LC_ALL="ru_RU.UTF-8").stderr


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"<html>another server</html>"),
        (302, "text/html", b""),
        (404, "text/html", b"<html>not found</html>"),
        (500, "application/problem+json", b"not json"),
    ],
)
def test_another_server_at_the_address_is_told_from_ours(
    service: StandIn, status: int, kind: str, body: bytes
) -> None:
    service.answer_raw("GET", "/v1/kkt/dlq", status=status, kind=kind, body=body)
    result = call(service, "dead-letters", "list")
    assert result.exit_code == 2
    assert "is not kkt-adapter" in result.stderr


def test_an_impossible_address_is_a_wrong_option() -> None:
    result = run(app, "sync", "--url", "till-7")
    assert result.exit_code == 2
    assert "--url" in result.stderr


def test_an_answer_that_never_comes_ends_the_command(
    service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kkt_adapter.cli.client.ANSWER_WITHIN_S", 0.2)
    service.delay_s = 0.6
    result = call(service, "sync")
    assert result.exit_code == 2
    assert "may still be done" in result.stderr


def test_the_groups_stand_alone_too(service: StandIn) -> None:
    from kkt_adapter.cli.dead_letters import dead_letters_app

    assert isinstance(dead_letters_app, typer.Typer)
    service.answer("GET", "/v1/kkt/dlq", page())
    assert run(dead_letters_app, "list", "--url", service.url).exit_code == 0
