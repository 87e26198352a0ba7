"""``kkt-adapter cash``: cash put in and taken out that registers have not counted yet, or perhaps have."""

from typing import TYPE_CHECKING, Annotated

import typer

from kkt_adapter.cli.client import AsJson, Token, Url, open_service
from kkt_adapter.cli.evidence import Reason, Yes, asks
from kkt_adapter.cli.screen import json_line, line, moment, plain, table
from kkt_adapter.cli.texts import say

if TYPE_CHECKING:
    from kkt_adapter.client.models.bodies import ResolveCashBody

cash_app = typer.Typer(
    name="cash", help="Cash put in and taken out: what waits, what a person settles.", no_args_is_help=True
)


@cash_app.command("list")
def list_cash(
    pos: Annotated[str | None, typer.Option("--pos", help="Of this till (pos_id) alone.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """What waits for an open shift, is being sent, or is unclear; what is done is not listed."""
    with open_service(url, token) as service:
        found = service.sessions.cash_at_registers(pos_id=pos)
    if as_json:
        json_line(found)
        return
    if not found["movements"]:
        line(say("Nothing waits: the registers have booked it all.", "Ничего не ждёт: кассы провели всё."))
        return
    states = {
        "waiting": say("waits for an open shift", "ждёт открытой смены"),
        "sent": say("being sent", "отправляется"),
        "unclear": say("unclear: settle it", "неясно: нужно решение"),
    }
    kinds = {"cash_in": say("put in", "внесение"), "cash_out": say("taken out", "изъятие")}
    heads = ("No.", "register", "till", "what", "amount", "time", "reason", "state")
    russian = ("№", "ККТ", "касса", "что", "сумма", "время", "причина", "состояние")
    table(
        [say(*pair) for pair in zip(heads, russian, strict=True)],
        [
            (
                one["movement"],
                one["register_id"],
                one["pos_id"],
                kinds[one["type"]],
                one["amount"],
                moment(one["created_at"]),
                one["reason"],
                states[one["state"]],
            )
            for one in found["movements"]
        ],
    )


@cash_app.command("resolve")
def resolve(
    movement: Annotated[int, typer.Argument(min=1, metavar="NUMBER", help="As `cash list` shows it.")],
    reason: Reason,
    done: Annotated[
        bool, typer.Option("--done", help="The register has done it: its slip is there.")
    ] = False,
    send_again: Annotated[
        bool, typer.Option("--send-again", help="The register has not done it: it is sent once more.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Settle one that is unclear, after a look at the register's tape. Sales do not wait for it."""
    if done == send_again:
        raise typer.BadParameter("say either --done or --send-again", param_hint="--done")
    body: ResolveCashBody = {"action": "done" if done else "send_again", "reason": reason}
    if asks(yes):
        typer.confirm(
            say("Has the register done it", "Касса это провела")
            if done
            else say("Send it once more", "Отправить ещё раз"),
            abort=True,
            err=True,
        )
    with open_service(url, token) as service:
        settled = service.sessions.resolve_cash(movement, body)
    if as_json:
        json_line(settled)
    else:
        line(f"{settled['movement']}: {settled['action']}, {plain(settled['reason'])}")
