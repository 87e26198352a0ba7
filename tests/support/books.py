"""The three books that know nothing of each other, and whether they tell one story.

They are the answers that the clients got, the archive of each FN (its own file), and the operator's book.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select
from tests.support.api import Json

from kkt_adapter.fiscal.kkt.virtual import fn_path
from kkt_adapter.fiscal.kkt.virtual.documents import read_document
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument
from kkt_adapter.fiscal.store.tables import receipts
from kkt_adapter.kernel.ids import RegisterId

MONEY_DOCUMENT_CODES = (DocumentCode.RECEIPT, DocumentCode.CORRECTION)


def compare_books(
    *,
    rows: Sequence[Any],
    answers: Sequence[Json],
    archives: dict[str, list[FiscalDocument]],
    operator: Json,
    http: bool = False,
    in_order: bool = True,
) -> None:
    """Client answers, our rows, FN archives and the operator's book tell one story."""
    by_id = {row.id: row for row in rows}
    for answer in answers:
        row = by_id.get(answer["receipt_id"])
        assert row is not None, f"an accepted receipt is gone: {answer['receipt_id']}"
        if answer["status"] == "printed":
            assert answer["fiscal_doc_id"] == f"{row.fn_number}-{row.fiscal_doc_number}"
    keys = Counter(row.receipt_key for row in rows if row.receipt_key is not None)
    assert not [key for key, n in keys.items() if n > 1]
    for register_id, documents in archives.items():
        made = Counter(d.key for d in documents if d.key is not None)
        assert not [key for key, n in made.items() if n > 1], f"printed twice on {register_id}"
        numbers = [d.fd_number for d in documents]
        assert numbers == list(range(1, len(numbers) + 1)), "the FN has gaps"
        ours = {
            r.fiscal_doc_number: r
            for r in rows
            if r.register_id == register_id and r.print_state == "printed"
        }
        in_fn = {d.fd_number: d for d in documents if d.code in MONEY_DOCUMENT_CODES}
        for number, row in ours.items():
            assert number in in_fn, f"document {number} of {register_id} was never made"
            assert (in_fn[number].total_kop, in_fn[number].key) == (row.total_kop, row.receipt_key)
        known = {row.receipt_key for row in rows}
        assert {d.key for d in in_fn.values()} <= known, "the FN printed a receipt that nobody knows"
    assert operator["conflicts"] == 0
    assert operator["order_faults"] == 0 or not in_order
    synced = Counter(row.fn_number for row in rows if row.status == "synced")
    for fn_number, n in synced.items():
        drive = operator["per_fn"][fn_number]
        at_operator = sum(drive["by_code"].get(str(int(code)), 0) for code in MONEY_DOCUMENT_CODES)
        assert at_operator >= n, (
            f"{n} receipts of {fn_number} are called synced, the operator has {at_operator}"
        )
        if not http:
            assert drive["missing"] == 0


def archive(fn_dir: Path, register_id: str) -> list[FiscalDocument]:
    """Every document in the file of a virtual FN, read from its stored bytes. The file may be in use."""
    path = fn_path(fn_dir, RegisterId(register_id))
    if not path.exists():
        return []
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)
    try:
        confirmed = connection.execute("SELECT confirmed FROM state").fetchone()[0]
        rows = connection.execute("SELECT fd_number, message FROM documents ORDER BY fd_number").fetchall()
    finally:
        connection.close()
    return [read_document(message, confirmed=number <= confirmed) for number, message in rows]


def receipt_rows(conn: Connection) -> Sequence[Any]:
    return conn.execute(select(receipts).order_by(receipts.c.seq)).all()
