"""Pure: what became of an attempt whose answer was lost, judged by what the FN holds.

The rule is deliberately one-sided. A document is adopted when it names our receipt by its key, or, for
documents that carry no key at all, when it is the only one of our kind, operation and sum. Absence is
proven only by an FN that stands exactly where it stood before the attempt. Everything else is doubt, and
doubt belongs to a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kkt_adapter.fiscal.kkt.driver import Baseline
from kkt_adapter.fiscal.model import DocumentCode, FiscalDocument, Receipt, ReceiptKind
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


Verdict = Adopt | Absent | Doubt

RECEIPT_CODES = (DocumentCode.RECEIPT, DocumentCode.BSO)
CORRECTION_CODES = (DocumentCode.CORRECTION, DocumentCode.BSO_CORRECTION)


def judge_receipt(
    receipt: Receipt, baseline: Baseline, now: Baseline, found: Sequence[FiscalDocument]
) -> Verdict:
    """``found``: every document of the FN after the baseline, in order; ``now``: where the FN stands."""
    if now.fn_number != baseline.fn_number:
        return Doubt(
            reason=Text(
                f"the FN was replaced: {baseline.fn_number} before, {now.fn_number} now",
                f"ФН заменён: был {baseline.fn_number}, сейчас {now.fn_number}",
            )
        )
    if receipt.key is not None:
        for document in found:
            if document.key == receipt.key:
                return Adopt(document=document)
    if now.fd_number == baseline.fd_number:
        return Absent()
    alike = [document for document in found if document.key is None and _is_alike(document, receipt)]
    if len(alike) == 1:
        return Adopt(document=alike[0])
    return Doubt(
        reason=Text(
            f"the FN made {now.fd_number - baseline.fd_number} documents after number "
            f"{baseline.fd_number}, and {len(alike)} of them look like this receipt",
            f"после ФД № {baseline.fd_number} в ФН появилось документов: "
            f"{now.fd_number - baseline.fd_number}, похожих на этот чек: {len(alike)}",
        )
    )


def judge_report(
    code: DocumentCode, baseline: Baseline, now: Baseline, found: Sequence[FiscalDocument]
) -> Verdict:
    """A shift opening or a Z report: the first document of that code after the baseline is ours."""
    if now.fn_number != baseline.fn_number:
        return Doubt(reason=Text("the FN was replaced", "ФН заменён"))
    for document in found:
        if document.code is code:
            return Adopt(document=document)
    if now.fd_number == baseline.fd_number:
        return Absent()
    return Doubt(
        reason=Text(
            f"the FN made documents after number {baseline.fd_number}, none of them of code {int(code)}",
            f"после ФД № {baseline.fd_number} в ФН есть документы, но нет ожидаемого кода {int(code)}",
        )
    )


def _is_alike(document: FiscalDocument, receipt: Receipt) -> bool:
    codes = CORRECTION_CODES if receipt.kind is ReceiptKind.CORRECTION else RECEIPT_CODES
    return (
        document.code in codes
        and document.operation is receipt.operation
        and document.total_kop == receipt.total_kop
    )
