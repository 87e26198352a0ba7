"""The parts list of the catalogue, for the composition root."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kkt_adapter.catalog.g2a.auth import BearerSignIn, PairSignIn, VendorSignIn
from kkt_adapter.catalog.g2a.client import MAX_ANSWER_BYTES, G2ASource
from kkt_adapter.catalog.reads.catalogue import CatalogReads
from kkt_adapter.catalog.run_log.log_file import LogFile
from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.catalog.run_log.run_log import SyncLog
from kkt_adapter.catalog.schedule.daily import DailySchedule
from kkt_adapter.catalog.service import CatalogService
from kkt_adapter.catalog.settings import AuthScheme, CatalogSettings
from kkt_adapter.catalog.source import ProductSource
from kkt_adapter.catalog.sync.control import CatalogSync
from kkt_adapter.catalog.sync.page_run import PageRuns
from kkt_adapter.catalog.sync.rate_limit import Pacer
from kkt_adapter.catalog.sync.run import Tools
from kkt_adapter.catalog.sync.throttle import Throttle
from kkt_adapter.catalog.sync.worker import RunWorker
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.runtime.http import HttpClient
from kkt_adapter.runtime.leases.lease import Leases
from kkt_adapter.runtime.wakeup import Wakeup

CONNECT_S = 5.0
TOKEN_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogParts:
    """``service`` runs under the supervisor; the others are for routes and commands.

    ``worker`` (None without a source) is a part of the service; alone it is for a process without a schedule.
    """

    sync: CatalogSync
    schedule: DailySchedule
    reads: CatalogReads
    service: CatalogService
    worker: RunWorker | None


def build_catalog(
    db: Database,
    settings: CatalogSettings,
    *,
    clock: Clock,
    data_dir: Path,
    node: str,
    leases: Leases,
    source: ProductSource | None = None,
    beside_service: bool = False,
    believed: Callable[[], bool] = lambda: True,
) -> CatalogParts:
    """Put the catalogue together; opens nothing until the service runs or something is asked.

    ``node`` is what people call this process. ``leases`` must be of the same database. ``source`` replaces
    the one that the settings describe (tests, demonstration). ``beside_service``: another process takes
    receipts on the same database, so that runs here always give way. ``believed``: may the wall clock be
    believed? While not, no slot is dealt with, nothing vanishes and nothing is forgotten.
    """
    redactor = Redactor(settings.client_secret.get_secret_value())
    sync_log = SyncLog(LogFile(settings.log_file), clock=clock, redactor=redactor)
    work, schedule_changed = Wakeup(clock), Wakeup(clock)
    throttle = Throttle(db, clock=clock, always=beside_service)
    pacer = Pacer(clock, concurrency=settings.concurrency, per_minute=settings.requests_per_minute)
    if source is None and settings.source_configured:
        source = g2a_source(settings, clock=clock, redactor=redactor, pacer=pacer, throttle=throttle)
    worker: RunWorker | None = None
    pages: PageRuns | None = None
    if source is not None:
        tools = Tools(
            db=db,
            clock=clock,
            settings=settings,
            source=source,
            pacer=pacer,
            redactor=redactor,
            throttle=throttle,
            believed=believed,
        )
        worker = RunWorker(tools, leases=leases, wakeup=work, sync_log=sync_log, node=node, believed=believed)
        pages = PageRuns(tools, node=node)
    sync = CatalogSync(db, settings, clock=clock, sync_log=sync_log, wakeup=work, worker=worker, pages=pages)
    schedule = DailySchedule(
        db,
        settings,
        clock=clock,
        sync_log=sync_log,
        wakeup=schedule_changed,
        configured=source is not None,
        work=work,
        believed=believed,
    )
    reads = CatalogReads(db, clock=clock, data_dir=data_dir)
    service = CatalogService(schedule, worker, source, wakeup=schedule_changed, clock=clock)
    return CatalogParts(sync=sync, schedule=schedule, reads=reads, service=service, worker=worker)


def g2a_source(
    settings: CatalogSettings,
    *,
    clock: Clock,
    redactor: Redactor,
    pacer: Pacer,
    throttle: Throttle | None = None,
) -> G2ASource:
    """The vendor's export API, signed in as the settings say; nothing is sent yet.

    ``pacer`` is the one that gives leave to its calls: what a call sends beside its first request counts too.
    """
    http = HttpClient(
        settings.base_url,
        timeout_s=settings.request_timeout_s,
        connect_s=CONNECT_S,
        max_connections=settings.concurrency + 4,  # page runs beside a full run
        max_answer_bytes=MAX_ANSWER_BYTES,
        send_again=False,
    )
    secret = settings.client_secret.get_secret_value()
    sign_in: VendorSignIn
    if settings.auth is AuthScheme.BEARER:
        parts = urlsplit(settings.effective_token_url)
        sign_in = BearerSignIn(
            HttpClient(f"{parts.scheme}://{parts.netloc}", timeout_s=TOKEN_TIMEOUT_S, max_connections=1),
            path=parts.path or "/",
            client_id=settings.client_id,
            client_secret=secret,
            redactor=redactor,
            clock=clock,
            another=pacer.another,
        )
    else:
        sign_in = PairSignIn(
            client_id=settings.client_id, client_secret=secret, email=settings.email, redactor=redactor
        )
    return G2ASource(
        http,
        sign_in,
        clock=clock,
        another=pacer.another,
        parsing=throttle.parsing if throttle is not None else nullcontext,
        include_out_of_stock=settings.include_out_of_stock,
    )
