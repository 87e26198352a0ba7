"""``kkt-adapter receipts``: look at receipts, print refused ones again, settle unknown outcomes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kkt_adapter.cli.client import AsJson, Token, Url, open_service, pages
from kkt_adapter.cli.evidence import Adopt, QuestionVersion, Reason, Yes, asks, show_question
from kkt_adapter.cli.screen import complain, facts, json_line, line, moment, table
from kkt_adapter.cli.texts import say
from kkt_adapter.fiscal.lifecycle import PrintState, Status

if TYPE_CHECKING:
    from kkt_adapter.client import Client
    from kkt_adapter.client.models.receipt_bodies import ResolveReceiptBody

receipts_app = typer.Typer(name="receipts", help="Receipts of the running service.", no_args_is_help=True)

ReceiptId = Annotated[str, typer.Argument(metavar="ID", help="Id of the receipt.")]

_Json = Mapping[str, Any]


@receipts_app.command("list")
def list_receipts(
    status: Annotated[Status | None, typer.Option(help="Where it stands with the operator.")] = None,
    print_state: Annotated[PrintState | None, typer.Option(help="Where it stands with the register.")] = None,
    pos: Annotated[str | None, typer.Option(help="Of this till only (pos_id).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List receipts, newest first."""
    with open_service(url, token) as service:
        page = pages(
            lambda most, cursor: service.receipts.list_receipts(
                status=None if status is None else status.value,
                print_state=None if print_state is None else print_state.value,
                pos_id=pos,
                limit=most,
                cursor=cursor,
            ),
            limit=limit,
        )
    if as_json:
        json_line(page)
        return
    table(
        (
            say("accepted", "принят"),
            say("receipt", "чек"),
            say("till", "касса"),
            say("type", "вид"),
            say("total", "сумма"),
            say("print state", "печать"),
            say("status", "доставка"),
            say("document", "ФД"),
        ),
        (
            (
                moment(receipt["created_at"]),
                receipt["id"],
                receipt["pos_id"],
                receipt["type"],
                receipt["total"],
                receipt["print_state"],
                receipt["status"],
                (receipt["fiscal_doc"] or {}).get("fiscal_doc_number"),
            )
            for receipt in page["items"]
        ),
    )
    if page["next_cursor"]:
        complain(say("There are more: raise --limit.", "Показаны не все: увеличьте --limit."))


