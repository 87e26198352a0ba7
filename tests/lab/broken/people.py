"""Safeguards around people and the process, taken out."""

import signal
from typing import Any

from tests.lab.broken.patching import patch

from kkt_adapter.cli.service import serve
from kkt_adapter.fiscal.control.shift_reports import ShiftReports
from kkt_adapter.fiscal.printing.recovery.resolve import Recovery
from kkt_adapter.fiscal.status.health import Health
from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.runtime.log_lines import LogLines


def decision_overruled() -> None:
    """Print again, says the person; and the newest document that looks like the receipt is taken for it."""
    decide = Recovery.decide

    async def overruled(self: Recovery, receipt_id: str, lane: LaneTerm, **given: Any) -> None:
        question = self.question
        if given["adopt"] is None and question is not None and question.found:
            given["adopt"] = question.found[-1].fd_number
        await decide(self, receipt_id, lane, **given)

    patch(Recovery, "decide", overruled)


def session_ignored() -> None:
    async def any_will_do(self: ShiftReports, unit: Any, session_id: str | None) -> None:
        pass

    patch(ShiftReports, "_ensure_session", any_will_do)


def always_healthy() -> None:
    patch(Health, "_status", lambda self, *seen: "healthy")


def log_waits() -> None:
    def write(self: LogLines, text: str) -> int:
        self._write(text.encode())
        return len(text)

    patch(LogLines, "write", write)


def hang_up_ends() -> None:
    patch(serve, "survive_hang_up", lambda lines: signal.signal(signal.SIGHUP, signal.SIG_DFL))
