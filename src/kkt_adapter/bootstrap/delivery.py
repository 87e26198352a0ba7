"""Phase 2: the document of a receipt is delivered to the operator."""

from dataclasses import dataclass

from kkt_adapter.bootstrap.core import Core
from kkt_adapter.bootstrap.printing import Printing
from kkt_adapter.fiscal.delivery.lanes.factory import DeliveryLanes
from kkt_adapter.fiscal.delivery.worker import DeliveryPolicy, DeliveryWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    lanes: DeliveryLanes
    worker: DeliveryWorker


def build_delivery(core: Core, printing: Printing) -> Delivery:
    settings, storage = core.settings, core.storage
    lanes = DeliveryLanes(
        registers=printing.registers,
        route_of=printing.routes.of,
        database=core.database,
        clock=core.clock,
        owner=storage.owner,
        max_attempts=settings.max_attempts,
    )
    worker = DeliveryWorker(
        lanes=lanes.current,
        endpoints=lanes.endpoints,
        database=core.database,
        clock=core.clock,
        policy=DeliveryPolicy(
            interval_s=settings.sync_interval_s,
            in_flight=settings.sync_in_flight,
            wake_on_receipt=settings.wake_on_receipt,
            max_attempts=settings.max_attempts,
        ),
        pass_lock=storage.pass_lock,
        owner=storage.owner,
        owner_ended=storage.locks.ended,
    )
    printing.stats.tell = worker.document_made
    return Delivery(lanes=lanes, worker=worker)
