"""RegisterCheck: accept once, wait, answer; join a repeat; ask about an equal press."""

from dataclasses import replace
from typing import Any

from kkt_adapter.api.doors.kkmserver.answers import STILL_RUNNING, Answer, done, running
from kkt_adapter.api.doors.kkmserver.content import content_hash
from kkt_adapter.api.doors.kkmserver.parts import GUARD_WAIT_S, LOOK_S, Call, NamedRegister, Parts
from kkt_adapter.api.doors.kkmserver.places import own_names
from kkt_adapter.api.doors.kkmserver.receipt import Translated, is_fiscal, translate
from kkt_adapter.api.doors.kkmserver.receipt_answers import is_final, receipt_answer
from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused, refused
from kkt_adapter.api.schemas.receipt import read_translated
from kkt_adapter.fiscal.control.presses import ActionRecord, PressOutcome, action_hashes, outcome_of
from kkt_adapter.fiscal.intake.as_sent import AsSent
from kkt_adapter.fiscal.intake.known_keys import Known, UsedForAction
from kkt_adapter.fiscal.intake.origin import Origin
from kkt_adapter.fiscal.intake.press_guard import PressRepeated, PressState
from kkt_adapter.fiscal.model import ReceiptRequest
from kkt_adapter.kernel.errors import AdapterError, Conflict, StorageError, Text

_ONLY_TEXT = Text("Text lines are not printed by this service.", "Текстовые строки эта служба не печатает.")


