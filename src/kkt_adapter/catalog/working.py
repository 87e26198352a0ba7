"""What works on runs, where a source of products is configured."""

from collections.abc import Callable
from contextlib import nullcontext
from urllib.parse import urlsplit

from kkt_adapter.catalog.g2a.auth import BearerSignIn, PairSignIn, VendorSignIn
from kkt_adapter.catalog.g2a.client import MAX_ANSWER_BYTES, G2ASource
from kkt_adapter.catalog.run_log.redaction import Redactor
from kkt_adapter.catalog.run_log.run_log import SyncLog
from kkt_adapter.catalog.settings import AuthScheme, CatalogSettings
from kkt_adapter.catalog.source import ProductSource
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


def begin_working(
    db: Database,
    settings: CatalogSettings,
    *,
    clock: Clock,
    node: str,
    leases: Leases,
    source: ProductSource | None,
    beside_service: bool,
    believed: Callable[[], bool],
    redactor: Redactor,
    sync_log: SyncLog,
    work: Wakeup,
) -> tuple[ProductSource, RunWorker, PageRuns]:
    """The source of the settings unless one is given, and what reads it. See ``parts.build_catalog``."""
    throttle = Throttle(db, clock=clock, always=beside_service)
    pacer = Pacer(clock, concurrency=settings.concurrency, per_minute=settings.requests_per_minute)
    if source is None:
        source = g2a_source(settings, clock=clock, redactor=redactor, pacer=pacer, throttle=throttle)
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
    return source, worker, PageRuns(tools, node=node)


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
