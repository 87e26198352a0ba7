"""The parts list of the catalogue, for the composition root."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kkt_adapter.catalog.reads import CatalogReads
from kkt_adapter.catalog.runner import CatalogSync
from kkt_adapter.catalog.schedule import DailySchedule
from kkt_adapter.catalog.settings import CatalogSettings
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.database import Database


class CatalogService(Protocol):
    """For the supervisor: the scheduler's clock, the runs of this node, resumption and takeover."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogParts:
    """``service`` runs under the supervisor; the others are for routes and commands."""

    sync: CatalogSync
    schedule: DailySchedule
    reads: CatalogReads
    service: CatalogService


def build_catalog(
    db: Database,
    settings: CatalogSettings,
    *,
    clock: Clock,
    data_dir: Path,
    node: str,
) -> CatalogParts:
    """Put the catalogue together; opens nothing until the service runs or something is asked."""
    raise NotImplementedError
