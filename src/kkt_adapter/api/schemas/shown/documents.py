"""Answers about fiscal documents."""

from kkt_adapter.api.schemas.answers import documents as known
from kkt_adapter.fiscal.ofd.describe import document_json
from kkt_adapter.fiscal.queries.documents import StoredDocument
from kkt_adapter.kernel.timefmt import iso


def document_answer(found: StoredDocument) -> known.Document:
    shown: known.Document = {
        "fn_number": found.fn_number,
        "fiscal_doc_number": found.fd_number,
        "code": found.code,
        "tlv": found.tlv.hex(),
        "document": None if found.contents is None else document_json(found.contents),
        "ticket": None if found.ticket is None else found.ticket.hex(),
        "source": "fn" if found.kept_at is None else "kept",
        "kept_at": iso(found.kept_at),
    }
    if found.in_fn is not None:
        other, made = found.in_fn.tlv, found.in_fn.made
        shown["fn"] = {
            "same": found.is_same_in_fn,
            "tlv": None if other is None else other.hex(),
            "fiscal_sign": None if made is None else str(made.fiscal_sign),
        }
    return shown
