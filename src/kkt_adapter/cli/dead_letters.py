"""``kkt-adapter dead-letters``: what the operator would not take, until a person acts."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from kkt_adapter.cli.client import AsJson, Token, Url, open_service, pages
from kkt_adapter.cli.screen import complain, facts, json_line, line, moment, table
from kkt_adapter.cli.texts import say

dead_letters_app = typer.Typer(
    name="dead-letters", help="Receipts that could not be delivered.", no_args_is_help=True
)

LetterId = Annotated[int, typer.Argument(metavar="ID", min=1, help="As shown by the list.")]

_Json = Mapping[str, Any]


@dead_letters_app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List dead letters, newest first, open and closed."""
    with open_service(url, token) as service:
        page = pages(
            lambda most, cursor: service.dead_letters.list_dead_letters(limit=most, cursor=cursor),
            limit=limit,
        )
    if as_json:
        json_line(page)
        return
    table(
        (
            "id",
            say("failed", "отказ"),
            say("receipt", "чек"),
            say("reason", "причина"),
            say("attempts", "попыток"),
            say("last error", "последняя ошибка"),
            say("closed", "закрыт"),
        ),
        (
            (
                letter["id"],
                moment(letter["failed_at"]),
                letter["original_receipt_id"],
                letter["reason"],
                letter["retry_attempts"],
                letter["last_error"],
                _closed(letter),
            )
            for letter in page["items"]
        ),
    )
    if page["next_cursor"]:
        complain(say("There are more: raise --limit.", "Показаны не все: увеличьте --limit."))


@dead_letters_app.command("show")
def show(letter_id: LetterId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show one dead letter with the trail of its attempts."""
    with open_service(url, token) as service:
        letter = service.dead_letters.dead_letter(letter_id)
    if as_json:
        json_line(letter)
        return
    document: _Json = letter.get("fiscal_doc") or {}
    facts(
        (
            ("id", letter["id"]),
            (say("receipt", "чек"), letter["original_receipt_id"]),
            (say("drive", "ФН"), document.get("fn_number")),
            (say("document", "ФД"), document.get("fiscal_doc_number")),
            (say("failed", "отказ"), moment(letter["failed_at"])),
            (say("reason", "причина"), letter["reason"]),
            (say("attempts", "попыток"), letter["retry_attempts"]),
            (say("last error", "последняя ошибка"), letter["last_error"]),
            (say("closed", "закрыт"), _closed(letter)),
            (say("closed by", "кем закрыт"), letter["resolved_by"]),
            (say("note", "примечание"), letter["note"]),
        )
    )
    if attempts := letter.get("attempts"):
        table(
            (
                say("began", "начало"),
                say("ended", "конец"),
                say("outcome", "исход"),
                say("error", "ошибка"),
            ),
            ((moment(a["started_at"]), moment(a["ended_at"]), a["outcome"], a["error"]) for a in attempts),
            title=say("Attempts", "Попытки"),
        )


@dead_letters_app.command("retry")
def retry(letter_id: LetterId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Put its receipt back into the queue with a fresh count of attempts."""
    with open_service(url, token) as service:
        letter = service.dead_letters.retry(letter_id)
    _after(letter, as_json=as_json)


@dead_letters_app.command("resolve")
def resolve(
    letter_id: LetterId,
    note: Annotated[str, typer.Option(help="Why nothing more has to be sent; kept in the audit trail.")],
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Close it by hand; its receipt stays failed."""
    with open_service(url, token) as service:
        letter = service.dead_letters.resolve(letter_id, {"note": note})
    _after(letter, as_json=as_json)


def _after(letter: _Json, *, as_json: bool) -> None:
    if as_json:
        json_line(letter)
    else:
        line(f"{letter['id']}: {letter.get('resolution') or say('closed', 'закрыт')}")


def _closed(letter: _Json) -> str:
    if letter["resolved_at"] is None:
        return ""
    how = letter.get("resolution")
    return f"{moment(letter['resolved_at'])} {how}" if how else moment(letter["resolved_at"])
