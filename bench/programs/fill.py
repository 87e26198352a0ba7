"""``fill``: ingest into a database that holds many receipts already, beside an empty one.

The file is filled directly: 32 receipts are stored by the product's own steps and marked as delivered, then
their rows are multiplied inside SQLite and spread evenly over the last four weeks: a shop does not sell
millions in a day, and nothing is old enough to be forgotten during a run. It is filled once and used in every
round, which adds a per cent.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from bench import steps
from bench.load import Wanted, body, run
from bench.method import Method
from bench.processes import product
from bench.report import Report, Target
from bench.shim import Shim
from kkt_adapter.api.schemas.receipt import parse_receipt

MODELS = 32  # receipts whose rows are multiplied
CONNECTIONS = 32
SPREAD_S = 28 * 24 * 3600  # from the first receipt to the last


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    filled = filled_folder(method, say)
    wanted = Wanted(connections=CONNECTIONS, warm_up_s=method.warm_up_s, measured_s=method.measured_s)
    rates: dict[bool, list[float]] = {False: [], True: []}
    for number in range(1, method.rounds + 1):
        for full in (False, True):
            say(f"fill, round {number} of {method.rounds}: {method.stored if full else 0} stored")
            empty = method.folder / "fill-empty"
            shutil.rmtree(empty, ignore_errors=True)
            with product(filled if full else empty, CONNECTIONS) as server:
                rates[full].append(run(server.port, wanted).per_s)
    report.note("fill: empty", "receipts/s", rates[False])
    report.note(f"fill: {method.stored} stored", "receipts/s", rates[True])
    report.add(
        Target(row="8", what=f"ingest c=32 with {method.stored} stored / empty", must=0.70, stretch=0.85),
        (full / empty for full, empty in zip(rates[True], rates[False], strict=True)),
    )


def filled_folder(method: Method, say: Callable[[str], None]) -> Path:
    """The data directory with the filled database; made once in a run."""
    folder = method.folder / "filled"
    path = folder / "buffer.db"
    if not path.exists():
        folder.mkdir(parents=True)
        started = time.monotonic()
        say(f"filling a database with {method.stored} receipts")
        _store_models(path)
        _multiply(path, method.stored // MODELS)
        size = path.stat().st_size / 1e9
        say(f"filled in {time.monotonic() - started:.0f} s, {size:.1f} GB")
    return folder


def _store_models(path: Path) -> None:
    tills = [steps.till(number) for number in range(MODELS)]
    conn = steps.new_database(path, tills)
    for number, till in enumerate(tills):
        request, key = parse_receipt(body(number)).request, f"model-{number}"
        found = steps.checked(request, key, till)
        accepted = steps.accept(conn, [steps.accept_item(request, found, key, till, fd_number=2)])[0]
        document = steps.document(found, till, fd_number=3)
        steps.write_down(conn, [steps.written_item(found, accepted, document, till)])
    steps.give_leases_back(conn)
    conn.close()


def _multiply(path: Path, times: int) -> None:
    """Delivered copies of all models, ``times - 1`` of each, with keys and numbers of their own."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    connection.execute("CREATE TEMP TABLE copies (k INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO copies VALUES (?)", ((k,) for k in range(1, times)))
    connection.execute(
        "INSERT INTO attempts"
        " (id, what, register_id, receipt_seq, owner, term, started_at, ended_at, outcome)"
        " SELECT id + 1000, 'send', register_id, receipt_seq, owner, term, started_at, started_at, 'done'"
        " FROM attempts"
    )
    connection.execute(
        "INSERT INTO buffer_events (event_type, receipt_id, timestamp, level)"
        " SELECT 'receipt_synced', id, created_at, 'info' FROM receipts"
    )
    connection.execute(
        "UPDATE receipts"
        " SET status = 'synced', claim = 1, ofd_id = '0123456789abcdef', synced_at = printed_at"
    )
    for table in ("receipts", "documents", "buffer_events"):
        moved = ", ".join(f"{name} = {value}" for name, value in _moved(table, f"{-SPREAD_S}").items())
        connection.execute(f"UPDATE {table} SET {moved}")
    later_s = f"CAST(k * {SPREAD_S / times} AS INTEGER)"
    new_id = "printf('01900000-%04x-7%03x-8000-%012x', k / 4096, k % 4096, {seq})"
    seq = f"{{seq}} + k * {MODELS}"
    for table, changed in {
        "receipts": {
            "seq": seq.format(seq="seq"),
            "id": new_id.format(seq="seq"),
            "idempotency_key": "idempotency_key || '-' || k",
            "fiscal_doc_number": "fiscal_doc_number + k",
            **_moved("receipts", later_s),
        },
        "idempotency": {
            "seq": seq.format(seq="seq"),
            "key_hash": "randomblob(16)",
            "key": "key || '-' || k",
            "receipt_id": new_id.format(seq="seq"),
        },
        "attempts": {
            "id": f"id + k * {MODELS * 100}",
            "receipt_seq": seq.format(seq="receipt_seq"),
        },
        "documents": {
            "fd_number": "fd_number + k",
            "receipt_seq": seq.format(seq="receipt_seq"),
            **_moved("documents", later_s),
        },
        "buffer_events": {
            "id": "id + k * 1000",
            "receipt_id": new_id.format(seq="id"),
            **_moved("buffer_events", later_s),
        },
    }.items():
        _copy_rows(connection, table, changed)
    stored = times * MODELS
    connection.execute(
        "UPDATE counters SET total = ?, pending = 0, synced = ?, next_seq = ?, next_attempt = ?",
        (stored, stored, stored + 1, (times + 1) * MODELS * 100),
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _moved(table: str, seconds: str) -> dict[str, str]:
    """The times of a row of ``table``, so many seconds later: columns and what they become."""
    if table == "documents":
        return {"fiscalized_at": f"strftime('%Y-%m-%dT%H:%M:%S', fiscalized_at, {seconds} || ' seconds')"}
    columns = ("timestamp",) if table == "buffer_events" else ("created_at", "printed_at", "synced_at")
    return {column: f"{column} + {seconds} * 1000" for column in columns}


def _copy_rows(connection: sqlite3.Connection, table: str, changed: dict[str, str]) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
    order = "k, 1" if table != "documents" else "fn_number, fd_number + k"
    connection.execute(f"INSERT INTO {table} SELECT {values} FROM copies CROSS JOIN {table} ORDER BY {order}")
