"""The lanes of a product that has just been started."""

import asyncio
import time

from kkt_adapter.bootstrap import Services
from kkt_adapter.fiscal.printing.lane import PrintLane

LANES_ELSEWHERE_S = 2.0  # a lease that is held elsewhere may be free by then


async def lanes_told(services: Services, *, within_s: float) -> None:
    """Every lane drives its register or has said why not, so that the first receipt of a test does not come
    before the lane. One whose lease is held elsewhere says nothing: it is not waited for."""
    began = time.monotonic()
    while (waited_s := time.monotonic() - began) < within_s:
        lanes = [unit.lane for unit in services.registers.all()]
        silent = [lane for lane in lanes if not lane.holds() and lane.trouble is None]
        if not silent or (waited_s > LANES_ELSEWHERE_S and all(map(_held_elsewhere, silent))):
            return
        await asyncio.sleep(0.005)


def _held_elsewhere(lane: PrintLane) -> bool:
    """The lane has seen another holder of its lease."""
    sighting = getattr(lane._lease, "_sighting", None)
    return sighting is not None and sighting.row.owner != ""
