"""The marks that open pages watch (``live.py``): made of what the service knows without asking much."""

from hashlib import blake2s

from kkt_adapter.api.services import ApiServices
from kkt_adapter.api.ui.live import Marks

RECEIPTS = "receipts"  # a receipt was accepted, printed, delivered, or any other event was written down
CATALOGUE = "catalogue"  # a run went on, or products changed
OVERVIEW = "overview"  # counts, alerts, registers, the network, the breaker
REGISTERS = "registers"  # receipts or overview: for what shows both, so that it is fetched once


async def read_marks(services: ApiServices) -> Marks:
    """Raises StorageError."""
    status = await services.summary.buffer_status()
    registers = await services.watch.overview.clocks(None)
    seen = (
        status.snapshot.fill,
        status.snapshot.maintenance,
        status.network,
        status.breaker,
        [(alert.key, alert.level) for alert in status.alerts],
        [(one.register_id, one.state, one.trouble and one.trouble.code) for one in registers],
    )
    receipts = f"{status.snapshot.last_event_id} {status.snapshot.fill}"
    overview = blake2s(repr(seen).encode(), digest_size=8).hexdigest()
    return {
        RECEIPTS: receipts,
        CATALOGUE: await _catalogue(services),
        OVERVIEW: overview,
        REGISTERS: f"{receipts} {overview}",
    }


async def _catalogue(services: ApiServices) -> str:
    """Without a source there are no runs to ask about."""
    sync = services.catalog.sync
    return repr((await sync.runs(limit=1)).runs) if sync.has_source else ""
