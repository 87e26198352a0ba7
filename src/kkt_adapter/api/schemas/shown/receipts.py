"""Answers about receipts: one, a page of them, their documents and events."""

from collections.abc import Callable
from typing import Any

from kkt_adapter.api.schemas.answers import buffer as logged
from kkt_adapter.api.schemas.answers import receipts as known
from kkt_adapter.api.schemas.units import money
from kkt_adapter.fiscal.delivery import receipt_body
from kkt_adapter.fiscal.lifecycle import PrintState
from kkt_adapter.fiscal.model import ReceiptWarning
from kkt_adapter.fiscal.queries.door_receipts import CallbackShown
from kkt_adapter.fiscal.queries.event_log import EventPage, LoggedEvent
from kkt_adapter.fiscal.queries.receipt_models import Attempt, ReceiptDetail, ReceiptPage, ReceiptSummary
from kkt_adapter.fiscal.store.fiscal_doc import StoredFiscalDoc
from kkt_adapter.kernel.timefmt import iso, iso_of

Json = dict[str, Any]


def fiscal_doc_answer(doc: StoredFiscalDoc) -> known.FiscalDoc:
    return {
        "fiscal_doc_number": doc.fd_number,
        "fiscal_sign": doc.fiscal_sign,
        "fiscal_datetime": doc.fiscalized_at.isoformat(),
        "fn_number": doc.fn_number,
        "kkt_number": doc.serial_number,
        "rn_kkt": doc.registration_number,
        "inn": doc.user_inn,
        "ofd_name": doc.ofd_name,
        "shift_number": doc.shift_number,
        "receipt_number": doc.receipt_number,
        "total": money(doc.total_kop),
        "qr_code_data": doc.qr,
        "fiscalDocumentNumber": doc.fd_number,
        "fiscalSign": doc.fiscal_sign,
    }


def summary_answer(shown: ReceiptSummary) -> known.ReceiptSummary:
    return {
        "receipt_id": shown.id,
        "id": shown.id,
        "pos_id": shown.pos_id,
        "register_id": shown.register_id,
        "type": shown.kind.value,
        "idempotency_key": shown.key,
        "total": money(shown.total_kop),
        "print_state": shown.print_state.value,
        "status": shown.status.value,
        "fiscal_doc_id": shown.fiscal_doc_id,
        "fiscal_doc": None if shown.fiscal_doc is None else fiscal_doc_answer(shown.fiscal_doc),
        "retry_count": shown.retry_count,
        "last_error": shown.last_error,
        "next_attempt_at": iso(shown.next_attempt_at),
        "created_at": iso_of(shown.created_at),
        "printed_at": iso(shown.printed_at),
        "synced_at": iso(shown.synced_at),
        "ofd_id": shown.ofd_id,
        "hlc": {
            "local_time": shown.stamp.local_time,
            "logical_counter": shown.stamp.logical_counter,
            "server_time": shown.server_time,
        },
        "door": shown.door,
        "account": shown.account,
        "group": shown.group,
        "client_key": shown.client_key,
    }


def detail_answer(shown: ReceiptDetail, *, english: bool, page_of: Callable[[str], str | None]) -> Json:
    """``known.ReceiptDetail``; ``english``: the texts of warnings; ``page_of``: the buyer's page of a
    receipt."""
    summary = summary_answer(shown.summary)
    printed = shown.summary.print_state is PrintState.PRINTED
    return {
        **summary,
        "receipt_url": page_of(shown.summary.id) if printed else None,
        "order_id": None,
        "original_receipt_id": None,
        **receipt_body.document(shown.receipt),
        "items": [{"sku": None, **line} for line in receipt_body.lines(shown.receipt)],
        "payments": receipt_body.payments(shown.receipt),
        "callback": None if shown.callback is None else _callback(shown.callback),
        "operator_code": shown.operator_code,
        "warnings": [_remark(one, english=english) for one in shown.warnings],
        "attempts": [_attempt(one) for one in shown.attempts],
        "events": [_event(one) for one in shown.events],
    }


def page_answer(page: ReceiptPage) -> known.ReceiptPage:
    return {"items": [summary_answer(one) for one in page.items], "next_cursor": page.next_cursor}


def event_log_answer(page: EventPage) -> logged.EventLogPage:
    return {
        "total": page.total,
        "page": page.page,
        "limit": page.limit,
        "items": [
            {
                "timestamp": iso_of(one.at),
                "level": one.level,
                "event": one.event,
                "receipt_id": one.receipt_id,
                "message": one.event.replace("_", " "),
                "metadata": dict(one.facts),
            }
            for one in page.items
        ],
    }


def _callback(shown: CallbackShown) -> known.ShopCallback:
    return {
        "url": shown.url,
        "state": shown.state.value,
        "attempts": shown.attempts,
        "last_error": shown.last_error,
        "due_at": iso(shown.due_at),
        "done_at": iso(shown.done_at),
    }


def _remark(warning: ReceiptWarning, *, english: bool) -> known.ReceiptRemark:
    return {
        "code": warning.code,
        "field": warning.field,
        "tag": warning.tag,
        "message": warning.message.en if english else warning.message.ru,
    }


def _attempt(tried: Attempt) -> known.ReceiptAttempt:
    return {
        "what": tried.what.value,
        "started_at": iso_of(tried.started_at),
        "ended_at": iso(tried.ended_at),
        "outcome": None if tried.outcome is None else tried.outcome.value,
        "error": tried.error,
        "commands": tried.commands,
    }


def _event(event: LoggedEvent) -> Json:
    """``known.ReceiptEvent``."""
    return {
        "event": event.event,
        "level": event.level,
        "timestamp": iso_of(event.at),
        "metadata": dict(event.facts),
    }
