"""Tasks that make documents, move cash or print; the driver's script around the register."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from kkt_adapter.emulators.atol.checks import check_firmware, check_task, tax_word
from kkt_adapter.emulators.atol.machine import AtolMachine, DrawerCash, DriverError
from kkt_adapter.emulators.atol.reading import cashier, is_receipt, mark_of, read_receipt
from kkt_adapter.emulators.atol.told import NEVER, iso
from kkt_adapter.fiscal.ffd.compose import receipt_body
from kkt_adapter.fiscal.kkt.atol.values import rubles
from kkt_adapter.fiscal.kkt.driver import ShiftState
from kkt_adapter.fiscal.kkt.virtual.totals import Column
from kkt_adapter.fiscal.model import Cashier, FfdVersion, FiscalDocument, Receipt
from kkt_adapter.kernel.money import kopecks

Result = dict[str, Any]

CASH = ("cashIn", "cashOut")
SCRIPT_FAILED, SHIFT_CLOSED, SHIFT_OPEN, NO_CASH, EXPIRED = 503, 73, 83, 80, 68
FISCAL_ONLY_ONCE = frozenset(
    {"openShift", "closeShift", "reportOfdExchangeStatus", "registration", "closeArchive", "fnChange"}
)


def is_fiscal(task_type: str) -> bool:
    """Whether a task makes a document; the web server lets only one of them into a job."""
    return is_receipt(task_type) or task_type in FISCAL_ONLY_ONCE


class DocumentMaking:
    """``cut``: called right before a document is closed and right after; it may break the link."""

    def __init__(self, machine: AtolMachine, *, pc_zone: str) -> None:
        self._machine = machine
        self._pc_zone = pc_zone

    def run(self, task: dict[str, Any], cut: Callable[[str], None]) -> Result | None:
        """Raises DriverError."""
        machine = self._machine
        machine.need_link()
        name = str(task.get("type"))
        if is_receipt(name):
            return self._receipt(task, cut)
        match name:
            case "openShift":
                return self._open_shift(task, cut)
            case "closeShift":
                return self._close_shift(task, cut)
            case "reportOfdExchangeStatus":
                return self._state_report(cut)
            case "cashIn" | "cashOut":
                return self._move_cash(task, into=name == "cashIn", cut=cut)
            case "nonFiscal":
                machine.need_paper()
                machine.printed.append("\n".join(str(one.get("text", "")) for one in task.get("items", ())))
            case "reportX" | "printLastReceiptCopy" | "printFnDocument":
                machine.need_paper()
                machine.printed.append(name)
            case "continuePrint" | "openCashDrawer" | "setDateTime":
                pass
            case _:
                raise DriverError(501, f'Ошибка разбора задания: "type" неизвестное значение {name}')
        return None

    def _open_shift(self, task: dict[str, Any], cut: Callable[[str], None]) -> Result:
        machine = self._machine
        if machine.status().shift_state is not ShiftState.CLOSED:
            raise DriverError(SHIFT_OPEN, "Смена открыта, операция невозможна")
        machine.need_paper()
        cut("before")
        document = self._shift_opening(cashier(task))
        cut("after")
        return {"fiscalParams": self._params(document), "warnings": {}}

    def _shift_opening(self, by: Cashier) -> FiscalDocument:
        machine = self._machine
        document = machine.by_fn(lambda: machine.fn.open_shift(by, term=0, forced=machine.forced))
        machine.counters = DrawerCash(whole_kop=machine.counters.whole_kop)
        machine.save()
        return document

    def _close_shift(self, task: dict[str, Any], cut: Callable[[str], None]) -> Result:
        machine = self._machine
        if machine.status().shift_state is ShiftState.CLOSED:
            raise DriverError(SHIFT_CLOSED, "Смена закрыта, операция невозможна")
        machine.need_paper()
        cut("before")
        report = machine.by_fn(lambda: machine.fn.close_shift(cashier(task), term=0))
        cut("after")
        params = self._params(report.document) | {"receiptsCount": report.totals.receipt_count}
        return {"fiscalParams": params, "warnings": {}}

    def _state_report(self, cut: Callable[[str], None]) -> Result:
        machine = self._machine
        machine.need_paper()
        cut("before")
        document = machine.by_fn(machine.fn.report_state)
        cut("after")
        waits = machine.fn.exchange_status()
        status = {
            "notSentCount": waits.unsent_count,
            "notSentFirstDocNumber": waits.first_unsent_number or 0,
            "notSentFirstDocDateTime": iso(waits.first_unsent_at or NEVER, self._pc_zone),
        }
        return {"fiscalParams": self._params(document), "status": status, "warnings": {}}

    def _receipt(self, task: dict[str, Any], cut: Callable[[str], None]) -> Result:
        machine = self._machine
        check_task(task, driver_version=machine.driver_version)
        if machine.status().shift_state is ShiftState.EXPIRED:
            raise DriverError(EXPIRED, "Смена превысила 24 часа")
        machine.need_paper()
        if machine.status().shift_state is ShiftState.CLOSED:
            self._shift_opening(cashier(task))
        by_sums = machine.registration.ffd_version is FfdVersion.V1_05 and "correctionType" in task
        no_position = all(one["type"] != "position" for one in task["items"])
        if len(task["items"]) < 2 and no_position and not by_sums:
            raise DriverError(SCRIPT_FAILED, "TypeError: items[0] is undefined")
        rates = [tax_word((one.get("tax") or {}).get("type")) or "none" for one in task["items"]]
        check_firmware(rates, machine.firmware)
        receipt = read_receipt(task, machine.registration, machine.marks)
        body = receipt_body(receipt, machine.registration, mark_check=self._mark_check(task))
        cut("before")
        document = machine.by_fn(
            lambda: machine.fn.fiscalize(receipt, term=0, forced=machine.forced, body=body)
        )
        machine.marks.clear()
        cut("after")
        return {"fiscalParams": self._params(document), "warnings": {}}

    def _mark_check(self, task: dict[str, Any]) -> int:
        """2106 of marked lines: as accepted before, or 0."""
        codes = [mark_of(one["imcParams"]) for one in task["items"] if isinstance(one.get("imcParams"), dict)]
        found = [self._machine.marks.get(code, 0) for code in codes]
        return min(found, default=0)

    def foreign(self, task: dict[str, Any]) -> None:
        """Another program's receipt of the same sum, without a key of ours."""
        machine = self._machine
        receipt: Receipt = read_receipt(
            task | {"items": [one for one in task["items"] if one["type"] == "position"]},
            machine.registration,
            machine.marks,
        )
        machine.by_fn(lambda: machine.fn.fiscalize(receipt, term=0))

    def last_params(self) -> Result:
        """getLastFiscalParams: flat, of the last document of any type."""
        document = self._machine.fn.document(self._machine.status().fd_number)
        assert document is not None
        params = self._params(document)
        return {name: value for name, value in params.items() if name not in ("fiscalReceiptNumber", "total")}

    def _move_cash(self, task: dict[str, Any], *, into: bool, cut: Callable[[str], None]) -> Result:
        machine = self._machine
        amount = task.get("cashSum")
        if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
            raise DriverError(501, 'Ошибка разбора задания: "cashSum" отсутствует или не число')
        machine.need_paper()
        kop = int(kopecks(Decimal(amount)))
        if not into and kop > self.cash_kop():
            raise DriverError(NO_CASH, "Нет такой суммы наличных в кассе")
        cut("before")
        drawer = machine.counters
        if into:
            drawer.ins, drawer.in_kop = drawer.ins + 1, drawer.in_kop + kop
        else:
            drawer.outs, drawer.out_kop = drawer.outs + 1, drawer.out_kop + kop
        drawer.whole_kop += kop if into else -kop
        machine.save()
        cut("after")
        return {"counters": {"cashSum": rubles(self.cash_kop())}}

    def cash_kop(self) -> int:
        """In the drawer: receipts of all time, and movements."""
        _, whole = self._machine.fn.stats()
        return int(whole.net(Column.CASH)) + self._machine.counters.whole_kop

    def _params(self, document: FiscalDocument) -> Result:
        registration = self._machine.registration
        params: Result = {
            "fiscalDocumentNumber": document.fd_number,
            "fiscalDocumentSign": str(document.fiscal_sign),
            "fiscalDocumentDateTime": iso(document.fiscalized_at, self._pc_zone),
            "fnNumber": document.fn_number,
            "registrationNumber": registration.registration_number,
            "shiftNumber": document.shift_number,
            "fnsUrl": registration.fns_site,
        }
        if document.total_kop is not None:
            params |= {"fiscalReceiptNumber": document.receipt_number, "total": rubles(document.total_kop)}
        return params
