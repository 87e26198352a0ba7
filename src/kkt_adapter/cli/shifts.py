"""``kkt-adapter shifts``: X and Z reports."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from kkt_adapter.cli.client import AsJson, Token, Url, open_service
from kkt_adapter.cli.screen import busy, facts, json_line, moment
from kkt_adapter.cli.texts import say

shifts_app = typer.Typer(name="shifts", help="Reports of a register's shift.", no_args_is_help=True)

Pos = Annotated[str | None, typer.Option("--pos", help="The till (pos_id); needed with several registers.")]


@shifts_app.command("x")
def x_report(pos: Pos = None, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show the shift so far; changes nothing."""
    with open_service(url, token) as service, busy(say("Asking the register", "Запрос к ККТ")):
        report = service.post("/v1/kkt/x_report", _body(pos))
    _show(report, as_json=as_json)


@shifts_app.command("z")
def z_report(
    pos: Pos = None,
    key: Annotated[
        str | None,
        typer.Option(help="Idempotency-Key: repeated with the same key, the first answer is given."),
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Close the shift."""
    with open_service(url, token) as service, busy(say("Closing the shift", "Закрытие смены")):
        report = service.post("/v1/kkt/z_report", _body(pos), key=key)
    _show(report, as_json=as_json)


def _body(pos: str | None) -> dict[str, str]:
    return {} if pos is None else {"pos_id": pos}


def _show(report: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        json_line(report)
        return
    closed = report["reportType"] == 2
    facts(
        (
            (say("shift", "смена"), report["shiftNumber"]),
            (say("time", "время"), moment(report["dateTime"])),
            (say("receipts", "чеков"), report["receiptCount"]),
            (say("sales", "продажи"), report["totalSales"]),
            (say("refunds", "возвраты"), report["totalRefunds"]),
            (say("cash", "наличными"), report["cashTotal"]),
            (say("card", "безналичными"), report["cardTotal"]),
            (say("other", "прочее"), report.get("otherTotal")),
            (say("document", "ФД"), report["fiscalDocumentNumber"]),
            (say("fiscal sign", "ФП"), report["fiscalSign"]),
        ),
        title=say("Z report: the shift is closed", "Z-отчёт: смена закрыта")
        if closed
        else say("X report", "X-отчёт"),
    )
