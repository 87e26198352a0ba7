"""What a lane does about a lost answer: it asks the FN until it answers, and judges by its documents."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from tests.support.registers.kkt import CASHIER

from kkt_adapter.fiscal.kkt.driver import KktDriver
from kkt_adapter.fiscal.model import Baseline
from kkt_adapter.fiscal.printing.register_session import RegisterSession
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import KktUnavailable
from kkt_adapter.kernel.ids import RegisterId


async def reconciled(
    driver: KktDriver, baseline: Baseline, judge: Callable[..., Any], *, tries: int, pause_s: float = 0.0
) -> Any:
    session = RegisterSession(
        RegisterId("kkt-1"),
        driver=driver,
        database=cast(Any, None),
        clock=SystemClock(),
        cashier=CASHIER,
        automatic_shift=True,
        fits=lambda _: None,
    )
    for _ in range(tries):
        try:
            evidence = await session.evidence(baseline)
        except KktUnavailable:
            await asyncio.sleep(pause_s)
            continue
        return judge(baseline, evidence.now, evidence.found)
    raise AssertionError("the register never answers again")
