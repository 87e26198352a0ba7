"""Answers as their clients read them: flat objects, and never a member that breaks one of them.

``Error`` is a text always, ``Warning`` and ``Message`` too (two clients read them without looking). A Status
of 1 has a text in ``Error``, because two clients look at nothing else. Other members with nothing in them are
absent, as in the recorded answers of the original (esaulkov/kkmserver:spec/support/vcr_cassettes).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.refusal import CommandRefused, Status, harmless
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.quick import quickly_made

Answer = dict[str, Any]

STILL_RUNNING: Final = Text(
    "The outcome is not known yet. Do not press again: the register finishes it by itself. Ask GetRezult.",
    "Исход пока неизвестен. Не пробивайте повторно: касса закончит сама. Узнайте результат через GetRezult.",
)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every answer repeats of its command."""

    command: str
    id: str
    english: bool = False

    def said(self, text: Text) -> str:
        return harmless(text.en if self.english else text.ru)


def done(head: Head, **members: Any) -> Answer:
    """Status 0 with what the command brings; members that are None are left out."""
    return _answer(head, Status.OK, "", members)


def running(head: Head, text: Text = STILL_RUNNING, **members: Any) -> Answer:
    """Status 1, with a text. Raises ValueError for an empty one."""
    said = head.said(text)
    if not said.strip():
        raise ValueError("an answer of Status 1 says what is going on")
    return _answer(head, Status.RUNNING, said, members)


def failed(head: Head, refusal: CommandRefused, **members: Any) -> Answer:
    """Status 2 or 3: nothing was done."""
    said = f"{head.said(refusal.text)} [{refusal.code}]"
    return _answer(head, refusal.status, said, members)


def result_of(inner: Answer, asked: str) -> Answer:
    """GetRezult: the command's answer inside and the same outside, since clients disagree where to look.

    ``IdCommand`` outside is the one that was asked about: one client polls on with it. Without ``results`` an
    older version of Magic-B/kkmserver-js (src/client.ts of 2024) asks on without a pause, for ever.
    """
    return {**inner, "Command": "GetRezult", "IdCommand": asked, "Rezult": dict(inner), "results": True}


def unknown_result(asked: str, *, english: bool, **device: Any) -> Answer:
    """GetRezult for an id that nobody knows; ``Rezult`` all the same, else a client asks without end."""
    refusal = CommandRefused(
        Text(
            "No command with this IdCommand was accepted: nothing was printed under it.",
            "Команда с таким IdCommand не принималась: по ней ничего не напечатано.",
        ),
        code="unknown_id",
        status=Status.NOT_FOUND,
    )
    inner = failed(Head(command="GetRezult", id=asked, english=english), refusal, **device)
    return result_of(inner, asked)


def encoded(answer: Mapping[str, Any]) -> bytes:
    return jsontext.encode(answer).encode("utf-8", "replace")


def _answer(head: Head, status: Status, error: str, members: Mapping[str, Any]) -> Answer:
    answer: Answer = {
        "Command": head.command,
        "Error": error,
        "Status": int(status),
        "IdCommand": head.id,
        "Warning": "",
        "Message": "",
    }
    for name, value in members.items():
        if value is not None:
            answer[name] = value
    for name in ("Warning", "Message"):
        if answer[name]:
            answer[name] = harmless(answer[name])
    return answer
