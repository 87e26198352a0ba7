"""``kkt-adapter shifts``: open a shift, X and Z reports, settle unknown outcomes of both."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kkt_adapter.cli.client import AsJson, Token, Url, open_service
from kkt_adapter.cli.evidence import Adopt, QuestionVersion, Reason, Yes, asks, show_question
from kkt_adapter.cli.screen import busy, complain, facts, json_line, line, moment
from kkt_adapter.cli.texts import say

if TYPE_CHECKING:
    from kkt_adapter.client import Client
    from kkt_adapter.client.models.bodies import ReportBody, ResolveReportBody

shifts_app = typer.Typer(
    name="shifts", help="A register's shift: open it, report, close it.", no_args_is_help=True
)

Pos = Annotated[str | None, typer.Option("--pos", help="The till (pos_id); needed with several registers.")]
Key = Annotated[
    str | None,
    typer.Option(help="Idempotency-Key: repeated with the same key, the first answer is given."),
]


@shifts_app.command("open")
def open_shift(
    pos: Pos = None, key: Key = None, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Open the shift. Registers with automatic_shift on do it with their first receipt."""
    with open_service(url, token) as service, busy(say("Opening the shift", "Открытие смены")):
        opened = service.register.open_shift(_body(pos), key=key)
    if as_json:
        json_line(opened)
        return
    facts(
        (
            (say("shift", "смена"), opened["shiftNumber"]),
            (say("time", "время"), moment(opened["dateTime"])),
            (say("document", "ФД"), opened["fiscalDocumentNumber"]),
            (say("fiscal sign", "ФП"), opened["fiscalSign"]),
        ),
        title=say("The shift is open", "Смена открыта"),
    )


@shifts_app.command("x")
def x_report(pos: Pos = None, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show the shift so far; changes nothing."""
    with open_service(url, token) as service, busy(say("Asking the register", "Запрос к ККТ")):
        report = service.register.x_report(_body(pos))
    _show(report, as_json=as_json)


@shifts_app.command("z")
def z_report(
    pos: Pos = None, key: Key = None, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Close the shift."""
    with open_service(url, token) as service, busy(say("Closing the shift", "Закрытие смены")):
        report = service.register.z_report(_body(pos), key=key)
    _show(report, as_json=as_json)


@shifts_app.command("resolve")
def resolve(
    reason: Reason,
    adopt: Adopt = None,
    do_again: Annotated[
        bool, typer.Option("--do-again", help="The register did not make it: it may be made again.")
    ] = False,
    pos: Pos = None,
    question: QuestionVersion = None,
    yes: Yes = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Settle a shift opening or a Z report whose outcome is unknown, after a look at the register's tape.

    On a terminal the register's evidence is shown and the decision is asked for once more.
    """
    if (adopt is None) != do_again:
        raise typer.BadParameter("say either --adopt N or --do-again", param_hint="--adopt")
    body: ResolveReportBody = {"action": "do_again", "reason": reason}
    if adopt is not None:
        body = {"action": "adopt", "reason": reason, "fiscal_doc_number": adopt}
    if pos is not None:
        body["pos_id"] = pos
    with open_service(url, token) as service:
        if asks(yes):
            shown = _show_evidence(service, pos)
            question = question or shown
            typer.confirm(_question(adopt), abort=True, err=True)
        if question is not None:
            body["question_version"] = question
        settled = service.register.resolve_report(body)
    if as_json:
        json_line(settled)
    else:
        line(f"{settled['register_id']}: {settled['what']}, {settled['action']} {adopt or ''}".rstrip())


def _show_evidence(service: "Client", pos: str | None) -> str | None:
    """The version of the question, if there is one of one register only."""
    asked = [r for r in service.register.status(pos_id=pos)["registers"] if r.get("question")]
    versions = [show_question(register) for register in asked]
    if not asked:
        complain(say("No register asks for a decision.", "Ни одна ККТ не ждёт решения."))
    return versions[0] if len(versions) == 1 else None


def _question(adopt: int | None) -> str:
    if adopt is None:
        return say("May the register make it again", "Разрешить ККТ сделать это заново")
    return say(f"Take document {adopt} for this report", f"Считать ФД № {adopt} этим отчётом")


def _body(pos: str | None) -> "ReportBody":
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
