"""Every command of the table: to whom it goes, and what is answered when it cannot be carried out."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver import answers
from kkt_adapter.api.doors.kkmserver.actions import (
    NAME_OF_SCOPE,
    SCOPE_OF,
    Actions,
    action_answer,
    made_before,
)
from kkt_adapter.api.doors.kkmserver.answers import Answer, Head, done, failed, result_of, running
from kkt_adapter.api.doors.kkmserver.command import (
    DO_NOT_WAIT_S,
    LONGEST_ID,
    Does,
    head_of,
    read_command,
    unsupported,
    written_head,
)
from kkt_adapter.api.doors.kkmserver.device_data import LINE_LENGTH, DeviceView, info, listed
from kkt_adapter.api.doors.kkmserver.good_code import good_code_data
from kkt_adapter.api.doors.kkmserver.hold import Hold, Holds
from kkt_adapter.api.doors.kkmserver.parts import Call, Parts
from kkt_adapter.api.doors.kkmserver.receipt_answers import is_final, receipt_answer, register_check
from kkt_adapter.api.doors.kkmserver.receipts import ReceiptPresses, wait_final
from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused, leaves_unknown, refusal_of, refused
from kkt_adapter.fiscal.intake.press_guard import Caller
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.kernel.ids import random_id
from kkt_adapter.runtime.auth.shop_values import Shop
from kkt_adapter.runtime.log import get_logger

log = get_logger("kkmserver")

POLL_HELD_S: Final = 5.0  # GetRezult waits so long at most: clients ask again
MOST_REFUSALS: Final = 1000
MOST_UNKNOWN: Final = 20  # names of unknown fields in one line of the log


class RecentRefusals:
    """Why commands were refused, by stored key: one client never reads the answer to its command, and asks
    GetRezult alone (alchemist314/phpkkm_kassa). Kept in this process, the newest ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, CommandRefused]] = OrderedDict()

    def keep(self, key: str, command: str, refusal: CommandRefused) -> None:
        self._kept[key] = (command, refusal)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_REFUSALS:
            self._kept.popitem(last=False)

    def find(self, key: str) -> tuple[str, CommandRefused] | None:
        return self._kept.get(key)


