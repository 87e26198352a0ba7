"""Tasks that ask, and the checks of marking codes."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from kkt_adapter.emulators.atol.machine import AtolMachine, DriverError
from kkt_adapter.emulators.atol.making import DocumentMaking, Result
from kkt_adapter.emulators.atol.reading import mark_of
from kkt_adapter.emulators.atol.told import NEVER, document_json, iso, raw_data, short_json
from kkt_adapter.fiscal.kkt.atol import words
from kkt_adapter.fiscal.kkt.atol.values import optional_whole, rubles
from kkt_adapter.fiscal.kkt.driver import KktStatus, ShiftState
from kkt_adapter.fiscal.kkt.virtual.state import SHIFT_LIMIT
from kkt_adapter.fiscal.kkt.virtual.totals import Column, RegisterTotals
from kkt_adapter.fiscal.model import Operation

NO_DATA, MARK_STATE = 123, 402
_SHIFT = {state: word for word, state in words.SHIFT.items()}
_CHECKS = (
    "imcCheckFlag",
    "imcCheckResult",
    "imcStatusInfo",
    "imcEstimatedStatusCorrect",
    "ecrStandAloneFlag",
)
_MARK_BITS = {"good": 15, "bad": 5, "offline": 3, "silent": 3, "refused": 3}


class Queries:
    """``archived_up_to``: documents up to this number are left in their short form only."""

    def __init__(self, machine: AtolMachine, making: DocumentMaking, *, pc_zone: str) -> None:
        self._machine = machine
        self._making = making
        self._pc_zone = pc_zone
        self.archived_up_to = 0
        self._tasks: Mapping[str, Callable[[dict[str, Any]], Result | None]] = {
            "getDeviceStatus": lambda task: {"deviceStatus": self._device_status()},
            "getDeviceInfo": lambda task: {"deviceInfo": self._device_info()},
            "getShiftStatus": lambda task: {"shiftStatus": self._shift_status()},
            "getShiftTotals": lambda task: {"shiftTotals": self._shift_totals()},
            "getFnInfo": lambda task: {"fnInfo": self._fn_info()},
            "getFnStatus": lambda task: {"fnStatus": self._fn_status()},
            "getFnDocument": self._fn_document,
            "getRegistrationInfo": lambda task: self._registration_info(),
            "getLastFiscalParams": lambda task: self._making.last_params(),
            "ofdExchangeStatus": lambda task: self._exchange(),
            "getLicenses": lambda task: {"licenses": [{"id": 1, "name": "Web Requests"}]},
            "getCashDrawerStatus": lambda task: {
                "counters": {"cashSum": rubles(self._making.cash_kop())},
                "cashDrawerStatus": {"cashDrawerOpened": False},
            },
            "clearMarkingCodeValidationResult": self._mark_clear,
            "beginMarkingCodeValidation": self._mark_begin,
            "getMarkingCodeValidationStatus": lambda task: self._mark_status(),
            "acceptMarkingCode": lambda task: self._mark_accept(),
            "declineMarkingCode": self._mark_cancel,
            "cancelMarkingCodeValidation": self._mark_cancel,
        }

    def knows(self, name: str) -> bool:
        return name in self._tasks

    def run(self, task: dict[str, Any]) -> Result | None:
        """Raises DriverError."""
        self._machine.need_link()
        return self._tasks[str(task["type"])](task)

    def _device_status(self) -> Result:
        machine, status = self._machine, self._machine.status()
        return {
            "blocked": False,
            "coverOpened": machine.cover_open,
            "currentDateTime": iso(status.clock, self._pc_zone),
            "fiscal": True,
            "fnFiscal": False,
            "fnPresent": True,
            "paperPresent": machine.paper,
            "cashDrawerOpened": False,
            "shift": _SHIFT[status.shift_state],
        }

    def _device_info(self) -> Result:
        registration = self._machine.registration
        version = registration.ffd_version.text
        return {
            "firmwareVersion": self._machine.firmware,
            "model": 69,
            "modelName": "ЭМУЛЯТОР АТОЛ",
            "receiptLineLength": 42,
            "receiptLineLengthPix": 576,
            "serial": registration.serial_number,
            "configurationVersion": "emul-1",
            "ffdVersion": version,
            "fnFfdVersion": version,
        }

    def _shift_status(self) -> Result:
        status = self._machine.status()
        told: Result = {"state": _SHIFT[status.shift_state], "number": status.shift_number}
        if status.shift_state is ShiftState.CLOSED:
            return told | {"documentsCount": 0, "expiredTime": iso(NEVER, self._pc_zone)}
        assert status.shift_opened_at is not None
        return told | {"expiredTime": iso(status.shift_opened_at + SHIFT_LIMIT, self._pc_zone)}

    def _shift_totals(self) -> Result:
        status, drawer = self._machine.status(), self._machine.counters
        totals, _ = self._machine.fn.stats()
        open_now = status.shift_state is not ShiftState.CLOSED
        counted = totals if open_now else RegisterTotals.zero()
        return {
            "receipts": {name: _sums(counted, operation) for operation, name in words.TASK.items()},
            "income": {"sum": rubles(drawer.in_kop), "count": drawer.ins},
            "outcome": {"sum": rubles(drawer.out_kop), "count": drawer.outs},
            "cashDrawer": {"sum": rubles(self._making.cash_kop())},
            "shiftNumber": status.shift_number,
        }

    def _fn_info(self) -> Result:
        status = self._machine.status()
        version = self._machine.registration.ffd_version.text
        warnings = dict.fromkeys(
            ("criticalError", "memoryOverflow", "needReplacement", "ofdTimeout", "resourceExhausted"), False
        )
        return {
            "serial": status.fn_number,
            "version": "fn_v_1_2",
            "execution": "Эмулятор",
            "ffdVersion": version,
            "fnFfdVersion": version,
            "livePhase": "fiscalMode",
            "numberOfRegistrations": 1,
            "registrationsRemaining": 29,
            "validityDate": f"{status.fn_valid_until.isoformat()}T00:00:00{self._pc_zone}",
            "warnings": warnings,
        }

    def _fn_status(self) -> Result:
        status = self._machine.status()
        return {
            "fiscalDocumentNumber": status.fd_number,
            "fiscalReceiptNumber": status.receipts_in_shift,
            "warnings": {},
        }

    def _fn_document(self, task: dict[str, Any]) -> Result:
        number = optional_whole(task, "fiscalDocumentNumber") or 0
        document = self._machine.fn.document(number) if number > 0 else None
        if document is None:
            raise DriverError(NO_DATA, "Запрошенные данные отсутствуют в архиве ФН")
        with_raw = task.get("withRawData") is True
        if number <= self.archived_up_to:
            if with_raw:
                raise DriverError(NO_DATA, "Запрошенные данные отсутствуют в архиве ФН")
            return {"documentTLV": short_json(document, pc_zone=self._pc_zone)}
        tags = self._machine.fn.tags(number)
        assert tags is not None
        told: Result = {"documentTLV": document_json(tags, document.code, pc_zone=self._pc_zone)}
        return told | ({"rawData": raw_data(tags)} if with_raw else {})

    def _registration_info(self) -> Result:
        facts = self._machine.registration
        version = facts.ffd_version.text
        return {
            "organization": {
                "name": facts.user_name,
                "vatin": facts.user_inn,
                "email": facts.sender_email,
                "taxationTypes": [word for bit, word in words.TAXATION.items() if bit & facts.taxation_mask],
                "agents": [],
                "paymentsAddress": facts.address,
                "address": facts.address,
            },
            "device": {
                "registrationNumber": facts.registration_number,
                "paymentsPlace": facts.place,
                "paymentsAddress": facts.place,
                "fnsUrl": facts.fns_site,
                "offlineMode": facts.offline_mode,
                "autoMode": facts.auto_mode,
                "machineNumber": facts.machine_number or "",
                "internet": facts.internet_only,
                "excise": facts.excise_goods,
                "marking": facts.marked_goods,
                "ffdVersion": version,
                "defaultTaxationType": "osn",
            },
            "ofd": {"name": facts.ofd_name, "vatin": facts.ofd_inn, "host": "ofd.example", "port": 7777},
        }

    def _exchange(self) -> Result:
        status = self._machine.status()
        first = status.first_unsent_at or NEVER
        calm = {"code": 0, "description": "Ошибок нет"}
        return {
            "status": {
                "notSentCount": status.unsent_count,
                "notSentFirstDocNumber": status.first_unsent_number or 0,
                "notSentFirstDocDateTime": iso(first, self._pc_zone),
                "lastSuccessKeysUpdate": iso(status.clock - timedelta(hours=1), self._pc_zone),
            },
            "errors": {
                "fn": calm,
                "network": calm,
                "ofd": calm,
                "fnCommandCode": 0,
                "documentNumber": 0,
                "lastSuccessConnectionDateTime": iso(NEVER, self._pc_zone),
            },
            "warnings": {},
        }

    def _mark_clear(self, _task: dict[str, Any]) -> None:
        self._machine.marks.clear()
        self._machine.mark_asked = None

    def _mark_cancel(self, _task: dict[str, Any]) -> None:
        self._machine.mark_asked = None

    def _mark_begin(self, task: dict[str, Any]) -> Result:
        machine, params = self._machine, task.get("params")
        if not isinstance(params, dict):
            raise DriverError(501, 'Ошибка разбора задания: "params" отсутствует')
        for name in ("imc", "itemEstimatedStatus", "imcModeProcessing"):
            if name not in params:
                raise DriverError(501, f'Ошибка разбора задания: "params.{name}" отсутствует')
        if machine.mark_asked is not None:
            raise DriverError(MARK_STATE, "Проверка КМ уже выполняется")
        machine.mark_asked = mark_of(params)
        bits = _MARK_BITS[machine.mark_answer]
        return {
            "offlineValidation": {
                "fmCheck": bool(bits & 1),
                "fmCheckResult": bool(bits & 2),
                "fmCheckErrorReason": 0 if bits & 2 else 2,
            }
        }

    def _mark_status(self) -> Result:
        if self._machine.mark_asked is None:
            return {"driverError": {"code": MARK_STATE, "description": "Проверка не начата", "error": ""}}
        answered = self._machine.mark_answer in ("good", "bad")
        told: Result = {
            "ready": True,
            "sentImcRequest": answered,
            "driverError": {"code": 0, "description": "Ошибок нет", "error": ""}
            if answered
            else {"code": 421, "description": "Нет связи с сервером", "error": "serverNoConnect"},
        }
        return told

    def _mark_accept(self) -> Result:
        machine = self._machine
        if machine.mark_asked is None:
            raise DriverError(MARK_STATE, "Проверка КМ не выполнялась")
        bits = _MARK_BITS[machine.mark_answer]
        machine.marks[machine.mark_asked], machine.mark_asked = bits, None
        return {"itemInfoCheckResult": {name: bool(bits & 1 << n) for n, name in enumerate(_CHECKS)}}


def _sums(totals: RegisterTotals, operation: Operation) -> Result:
    columns = {
        "cash": Column.CASH,
        "electronically": Column.CARD,
        "prepaid": Column.PREPAID,
        "credit": Column.CREDIT,
        "other": Column.OTHER,
    }
    return {
        "count": totals.both(Column.COUNT, operation),
        "sum": rubles(totals.both(Column.TOTAL, operation)),
        "payments": {name: rubles(totals.both(column, operation)) for name, column in columns.items()},
    }


def status_line(status: KktStatus) -> Result:
    """For the control interface."""
    return {
        "fn": status.fn_number,
        "last_document": status.fd_number,
        "shift": {"number": status.shift_number, "state": status.shift_state.value},
        "receipts_in_shift": status.receipts_in_shift,
        "unsent": status.unsent_count,
    }
