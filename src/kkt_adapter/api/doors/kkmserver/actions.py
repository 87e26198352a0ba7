"""Cash, shifts and reports: each exactly once under its IdCommand.

An action is a task of its own. A client that leaves, or whose time is over, leaves it running: the next one
with the same id joins it, and after a restart its key says what became of it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.answers import STILL_RUNNING, Answer, done, running
from kkt_adapter.api.doors.kkmserver.command import Does
from kkt_adapter.api.doors.kkmserver.content import content_hash
from kkt_adapter.api.doors.kkmserver.device_data import DeviceView, info
from kkt_adapter.api.doors.kkmserver.parts import Call, Parts
from kkt_adapter.api.doors.kkmserver.receipts import another_command
from kkt_adapter.api.doors.kkmserver.refusal import refused
from kkt_adapter.fiscal.control.presses import CASH_SCOPE, ActionRecord
from kkt_adapter.fiscal.control.shift_reports import OPEN_SCOPE, X_SCOPE, Z_SCOPE
from kkt_adapter.fiscal.intake.press_guard import PressRepeated
from kkt_adapter.fiscal.shifts.pos_session import PosSession
from kkt_adapter.fiscal.shifts.reports import ReportMade, ShiftOpened
from kkt_adapter.fiscal.store.idempotency import Outcome
from kkt_adapter.kernel.errors import Conflict, IdempotencyConflict, Text

SCOPE_OF: Final[Mapping[Does, str]] = {
    Does.CASH_IN: CASH_SCOPE,
    Does.CASH_OUT: CASH_SCOPE,
    Does.Z_REPORT: Z_SCOPE.name,
    Does.SHIFT_OPEN: OPEN_SCOPE.name,
    Does.X_REPORT: X_SCOPE.name,
}
NAME_OF_SCOPE: Final = {
    CASH_SCOPE: "DepositingCash",
    Z_SCOPE.name: "CloseShift",
    OPEN_SCOPE.name: "OpenShift",
    X_SCOPE.name: "XReport",
}
_KINDS: Final = {Does.CASH_IN: "cash_in", Does.CASH_OUT: "cash_out"}

_DONE_BEFORE: Final = Text(
    "This command was carried out before; nothing was done again.",
    "Команда уже выполнена раньше; повторно ничего не сделано.",
)


Done = PosSession | ReportMade | ShiftOpened


class Actions:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._running: dict[str, _Running] = {}  # by stored key

    def is_running(self, key: str) -> bool:
        return key in self._running

    async def carry_out(self, call: Call) -> Answer:
        """Raises CommandRefused, AdapterError: nothing was done, unless ``leaves_unknown``."""
        origin = call.origin(content_hash(call.command))
        if await self._parts.intake.known(origin) is not None:
            raise another_command(call.key)
        record = await self._parts.presses.action(origin)
        if record is not None and record.scope != SCOPE_OF[call.command.does]:
            raise another_command(call.key)
        key = origin.key if record is None else record.key
        view = await self._device(call, record, key)
        call.is_for(view)
        while True:
            under_way = self._running.get(key) or self._begin(call, view, key)
            if not await call.hold.wait_for(under_way.task):
                return running(call.head, STILL_RUNNING)
            try:
                result = under_way.task.result()
            except IdempotencyConflict:
                raise another_command(call.key) from None
            except PressRepeated as repeated:
                await self._guarded(call, repeated)
            else:
                call.tells(key)
                return await self._answer(call, view, result)

    async def _device(self, call: Call, record: ActionRecord | None, key: str) -> DeviceView:
        """The register; of a repeated command that of the first, unless it asks for another one's report."""
        if call.command.does in _KINDS or call.command.device.number == 0:
            first = await self.first_device(call, record, key)
            if first is not None:
                return first
        return await self._parts.device(call.shop, call.command.device)

    async def first_device(self, call: Call, record: ActionRecord | None, key: str) -> DeviceView | None:
        """The register on which a key is being carried out, or was; None: none that the shop has now."""
        under_way = self._running.get(key)
        if under_way is not None:
            return under_way.view
        if record is not None:
            for view in await self._parts.views(call.shop):
                if record.is_of(view.register_id, till=self._parts.till_of(view.register_id)):
                    return view
        return None

    def _begin(self, call: Call, view: DeviceView, key: str) -> "_Running":
        does = call.command.does
        make = self._cash if does in _KINDS else self._report

        async def work() -> Outcome[Done]:
            outcome = await make(call, view, key)
            answer: Done = outcome.answer
            return Outcome(answer=answer, replayed=outcome.replayed)

        task = asyncio.create_task(work())
        self._running[key] = begun = _Running(task=task, view=view)
        task.add_done_callback(self._finished(key))
        return begun

    def _finished(self, key: str) -> "Callable[[asyncio.Task[Outcome[Done]]], None]":
        def finished(task: "asyncio.Task[Outcome[Done]]") -> None:
            self._running.pop(key, None)
            if not task.cancelled():
                task.exception()  # whoever waits has it; nobody may wait any more

        return finished

    async def _cash(self, call: Call, view: DeviceView, key: str) -> Outcome[PosSession]:
        fields, kind = call.command.fields, _KINDS[call.command.does]
        amount = fields.money("Amount")
        if not amount:
            raise refused(
                "amount",
                "Amount must be above zero.",
                "Поле Amount должно быть больше нуля.",
            )
        till = self._till(view)
        await self._open_session(till)
        call.caller.takes(key)
        return await self._parts.sessions.move_cash(
            till,
            kind=kind,
            amount_kop=amount,
            reason="KkmServer",
            by=call.shop.id,
            key=key,
            guard=call.guard(content_hash(call.command), guard_for=self._parts.guards_for(call.shop)),
        )

    def _till(self, view: DeviceView) -> str:
        till = self._parts.till_of(view.register_id)
        if till is None:
            raise refused(
                "no_till",
                "This register has no till of its own: name one in its pos_ids, then its cash is counted.",
                "У этой ККТ нет своей кассы: укажите её в pos_ids, тогда наличные будут учитываться.",
            )
        return till

    async def _open_session(self, till: str) -> None:
        """Clients of KkmServer know no sessions: the first movement opens one."""
        try:
            await self._parts.sessions.open(till, session_id=None, opening_cash_kop=0, key=None)
        except Conflict:
            pass  # one is open

    async def _report(
        self, call: Call, view: DeviceView, key: str
    ) -> Outcome[ReportMade] | Outcome[ShiftOpened]:
        does, actions = call.command.does, self._parts.actions
        till = self._till(view)
        if does is Does.Z_REPORT:
            return await actions.z_report(till, key=key)
        if does is Does.SHIFT_OPEN:
            return await actions.open_shift(till, key=key)
        return await actions.x_report(till, key=key)

    async def _guarded(self, call: Call, guarded: PressRepeated) -> None:
        """Raises CommandRefused, unless the equal movement was told to its own client meanwhile."""
        self._parts.presses.stats.guarded += 1
        subject = guarded.press.subject
        press = await self._parts.presses.press(subject)
        if press is None or self._parts.presses.callers.settled(press):
            return
        call.tells(subject)
        raise refused(
            "just_done",
            "The same cash movement was just carried out. Send it again if you mean a second one.",
            "Такая же операция с наличными только что выполнена. Если нужна вторая — отправьте ещё раз.",
        )

    async def _answer(self, call: Call, view: DeviceView, outcome: Outcome[Done]) -> Answer:
        self._parts.presses.stats.repeated += outcome.replayed
        warning = call.head.said(_DONE_BEFORE) if outcome.replayed else None
        made = _made(outcome.answer)
        looked = view if made is None else await self._parts.looked_at(view)
        return action_answer(call, looked, made, warning=warning)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """An action under way; ``view``: its register, as it was chosen."""

    task: "asyncio.Task[Outcome[Done]]"
    view: DeviceView


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The document of a report or an opening; an X report has the number of its shift only."""

    fd_number: int | None
    shift_number: int


def made_before(answer: Mapping[str, Any]) -> Made | None:
    """From an answer as it is kept with its key; None: it was about cash."""
    if "shiftNumber" not in answer:
        return None
    return Made(fd_number=answer["fiscalDocumentNumber"], shift_number=answer["shiftNumber"])


def _made(answer: Done) -> Made | None:
    match answer:
        case ReportMade():
            return Made(fd_number=answer.fd_number, shift_number=answer.totals.shift_number)
        case ShiftOpened():
            return Made(fd_number=answer.fd_number, shift_number=answer.shift_number)
        case PosSession():
            return None


def action_answer(
    call: Call, view: DeviceView | None, made: Made | None, *, warning: str | None = None
) -> Answer:
    """``view`` None: the register is not the shop's any more."""
    members: dict[str, Any] = {"Warning": warning}
    if made is not None:
        members["CheckNumber"] = made.fd_number
        members["SessionNumber"] = made.shift_number
        members["URL"] = members["QRCode"] = ""  # of a receipt only, but read of reports too
        members["Info"] = None if view is None else info(view)
    return done(call.head, **members)