class Commands:
    """Carries out commands of shops that have signed in."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._receipts = ReceiptPresses(parts)
        self._actions = Actions(parts)
        self._refusals = RecentRefusals()
        self.holds = Holds(parts.clock)
        self._stats = parts.presses.stats
        self._does: Mapping[Does, Callable[[Call], Awaitable[Answer]]] = {
            Does.RECEIPT: self._receipts.register_check,
            Does.SHIFT_OPEN: self._actions.carry_out,
            Does.Z_REPORT: self._actions.carry_out,
            Does.X_REPORT: self._actions.carry_out,
            Does.CASH_IN: self._actions.carry_out,
            Does.CASH_OUT: self._actions.carry_out,
            Does.RESULT: self._result,
            Does.LIST: self._list,
            Does.DEVICE_DATA: self._device_data,
            Does.RECEIPT_DATA: self._receipt_data,
            Does.LINE_LENGTH: self._line_length,
            Does.TEXT: self._text,
            Does.GOOD_CODE: self._good_code,
        }

    async def execute(
        self,
        shop: Shop,
        document: Mapping[str, Any],
        *,
        english: bool,
        at_once: bool,
        caller: Caller,
        watch: Callable[[Hold], None],
    ) -> tuple[Answer, list[str]]:
        """The answer to one command, and the presses whose outcome it tells. Raises nothing but cancellation.

        Args:
            at_once: do not wait for an outcome.
            watch: is given the hold as soon as there is one; ends it when the client leaves.
        """
        try:
            command = read_command(document)
        except CommandRefused as refusal:
            self._stats.answered("unknown", int(refusal.status))
            written, key = written_head(document)
            return failed(Head(command=written, id=key, english=english), refusal, NumDevice=0), []
        written, key = head_of(command, document)
        seconds = DO_NOT_WAIT_S if at_once else min(command.timeout_s, shop.hold_max_s)
        hold = self.holds.open(seconds)
        watch(hold)
        stored_key = random_id() if command.id is None else command.id
        if command.id is None and command.does is not Does.RESULT:
            key = stored_key
        call = Call(
            shop=shop,
            command=command,
            head=Head(command=written, id=key, english=english),
            hold=hold,
            caller=caller,
            key=stored_key,
        )
        self._stats.held += 1
        try:
            answer = await self._carried_out(call)
        finally:
            self.holds.close(hold)
            self._stats.held -= 1
        self._stats.answered(command.name, answer["Status"])
        return {"NumDevice": command.device.number, **call.device, **answer}, call.told

    async def _carried_out(self, call: Call) -> Answer:
        carry_out = self._does.get(call.command.does)
        try:
            if carry_out is None:
                raise unsupported(call.command)
            answer = await carry_out(call)
        except (CommandRefused, AdapterError) as error:
            refusal = error if isinstance(error, CommandRefused) else refusal_of(error)
            answer = _failed(call, error)
            if call.command.does is not Does.RESULT and not leaves_unknown(error):
                self._refusals.keep(call.origin(b"").key, call.head.command, refusal)
            log.info("command_refused", command=call.command.name, code=refusal.code)
        except Exception as error:
            log.exception("command_failed", command=call.command.name)
            answer = _failed(call, error)
        if unknown := call.command.fields.unknown():
            shown = sorted(unknown)[:MOST_UNKNOWN]
            log.debug("unknown_fields_ignored", command=call.command.name, fields=shown)
        return answer

    async def _result(self, call: Call) -> Answer:
        """GetRezult: what became of a command, the same inside and outside."""
        asked, english = call.command.id, call.head.english
        if asked is None:
            raise refused(
                "no_id",
                "GetRezult needs the IdCommand that it asks about.",
                "Для GetRezult нужен IdCommand команды, о которой спрашивают.",
            )
        inner = await self._inner(call, asked)
        device = {"NumDevice": call.command.device.number, **call.device}
        if inner is None:
            return answers.unknown_result(asked[:LONGEST_ID], english=english, **device)
        return result_of({**device, **inner}, asked)

    async def _inner(self, call: Call, asked: str) -> Answer | None:
        """The answer of the command that is asked about; None: nobody knows it."""
        origin = call.origin(b"")
        known = await self._parts.intake.known(origin)
        if known is not None:
            head = Head(command="RegisterCheck", id=asked, english=call.head.english)
            call.hold.at_most(POLL_HELD_S)
            outcome = await wait_final(self._parts, call, known.receipt_id)
            if is_final(outcome):
                call.tells(outcome.receipt_id)
            return receipt_answer(
                head,
                outcome,
                repeated=False,
                url=self._parts.link_of(outcome.receipt_id),
                **await self._receipts.members(outcome),
            )
        record = await self._parts.presses.action(origin)
        if record is None and not self._actions.is_running(origin.key):
            refused_before = self._refusals.find(origin.key)
            if refused_before is None:
                return None
            command, refusal = refused_before
            return failed(Head(command=command, id=asked, english=call.head.english), refusal)
        name = "" if record is None else NAME_OF_SCOPE[record.scope]
        call.head = Head(command=name, id=asked, english=call.head.english)
        view = await self._actions.first_device(call, record, origin.key if record is None else record.key)
        if view is not None:
            call.is_for(view)
        if record is None or record.answer is None:
            return running(call.head)
        call.tells(record.key)
        made = made_before(record.answer)
        if view is not None and made is not None:
            view = await self._parts.looked_at(view)
        return action_answer(call, view, made)

    async def _device(self, call: Call) -> DeviceView:
        """Raises CommandRefused."""
        view = await self._parts.device(call.shop, call.command.device)
        call.is_for(view)
        return view

    async def _list(self, call: Call) -> Answer:
        views = await self._parts.views(call.shop)
        return done(call.head, ListUnit=listed(views, call.command.fields))

    async def _device_data(self, call: Call) -> Answer:
        view = await self._parts.looked_at(await self._device(call))
        status = view.status
        return done(
            call.head,
            CheckNumber=None if status is None else status.fd_number,
            SessionNumber=None if status is None else status.shift_number,
            LineLength=LINE_LENGTH,
            URL="",
            Info=info(view),
        )

    async def _line_length(self, call: Call) -> Answer:
        await self._device(call)
        return done(call.head, LineLength=LINE_LENGTH)

    async def _text(self, call: Call) -> Answer:
        return self._receipts.text(call)

    async def _good_code(self, call: Call) -> Answer:
        code = call.command.fields.text("BarCode")
        if code is None:
            raise refused("no_code", "The field BarCode is missing.", "Не указано поле BarCode.")
        return done(call.head, DataProductCode=good_code_data(code, english=call.head.english))

    async def _receipt_data(self, call: Call) -> Answer:
        """GetDataCheck: a receipt of this account by its document's number; 0: the last one."""
        view = await self._device(call)
        number = call.command.fields.whole("FiscalNumber") or 0
        found = await self._parts.presses.printed(view.register_id, number, account=call.shop.id)
        if found is None:
            raise refused(
                "no_receipt",
                f"This account has no receipt with document number {number} on this register.",
                f"У этой учётной записи нет чека с номером документа {number} на этой ККТ.",
            )
        slip = await self._parts.receipts.slip_text(found.receipt_id)
        copies = call.command.fields.whole("NumberCopies") or 0
        return done(
            call.head,
            Warning=call.head.said(_NO_COPIES) if copies > 0 else None,
            URL=self._parts.link_of(found.receipt_id),
            QRCode=(found.doc or {}).get("qr_code_data"),
            Slip="\r\n".join(slip.splitlines()),
            RegisterCheck=register_check(found),
        )


def _failed(call: Call, error: Exception) -> Answer:
    """Of GetRezult: what keeps it from being answered says nothing of the command that it asks about."""
    refusal = error if isinstance(error, CommandRefused) else refusal_of(error)
    does = call.command.does
    if does is Does.RESULT:
        head = replace(call.head, command="")
        inner = failed(head, refusal) if error is refusal else running(head, refusal.text)
        return result_of(inner, call.head.id)
    if leaves_unknown(error) and (does is Does.RECEIPT or does in SCOPE_OF):
        return running(call.head, refusal.text)
    return failed(call.head, refusal)


_NO_COPIES: Final = Text("Copies are not printed.", "Копии чека не печатаются.")
