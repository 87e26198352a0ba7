"""Pure: what became of an attempt whose answer was lost, judged by what the FN holds.

The rule is deliberately one-sided. A document is adopted when it names our receipt by its key; a receipt
whose document carries no key (the till took both places for it) is found by kind, operation and sum, if
that document is the only one made since: one command makes one document, so that a second one means that
somebody else used the FN or that the database is an old copy. Absence is proven only by an FN that stands
exactly where it stood before the attempt. Everything else is doubt, and doubt belongs to a person.

A report is another matter: made twice it costs nobody money, so that it is in doubt only when not all
documents after the baseline could be read.

A document whose key could not be read is no document without a key: it is never adopted here, and never
evidence of absence.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kkt_adapter.fiscal.model import (
    Baseline,
    DocumentCode,
    FiscalDocument,
    Receipt,
    ReceiptKind,
    sum_fits,
)
from kkt_adapter.kernel.errors import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    document: FiscalDocument


@dataclass(frozen=True, slots=True)
class Absent:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    reason: Text


Judgement = Adopt | Absent | Doubt

SALE_RECEIPT_CODES = (DocumentCode.RECEIPT, DocumentCode.BSO)
CORRECTION_CODES = (DocumentCode.CORRECTION, DocumentCode.BSO_CORRECTION)


def judge_receipt(
    receipt: Receipt,
    baseline: Baseline,
    now: Baseline,
    found: Sequence[FiscalDocument],
    *,
    owned: Collection[int] = (),
) -> Judgement:
    """``found``: every document of the FN after the baseline, in order; ``now``: where the FN stands;
    ``owned``: numbers of those that are other receipts' documents."""
    if now.fn_number != baseline.fn_number:
        return _replaced(baseline, now)
    if receipt.key is not None:
        for document in found:
            if document.key == receipt.key:
                return Adopt(document=document)
    if now.fd_number == baseline.fd_number:
        return Absent()
    alike = [
        document
        for document in found
        if document.key is None and document.fd_number not in owned and _is_alike(document, receipt)
    ]
    only_one = now.fd_number == baseline.fd_number + 1
    if receipt.key is None and only_one and alike and alike[0].unread is None:
        return Adopt(document=alike[0])
    unread = _unread(alike)
    return Doubt(
        reason=Text(
            f"the FN made {now.fd_number - baseline.fd_number} documents after number "
            f"{baseline.fd_number}, none of them names this receipt, and {len(alike)} without a name look "
            f"like it{unread.en}",
            f"после ФД № {baseline.fd_number} в ФН появилось документов: "
            f"{now.fd_number - baseline.fd_number}; ни один не назван этим чеком, похожих без имени: "
            f"{len(alike)}{unread.ru}",
        )
    )


def judge_suspected(
    receipt: Receipt, baseline: Baseline, now: Baseline, found: Sequence[FiscalDocument]
) -> Judgement:
    """A receipt that was never sent, as far as the database knows. ``found``: the documents read back from
    the FN that look like it and belong to nobody. Adopted by its key alone, where that can be read by now:
    what looks alike is no proof."""
    if now.fn_number != baseline.fn_number:
        return _replaced(baseline, now)
    named = [document for document in found if document.key is not None and document.key == receipt.key]
    if named:
        return Adopt(document=named[0])
    if not found:
        return Absent()
    numbers, unread = _numbers(found), _unread(found)
    return Doubt(
        reason=Text(
            f"the FN holds documents that this database did not know ({numbers}) and that look like this "
            f"receipt{unread.en}: it was printed before the database was restored, or another program made "
            "them",
            f"в ФН есть документы, которых не было в базе ({numbers}), и они похожи на этот чек{unread.ru}: "
            "он напечатан до восстановления базы, либо их оформила другая программа",
        )
    )


def names(document: FiscalDocument, receipt: Receipt) -> bool:
    """Does its key leave open that it is this receipt? Where it can be read, it must be the receipt's."""
    return document.unread is not None or document.key == receipt.key


def _numbers(found: Sequence[FiscalDocument]) -> str:
    return ", ".join(str(document.fd_number) for document in found[:10])


def _unread(found: Sequence[FiscalDocument]) -> Text:
    """Said where it is so."""
    numbers = _numbers([document for document in found if document.unread is not None])
    if not numbers:
        return Text("", "")
    return Text(
        f" (the key in number {numbers} could not be read)", f" (ключ в ФД № {numbers} прочитать не удалось)"
    )


def _replaced(baseline: Baseline, now: Baseline) -> Doubt:
    return Doubt(
        reason=Text(
            f"the FN was replaced: {baseline.fn_number} before, {now.fn_number} now",
            f"ФН заменён: был {baseline.fn_number}, сейчас {now.fn_number}",
        )
    )


def judge_report(
    code: DocumentCode, baseline: Baseline, now: Baseline, found: Sequence[FiscalDocument]
) -> Judgement:
    """A shift opening or a Z report: the first document of that code after the baseline is ours."""
    if now.fn_number != baseline.fn_number:
        return Absent()  # the new FN knows nothing of that shift; what it needs is asked for anew
    for document in found:
        if document.code is code:
            return Adopt(document=document)
    if len(found) == now.fd_number - baseline.fd_number:
        return Absent()
    return Doubt(
        reason=Text(
            f"not all documents after number {baseline.fd_number} could be read; none of those read has "
            f"code {int(code)}",
            f"не все документы после ФД № {baseline.fd_number} удалось прочитать, среди прочитанных нет "
            f"документа с кодом {int(code)}",
        )
    )


def mismatch(
    receipt: Receipt, baseline: Baseline, document: FiscalDocument | None, number: int
) -> Text | None:
    """Why a person must not call document ``number`` this receipt; None when nothing speaks against it."""
    if document is None:
        return Text("it is not in the FN", "его нет в ФН")
    if document.fn_number == baseline.fn_number and number <= baseline.fd_number:
        return Text("it is older than the attempt to print", "он оформлен раньше попытки печати")
    if document.key is not None and document.key != receipt.key:
        return Text("it carries the key of another receipt", "в нём ключ другого чека")
    if not _is_alike(document, receipt):
        return Text(
            "its kind, operation or sum is another one", "у него другой вид, признак расчёта или сумма"
        )
    return None


def report_mismatch(
    code: DocumentCode, baseline: Baseline, document: FiscalDocument | None, number: int
) -> Text | None:
    """Why a person must not call document ``number`` this shift opening or Z report."""
    if document is None:
        return Text("it is not in the FN", "его нет в ФН")
    if document.fn_number == baseline.fn_number and number <= baseline.fd_number:
        return Text("it is older than the command", "он оформлен раньше команды")
    if document.code is not code:
        return Text(
            f"it is a document with code {int(document.code)}, not {int(code)}",
            f"это документ с кодом {int(document.code)}, а не {int(code)}",
        )
    return None


def _is_alike(document: FiscalDocument, receipt: Receipt) -> bool:
    codes = CORRECTION_CODES if receipt.kind is ReceiptKind.CORRECTION else SALE_RECEIPT_CODES
    return (
        document.code in codes
        and document.operation is receipt.operation
        and sum_fits(document.total_kop, document.unread, receipt.total_kop)
    )
