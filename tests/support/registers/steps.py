"""Steps of the contract suite: a register is opened, it sells, and all that waits in it is delivered."""

from uuid import uuid4

import pytest
from tests.support.registers.kkt import CASHIER, TERM, KktBench, a_sale_for

from kkt_adapter.fiscal.kkt.driver import Capability
from kkt_adapter.fiscal.model import FiscalDocument, Registration


async def open_register(bench: KktBench) -> Registration:
    """Open, with a shift."""
    registration = await bench.driver.open()
    await bench.driver.open_shift(CASHIER, term=TERM)
    return registration


async def sell(bench: KktBench, registration: Registration, **changes: object) -> FiscalDocument:
    """Another receipt every time."""
    return await bench.driver.fiscalize(
        a_sale_for(registration, **({"id": uuid4().hex} | changes)), term=TERM
    )


async def deliver_everything(bench: KktBench) -> None:
    while await bench.confirm_next():
        pass


def need_relay(bench: KktBench) -> None:
    if Capability.RELAY not in bench.driver.capabilities:
        pytest.skip("this register delivers by itself")
