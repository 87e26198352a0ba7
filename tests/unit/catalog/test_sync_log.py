"""The log file: its exact form, its rotation, and what may not stand in it."""

import logging
import re
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.support.catalog import utc
from tests.support.clock import ManualClock

from kkt_adapter.catalog.run_log.log_file import LogFile
from kkt_adapter.catalog.run_log.redaction import SECRETS_KEPT, Redactor, one_line
from kkt_adapter.catalog.run_log.run_log import SyncLog
from kkt_adapter.catalog.runs import ErrorKind, RunError, RunRecord, RunStatus, Trigger

START = utc("2025-09-17T02:00:00.123")


def record(status: RunStatus = RunStatus.SUCCEEDED, **changes: object) -> RunRecord:
    values: dict[str, object] = {
        "run_id": "r",
        "job_id": "j",
        "trigger": Trigger.DAILY,
        "triggered_by": "scheduler",
        "status": status,
        "created_at": START,
        "duration_seconds": 330.333,
        "products_synced": 15_420,
        "pages_processed": 771,
        "pages_total": 771,
        "errors": 0,
    }
    return RunRecord(**(values | changes))  # type: ignore[arg-type]


def written(path: Path) -> str:
    return path.read_text()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "sync.log"


@pytest.fixture
def log(path: Path) -> SyncLog:
    return SyncLog(LogFile(path), clock=ManualClock(START), redactor=Redactor("top-secret"))


async def test_a_good_run_reads_as_agreed(log: SyncLog, path: Path) -> None:
    await log.started(record())
    await log.ended(record())
    assert written(path) == (
        "2025-09-17 02:00:00,123 - scheduler - INFO - "
        "=== DAILY PRODUCT SYNC STARTED at 2025-09-17T02:00:00 ===\n"
        "2025-09-17 02:00:00,123 - scheduler - INFO - === DAILY PRODUCT SYNC COMPLETED SUCCESSFULLY ===\n"
        "Duration: 330.33 seconds\n"
        "Products Synced: 15420\n"
        "Pages Processed: 771\n"
        "Errors: 0\n"
        "End Time: 2025-09-17T02:00:00\n"
    )


async def test_a_failure_reads_as_agreed(log: SyncLog, path: Path) -> None:
    failed = record(
        RunStatus.FAILED,
        duration_seconds=45.666,
        error="Connection timeout to G2A API",
        trigger=Trigger.MANUAL,
    )
    await log.ended(failed, trace="Traceback (most recent call last):\n  boom\n")
    assert written(path) == (
        "2025-09-17 02:00:00,123 - scheduler - ERROR - === MANUAL PRODUCT SYNC FAILED ===\n"
        "Duration: 45.67 seconds\n"
        "Error: Connection timeout to G2A API\n"
        "End Time: 2025-09-17T02:00:00\n"
        "Full traceback:\n"
        "Traceback (most recent call last):\n"
        "  boom\n"
    )


@pytest.mark.parametrize("status", [status for status in RunStatus if status is not RunStatus.SUCCEEDED])
async def test_only_success_is_called_success(log: SyncLog, path: Path, status: RunStatus) -> None:
    await log.ended(record(status))
    assert "SUCCESSFULLY" not in written(path)


async def test_a_partial_run_lists_twenty_details_and_how_many_more(log: SyncLog, path: Path) -> None:
    errors = [
        RunError(kind=ErrorKind.PAGE, page=n, product_id=None, reason="http_500\nInjected line", at=START)
        for n in range(1, 31)
    ]
    await log.ended(record(RunStatus.PARTIAL, errors=30, error="pages failed"), errors=errors)
    text = written(path)
    assert " - ERROR - === DAILY PRODUCT SYNC COMPLETED WITH ERRORS ===\n" in text
    details = text[text.index("Error Details:") :].splitlines()
    assert len([line for line in details if line.startswith("- ")]) == 20
    assert details[-1] == "... and 11 more"
    assert "\nInjected" not in text


async def test_other_moments(log: SyncLog, path: Path) -> None:
    await log.resumed(record(pages_processed=300))
    await log.missed(START)
    await log.skipped(START, running="r-7")
    await log.ended(record(RunStatus.CANCELLED))
    lines = [line for line in written(path).splitlines() if " - scheduler - " in line]
    assert [re.sub(r"^\S+ \S+ - scheduler - ", "", line) for line in lines] == [
        "INFO - === DAILY PRODUCT SYNC RESUMED at 2025-09-17T02:00:00 (page 300 of 771) ===",
        "WARNING - Daily product sync of 2025-09-17T02:00Z was missed",
        "WARNING - Daily product sync of 2025-09-17T02:00Z was skipped: run r-7 is going on",
        "INFO - === DAILY PRODUCT SYNC CANCELLED ===",
    ]


async def test_no_secret_reaches_the_file_not_even_in_a_traceback(log: SyncLog, path: Path) -> None:
    await log.ended(record(RunStatus.FAILED, error="bad top-secret"), trace="File x\n  key='top-secret'")
    assert "top-secret" not in written(path)
    assert "***" in written(path)


async def test_a_file_that_cannot_be_written_is_told_once_and_stops_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = SyncLog(LogFile(tmp_path / "logs" / "sync.log"), clock=ManualClock(START), redactor=Redactor())
    with capture_logs() as lines:
        await log.check()
        await log.started(record())
    assert not log.ok
    assert [line["event"] for line in lines].count("sync_log_not_writable") == 1
    (tmp_path / "logs").unlink()
    await log.started(record())
    assert log.ok


async def test_the_console_gets_a_copy(log: SyncLog, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="scheduler"):
        await log.started(record())
    (copy,) = caplog.records
    assert copy.name == "scheduler"
    assert copy.getMessage().startswith("=== DAILY PRODUCT SYNC STARTED")


def test_the_file_rotates_and_keeps_so_many(path: Path) -> None:
    file = LogFile(path, max_bytes=100, kept=3)
    for number in range(40):
        file.append(f"{number:02d} " + "x" * 40 + "\n")
    kept = sorted(entry.name for entry in path.parent.iterdir())
    assert kept == ["sync.log", "sync.log.1", "sync.log.2", "sync.log.3"]
    assert path.read_text().startswith("38")
    assert all(entry.stat().st_size <= 100 for entry in path.parent.iterdir())


def test_blocks_of_many_writers_never_mix_while_the_file_rotates(path: Path) -> None:
    def write(name: str) -> None:
        file = LogFile(path, max_bytes=4_000, kept=100)
        for number in range(40):
            file.append(f"<{name} {number}\n{name * 50}\n>\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = "".join(entry.read_text() for entry in path.parent.iterdir())
    blocks = re.findall(r"<([abcd]) (\d+)\n(\1{50})\n>\n", text)
    assert len(blocks) == 160
    assert len(text) == sum(len(f"<{name} {number}\n{body}\n>\n") for name, number, body in blocks)


def test_a_redactor_forgets_the_oldest_tokens_but_not_the_newest() -> None:
    redactor = Redactor()
    tokens = [f"token-{number:03d}" for number in range(SECRETS_KEPT + 1)]
    for token in tokens:
        redactor.learn(token)
    assert redactor.scrub(tokens[-1]) == "***"
    redactor.learn("abc")  # too short to be a secret
    assert redactor.scrub("abc") == "abc"


def test_foreign_text_is_cut_and_has_one_line() -> None:
    assert one_line("a\r\nb\u2028c\x00d") == "a b c d"
    assert len(one_line("x" * 9_000)) == 500
