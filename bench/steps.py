"""The two steps of ingest as the product itself writes them, on a connection of one's own.

For the baselines: no server, no lanes, no device; what is stored is byte for byte what the product stores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Connection, insert, update

from bench.processes import till_name
from kkt_adapter.fiscal.ffd.validation.receipt import Checked, complete
from kkt_adapter.fiscal.intake import buffer
from kkt_adapter.fiscal.intake.items import Accepted, AcceptItem
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.fiscal.model import (
    Baseline,
    Cashier,
    DocumentCode,
    FfdVersion,
    FiscalDocument,
    ReceiptRequest,
    RegisterDefaults,
    RegisterProfile,
    Registration,
)
from kkt_adapter.fiscal.printing import records
from kkt_adapter.fiscal.printing.job import PrintJob, printed_item
from kkt_adapter.fiscal.printing.records import PrintedItem
from kkt_adapter.fiscal.printing.reply import Place
from kkt_adapter.fiscal.store import counters, receipt_json
from kkt_adapter.fiscal.store.attempts import LaneTerm, NewAttempt
from kkt_adapter.kernel.ids import ReceiptId, RegisterId, uuid7
from kkt_adapter.runtime.db.migrate import migrate
from kkt_adapter.runtime.db.sqlite_file import SqliteSettings, raw_connection, sqlite_engine
from kkt_adapter.runtime.leases.rows import leases

OWNER = "bench"
CASHIER = Cashier(name="Кассир")


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """One till with a register of its own."""

    profile: RegisterProfile
    lane: LaneTerm

    @property
    def registration(self) -> Registration:
        return self.profile.registration


def till(number: int) -> Till:
    register_id = RegisterId(till_name(number))
    registration = made_up_registration(
        register_id,
        seed=f"bench:{number}",
        place="Касса",
        ffd_version=FfdVersion.V1_2,
        taxation_mask=1,
        marked_goods=False,
    )
    defaults = RegisterDefaults(cashier=CASHIER.name)
    return Till(
        profile=RegisterProfile(register_id=register_id, registration=registration, defaults=defaults),
        lane=LaneTerm(lease=f"lane:{register_id}", owner=OWNER, number=1),
    )


def new_database(path: Path, tills: Sequence[Till]) -> Connection:
    """A migrated file with the totals and the lanes' leases, and the connection that writes to it."""
    migrate(path)
    conn = sqlite_engine(path, settings=SqliteSettings(), read_only=False).connect()
    with Transaction(conn):
        counters.ensure(conn)
        for one in tills:
            conn.execute(
                insert(leases).values(
                    name=one.lane.lease, owner=OWNER, term=1, renewals=1, host="bench", pid=1
                )
            )
    return conn


def give_leases_back(conn: Connection) -> None:
    """As an orderly end does; else the first start on the file waits until they are believed to be over."""
    with Transaction(conn):
        conn.execute(update(leases).values(owner=""))


class Transaction:
    """BEGIN IMMEDIATE to COMMIT; the process ends with any error."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def __enter__(self) -> None:
        self._core = self._conn.begin()
        raw_connection(self._conn).execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._core.commit()


def checked(request: ReceiptRequest, key: str, till: Till) -> Checked:
    """The product's rules over one request."""
    return complete(
        request,
        receipt_id=ReceiptId(uuid7(int(datetime.now(UTC).timestamp() * 1000))),
        idempotency_key=key,
        profile=till.profile,
        today=date.today(),  # noqa: DTZ011 - the wall clock of the virtual register
    )


def accept_item(
    request: ReceiptRequest, found: Checked, key: str, till: Till, *, fd_number: int
) -> AcceptItem:
    """The first step of one receipt, with the attempt of a free lane. ``fd_number``: of the last document."""
    baseline = Baseline(fn_number=till.registration.fn_number, fd_number=fd_number)
    return AcceptItem(
        receipt=found.receipt,
        payload=receipt_json.dump(found.receipt),
        warnings=receipt_json.dump_warnings(found.warnings),
        key=key,
        key_hash=receipt_json.key_hash(key),
        request_hash=receipt_json.request_hash(request),
        at=datetime.now(UTC),
        default_capacity=0,
        sale_must_be_synced=None,
        attempt=NewAttempt(lane=till.lane, baseline=baseline),
    )


def written_item(found: Checked, accepted: Accepted, document: FiscalDocument, till: Till) -> PrintedItem:
    """The second step of one receipt."""
    assert accepted.attempt_id is not None
    job = PrintJob(
        seq=accepted.seq,
        receipt=found.receipt,
        place=Place(stamp=accepted.stamp, queue_position=accepted.queue_position),
        warnings=found.warnings,
        attempt_id=accepted.attempt_id,
    )
    return printed_item(
        job,
        document,
        till.registration,
        attempt_id=accepted.attempt_id,
        lane=till.lane,
        at=datetime.now(UTC),
    )


def document(found: Checked, till: Till, *, fd_number: int) -> FiscalDocument:
    """What a device would have answered."""
    return FiscalDocument(
        fn_number=till.registration.fn_number,
        fd_number=fd_number,
        code=DocumentCode.RECEIPT,
        fiscal_sign=2_000_000_000 + fd_number,
        fiscalized_at=datetime.now().replace(second=0, microsecond=0),  # noqa: DTZ005 - wall clock
        shift_number=1,
        receipt_number=fd_number,
        operation=found.receipt.operation,
        total_kop=found.receipt.total_kop,
        key=found.receipt.key,
    )


def accept(conn: Connection, items: Sequence[AcceptItem]) -> list[Accepted]:
    with Transaction(conn):
        outcomes = buffer.accept(conn, items)
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(accepted) == len(items), outcomes
    return accepted


def write_down(conn: Connection, items: Sequence[PrintedItem]) -> None:
    with Transaction(conn):
        records.printed(conn, items)
