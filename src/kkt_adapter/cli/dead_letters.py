"""``kkt-adapter dead-letters``: what the operator would not take, until a person acts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from kkt_adapter.cli.client import REFUSED, AsJson, Token, Url, open_service, pages
from kkt_adapter.cli.screen import complain, facts, json_line, line, moment, table
from kkt_adapter.cli.texts import say
from kkt_adapter.fiscal.lifecycle import LetterOutcome

dead_letters_app = typer.Typer(
    name="dead-letters", help="Receipts that could not be delivered.", no_args_is_help=True
)

LetterId = Annotated[int, typer.Argument(metavar="ID", min=1, help="As shown by the list.")]

Note = Annotated[str, typer.Option(help="Why nothing more has to be sent; kept in the audit trail.")]
Why = Annotated[str | None, typer.Option("--note", help="Why; kept with each of them and its event.")]
Outcome = Annotated[
    LetterOutcome,
    typer.Option(
        help="What became of it: delivered_otherwise (the operator has it, a refund is free) or written_off "
        "(it does not, a refund needs a reason)."
    ),
]
Expected = Annotated[
    int | None,
    typer.Option(
        "--expect",
        metavar="N",
        min=0,
        show_default=False,
        help="So many open letters fit; nothing is done when it is another number.",
    ),
]
Register = Annotated[str | None, typer.Option(show_default=False, help="Of this register only.")]
Pos = Annotated[str | None, typer.Option(show_default=False, help="Of this till only (pos_id).")]
Error = Annotated[str | None, typer.Option(show_default=False, help="With this in the last error.")]
Since = Annotated[datetime | None, typer.Option(show_default=False, help="Failed from then on; local time.")]
Until = Annotated[datetime | None, typer.Option(show_default=False, help="Failed before; local time.")]

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
            (say("outcome", "исход"), letter.get("outcome")),
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
    note: Note,
    outcome: Outcome,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Close it by hand; its receipt stays failed."""
    with open_service(url, token) as service:
        letter = service.dead_letters.resolve(letter_id, {"note": note, "outcome": outcome.value})
    _after(letter, as_json=as_json)


@dead_letters_app.command("retry-many")
def retry_many(
    expected: Expected = None,
    register: Register = None,
    pos: Pos = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    note: Why = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Put the receipts of all open letters that fit back into the queue; without --expect only count them."""
    wanted = _filter(register, pos, error, since, until)
    with open_service(url, token) as service:

        def ask(n: int) -> Any:
            if note is None:
                return service.dead_letters.retry_many({"filter": wanted, "expected_count": n})
            return service.dead_letters.retry_many({"filter": wanted, "expected_count": n, "note": note})

        _many(ask, expected, as_json=as_json)


@dead_letters_app.command("resolve-many")
def resolve_many(
    note: Note,
    outcome: Outcome,
    expected: Expected = None,
    register: Register = None,
    pos: Pos = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Close all open letters that fit by hand; without --expect only count them."""
    wanted = _filter(register, pos, error, since, until)
    with open_service(url, token) as service:
        _many(
            lambda n: service.dead_letters.resolve_many(
                {"filter": wanted, "expected_count": n, "note": note, "outcome": outcome.value}
            ),
            expected,
            as_json=as_json,
        )


def _filter(
    register: str | None, pos: str | None, error: str | None, since: datetime | None, until: datetime | None
) -> dict[str, Any]:
    said = {
        "register_id": register,
        "pos_id": pos,
        "error": error,
        "failed_since": None if since is None else since.astimezone().isoformat(),
        "failed_until": None if until is None else until.astimezone().isoformat(),
    }
    return {name: value for name, value in said.items() if value is not None}


def _many(call: Callable[[int], Any], expected: int | None, *, as_json: bool) -> None:
    """Without ``expected`` the service is asked for none, which does nothing and tells how many there are."""
    from kkt_adapter.client import ApiError

    try:
        done = call(expected or 0)
    except ApiError as refused:
        n = refused.problem.get("count")
        if expected is not None or n is None:
            raise
        complain(
            say(
                f"{n} open letters fit: repeat with --expect {n}.",
                f"Подходит: {n}. Повторите с --expect {n}.",
            )
        )
        raise typer.Exit(REFUSED) from refused
    if as_json:
        json_line(done)
        return
    n, passed = done["done"], done["skipped"]
    line(say(f"{n} done, {passed} closed by others", f"готово {n}, закрыто другими {passed}"))


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