class ReceiptPresses:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def register_check(self, call: Call) -> Answer:
        """Raises CommandRefused, AdapterError: nothing was stored, unless ``leaves_unknown``."""
        if not is_fiscal(call.command.fields):
            return self.text(call)
        content = content_hash(call.command)
        origin = call.origin(content, actions=tuple(action_hashes(call.keys)))
        try:
            register = await self._parts.named(call.shop, call.command.device)
            call.is_for(register)
            translated = translate(call.command.fields, own_place=self._own_place(register))
            request, sent = self._read(translated, register)
        except (CommandRefused, AdapterError):
            known = await self._known(call, origin)
            if known is None:
                raise
            return await self._repeat(call, known, content)
        return await self._store(call, request, sent, translated, origin)

    async def _known(self, call: Call, origin: Origin) -> Known | None:
        """What the key was used for. The commit that accepts finds that out by itself: this is for a command
        that does not get so far. Raises CommandRefused."""
        used = await self._parts.presses.used_for(origin)
        if isinstance(used, ActionRecord):
            raise another_command(call.key)
        return used

    def text(self, call: Call) -> Answer:
        """A document without goods. It cannot be printed, but no till may fail because of it."""
        return done(call.head, Warning=call.head.said(_ONLY_TEXT))

    def _own_place(self, register: NamedRegister) -> bool:
        defaults = self._parts.registers.unit(register.register_id).defaults
        return defaults.other_place or defaults.internet

    def _read(self, translated: Translated, register: NamedRegister) -> tuple[ReceiptRequest, AsSent]:
        till = self._parts.till_of(register.register_id) or register.register_id
        parsed = read_translated({**translated.body, "pos_id": till}, own_name=own_names(translated.places))
        if parsed.sent.broken:
            raise parsed.sent.refusal(parsed.sent.broken)
        return parsed.request, parsed.sent

    async def _store(
        self, call: Call, request: ReceiptRequest, sent: AsSent, translated: Translated, origin: Origin
    ) -> Answer:
        strict = (
            origin  # kept out by an equal press of any age: how old it may be is asked where there is one
        )
        while True:
            try:
                # No hold ends before it is stored or refused, because Status 1 promises an outcome.
                result = await self._parts.intake.store(request, origin=origin, sent=sent, patience=call.hold)
            except PressRepeated as repeated:
                guard_for = self._parts.guards_for(call.shop) if origin is strict else None
                if guard_for is not None:
                    guard = call.guard(strict.content, guard_for=guard_for)
                    origin = replace(strict, guard=guard)
                    continue
                origin = strict
                await self._let_pass(call, repeated)
            except UsedForAction:
                raise another_command(call.key) from None
            else:
                if isinstance(result, Known):
                    return await self._repeat(call, result, origin.content)
                if result.answer is not None:
                    outcome = outcome_of(result, result.answer)
                elif call.hold.over:
                    return running(call.head, STILL_RUNNING)
                else:
                    outcome = await self._settled(call, result.receipt_id)
                return await self._answer(call, outcome, repeated=False, translated=translated)

    async def _repeat(self, call: Call, known: Known, content: bytes) -> Answer:
        """The same IdCommand again: join the first, or do again what was refused for certain."""
        if known.request_hash != content:
            raise another_command(call.key)
        self._parts.presses.stats.repeated += 1
        outcome = await self.outcome(known.receipt_id)
        if outcome.state is PressState.REFUSED:
            try:
                await self._parts.actions.reprint(outcome.receipt_id, asked_by_shop=True)
            except Conflict:  # somebody else was quicker
                pass
            outcome = await self._settled(call, known.receipt_id)
            return await self._answer(call, outcome, repeated=False)
        was_done = outcome.state is PressState.DONE
        outcome = await self._settled(call, known.receipt_id)
        return await self._answer(call, outcome, repeated=was_done)

    async def _let_pass(self, call: Call, repeated: PressRepeated) -> None:
        """Wait until the equal press keeps nobody out. Raises CommandRefused: it does."""
        self._parts.presses.stats.guarded += 1
        subject = repeated.press.subject
        call.hold.at_least(GUARD_WAIT_S)
        while True:
            press = await self._parts.presses.press(subject)
            if press is None or self._parts.presses.callers.settled(press):
                return
            if press.state is PressState.REFUSED:
                return
            if press.state is PressState.DONE:
                outcome = await self.outcome(subject)
                call.tells(subject)
                number = (outcome.doc or {}).get("fiscal_doc_number")
                raise refused(
                    "just_registered",
                    f"The same receipt was just registered as No. {number}. Send it again if you mean a "
                    "second one.",
                    f"Такой же чек только что зарегистрирован, № {number}. Если нужен второй — пробейте ещё "
                    "раз.",
                )
            if call.hold.over:
                raise self._unsettled(press.state)
            await call.hold.pause(LOOK_S)

    def _unsettled(self, state: PressState) -> CommandRefused:
        if state is PressState.ASKED:
            return refused(
                "same_receipt_asked",
                "The same receipt was sent before, and it is not known whether it was printed: the person in "
                "charge is asked. This one was not taken.",
                "Такой же чек уже отправлен, напечатан ли он — неизвестно: решает ответственный сотрудник. "
                "Этот чек не принят.",
            )
        return refused(
            "same_receipt_under_way",
            "The same receipt was sent before and is being printed. This one was not taken: wait for the "
            "first.",
            "Такой же чек уже отправлен и печатается. Этот чек не принят: дождитесь первого.",
        )

    async def outcome(self, receipt_id: str) -> PressOutcome:
        """Raises StorageError: it is gone."""
        found = await self._parts.presses.outcome(receipt_id)
        if found is None:
            raise StorageError("the receipt of this key is gone", "чек этого ключа не найден")
        return found

    async def _settled(self, call: Call, receipt_id: str) -> PressOutcome:
        """Once it is final, or as it stands when the hold is over."""
        return await wait_final(self._parts, call, receipt_id)

    async def _answer(
        self, call: Call, outcome: PressOutcome, *, repeated: bool, translated: Translated | None = None
    ) -> Answer:
        if is_final(outcome):
            call.tells(outcome.receipt_id)
        return receipt_answer(
            call.head,
            outcome,
            repeated=repeated,
            url=self._parts.link_of(outcome.receipt_id),
            notes=() if translated is None else translated.warnings,
            message=None if translated is None else translated.message,
            **call.device if call.names(outcome.register_id) else await self.members(outcome),
        )

    async def members(self, outcome: PressOutcome) -> dict[str, Any]:
        """NumDevice and UnitName of the register that has the receipt."""
        names = await self._parts.presses.names([outcome.register_id])
        return {"NumDevice": names[outcome.register_id].number, "UnitName": outcome.register_id}


async def wait_final(parts: Parts, call: Call, receipt_id: str) -> PressOutcome:
    """The outcome once it is final, or as it stands when the hold is over. Raises StorageError."""
    while True:
        outcome = await parts.presses.outcome(receipt_id)
        if outcome is None:
            raise StorageError("the receipt of this key is gone", "чек этого ключа не найден")
        if is_final(outcome) or call.hold.over:
            return outcome
        await call.hold.pause(LOOK_S)


def another_command(key: str) -> CommandRefused:
    return refused(
        "id_used",
        f"IdCommand {key} belongs to another command. Nothing was done: send a new IdCommand.",
        f"IdCommand {key} уже занят другой командой. Ничего не сделано: укажите новый IdCommand.",
    )