@receipts_app.command("show")
def show(
    receipt_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of the receipt.")] = None,
    key: Annotated[str | None, typer.Option(help="Find it by the Idempotency-Key of its POST.")] = None,
    as_json: AsJson = False,
    slip: Annotated[bool, typer.Option("--slip", help="The readable receipt, as text.")] = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Show one receipt: what was sold, what the register and the operator made of it."""
    if (receipt_id is None) == (key is None):
        raise typer.BadParameter("name a receipt by its id or with --key, not both", param_hint="ID")
    if as_json and slip:
        raise typer.BadParameter("--json and --slip exclude each other", param_hint="--slip")
    with open_service(url, token) as service:
        if slip and receipt_id is not None:
            _show_slip(service, receipt_id)
            return
        receipt = (
            service.receipts.receipt_by_key(idempotency_key=str(key))
            if receipt_id is None
            else service.receipts.receipt_by_id(receipt_id)
        )
        if slip:
            _show_slip(service, receipt["id"])
            return
    if as_json:
        json_line(receipt)
    else:
        _show(receipt)


@receipts_app.command("document")
def document(
    fn_number: Annotated[str, typer.Argument(metavar="FN", help="Number of the FN, 16 digits.")],
    fd_number: Annotated[int, typer.Argument(metavar="FD", help="Number of the document.")],
    compare: Annotated[bool, typer.Option("--compare", help="Read it from the FN too, and compare.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Show the bytes of a fiscal document, as hex for ffd decode; exit code 1 when the FN says another."""
    with open_service(url, token) as service:
        found = service.receipts.document(fn_number, fd_number, compare=compare)
    said = found.get("fn")
    same = None if said is None else said["same"]
    if as_json:
        json_line(found)
    else:
        facts(
            (
                (say("kept", "хранится с"), moment(found["kept_at"])),
                (say("read from the FN", "прочитан из ФН"), "+" if found["source"] == "fn" else ""),
                (say("ticket", "квитанция ОФД"), found["ticket"]),
                (say("document", "документ"), found["tlv"]),
            )
        )
        if compare:
            line(_comparison(same))
    if same is False:
        raise typer.Exit(1)


def _comparison(same: bool | None) -> str:
    if same is None:
        return say("The FN does not give the contents any more.", "ФН уже не отдаёт содержимое документа.")
    if same:
        return say("The FN says the same.", "В ФН тот же документ.")
    return say("The FN says something else!", "В ФН другой документ!")


@receipts_app.command("reprint")
def reprint(receipt_id: ReceiptId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Try to print a refused receipt (print_failed) again, after its cause is gone."""
    with open_service(url, token) as service:
        receipt = service.receipts.reprint(receipt_id)
    _after(receipt, as_json=as_json)


@receipts_app.command("resolve")
def resolve(
    receipt_id: ReceiptId,
    reason: Reason,
    adopt: Adopt = None,
    print_again: Annotated[
        bool, typer.Option("--print-again", help="The register did not make it: print it again.")
    ] = False,
    question: QuestionVersion = None,
    yes: Yes = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Settle a receipt whose outcome is unknown (print_unknown), after a look at the register's tape.

    On a terminal both sides' evidence is shown and the decision is asked for once more.
    """
    if (adopt is None) != print_again:
        raise typer.BadParameter("say either --adopt N or --print-again", param_hint="--adopt")
    body: ResolveReceiptBody = {"action": "print_again", "reason": reason}
    if adopt is not None:
        body = {"action": "adopt", "reason": reason, "fiscal_doc_number": adopt}
    with open_service(url, token) as service:
        if asks(yes):
            shown = _show_evidence(service, receipt_id)
            question = question or shown
            _confirm(adopt)
        if question is not None:
            body["question_version"] = question
        receipt = service.receipts.resolve(receipt_id, body)
    _after(receipt, as_json=as_json)


def _after(receipt: _Json, *, as_json: bool) -> None:
    if as_json:
        json_line(receipt)
        return
    number = (receipt.get("fiscal_doc") or {}).get("fiscal_doc_number")
    document = say(f", document {number}", f", ФД № {number}") if number else ""
    line(f"{receipt['id']}: {receipt['print_state']}{document}")


def _show_slip(service: "Client", receipt_id: str) -> None:
    line(service.receipts.slip(receipt_id).rstrip("\n"))


def _confirm(adopt: int | None) -> None:
    question = (
        say(
            "Print it again? If it was printed, it will be there twice",
            "Печатать заново? Если чек уже оформлен, он будет оформлен дважды",
        )
        if adopt is None
        else say(f"Take document {adopt} for this receipt", f"Считать ФД № {adopt} документом этого чека")
    )
    typer.confirm(question, abort=True, err=True)


def _show_evidence(service: "Client", receipt_id: str) -> str | None:
    """What we sent, and what the register holds since; the version of that question."""
    receipt = service.receipts.receipt_by_id(receipt_id)
    _show(receipt)
    version = None
    for register in service.register.status().get("registers", ()):
        question = register.get("question")
        if question and question["receipt_id"] == receipt["id"]:
            version = show_question(register)
    return version


def _show(receipt: _Json) -> None:
    document = receipt["fiscal_doc"] or {}
    facts(
        (
            (say("receipt", "чек"), receipt["id"]),
            (say("till", "касса"), receipt["pos_id"]),
            (say("type", "вид"), receipt["type"]),
            (say("total", "сумма"), receipt["total"]),
            (say("order", "заказ"), receipt.get("order_id")),
            (say("refund of", "возврат чека"), receipt.get("original_receipt_id")),
            ("Idempotency-Key", receipt["idempotency_key"]),
            (say("accepted", "принят"), moment(receipt["created_at"])),
            (say("print state", "печать"), receipt["print_state"]),
            (say("printed", "напечатан"), moment(receipt["printed_at"])),
            (say("status", "доставка"), receipt["status"]),
            (say("delivered", "доставлен"), moment(receipt["synced_at"])),
            (say("operator's id", "номер у ОФД"), receipt["ofd_id"]),
            (say("attempts", "попыток"), receipt["retry_count"] or None),
            (say("operator's code", "код ответа ОФД"), receipt.get("operator_code")),
            (say("last error", "последняя ошибка"), receipt["last_error"]),
            (say("next attempt", "следующая попытка"), moment(receipt["next_attempt_at"])),
        )
    )
    if document:
        facts(
            (
                (say("number", "номер ФД"), document["fiscal_doc_number"]),
                (say("fiscal sign", "ФП"), document["fiscal_sign"]),
                (say("drive", "ФН"), document["fn_number"]),
                (say("register", "РН ККТ"), document["rn_kkt"]),
                (
                    say("shift, receipt", "смена, чек"),
                    f"{document['shift_number']}, {document['receipt_number']}",
                ),
                (say("made", "оформлен"), moment(document["fiscal_datetime"])),
                ("QR", document["qr_code_data"]),
            ),
            title=say("Fiscal document", "Фискальный документ"),
        )
    _show_parts(receipt)


def _show_parts(receipt: _Json) -> None:
    if items := receipt.get("items"):
        table(
            (
                say("name", "наименование"),
                say("price", "цена"),
                say("quantity", "кол-во"),
                say("total", "сумма"),
                say("VAT", "НДС"),
            ),
            ((i["name"], i["price"], i["quantity"], i["total"], i["vat_rate"]) for i in items),
            title=say("Items", "Позиции"),
        )
    if payments := receipt.get("payments"):
        table(
            (say("payment", "оплата"), say("amount", "сумма")),
            ((p["type"], p["amount"]) for p in payments),
            title=say("Payments", "Оплаты"),
        )
    if warnings := receipt.get("warnings"):
        table(
            (say("code", "код"), say("field", "поле"), say("message", "сообщение")),
            ((w["code"], w["field"], w["message"]) for w in warnings),
            title=say("Warnings", "Предупреждения"),
        )
    if attempts := receipt.get("attempts"):
        table(
            (
                say("what", "что"),
                say("began", "начало"),
                say("ended", "конец"),
                say("outcome", "исход"),
                say("error", "ошибка"),
            ),
            (
                (a["what"], moment(a["started_at"]), moment(a["ended_at"]), a["outcome"], a["error"])
                for a in attempts
            ),
            title=say("Attempts", "Попытки"),
        )
    if events := receipt.get("events"):
        table(
            (say("time", "время"), say("level", "уровень"), say("event", "событие")),
            ((moment(e["timestamp"]), e["level"], e["event"]) for e in events),
            title=say("Events", "События"),
        )
