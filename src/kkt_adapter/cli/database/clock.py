"""``kkt-adapter clock``: may the host's clock be believed, and a person's word that it may."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from kkt_adapter.cli.client import AsJson, Token, Url, open_service
from kkt_adapter.cli.screen import facts, json_line, moment, table
from kkt_adapter.cli.texts import say

clock_app = typer.Typer(name="clock", help="May the host's clock be believed.", no_args_is_help=True)


@clock_app.command("show")
def show(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """What the clock shows, why it is doubted, and what other clocks say."""
    with open_service(url, token) as service:
        report = service.clock.show()
    _show(report, as_json=as_json)


@clock_app.command("confirm")
def confirm(
    reason: Annotated[str, typer.Option("--reason", help="How you know; kept in the audit trail.")],
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Say that the host's clock is right: what was postponed because of it goes on."""
    with open_service(url, token) as service:
        report = service.clock.confirm({"reason": reason})
    _show(report, as_json=as_json)


def _show(report: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        json_line(report)
        return
    believed = say("believed", "верны") if report["believed"] else say("doubted", "под сомнением")
    facts(
        (
            (say("clock", "часы"), moment(report["now"])),
            (say("state", "состояние"), believed),
            (say("why", "почему"), say(report["reason"] or "", report["reason_ru"] or "")),
            (say("last believed", "были верны"), moment(report["believed_at"])),
            (say("confirmed", "подтверждены"), moment(report["confirmed_at"])),
        ),
        title=say("The host's clock", "Часы компьютера"),
    )
    if report["witnesses"]:
        table(
            (say("witness", "свидетель"), say("apart, s", "расхождение, с")),
            ((one["witness"], one["apart_s"]) for one in report["witnesses"]),
        )
