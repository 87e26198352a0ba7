"""An emulated operator, and a gateway to it."""

from collections.abc import AsyncIterator

import pytest
from tests.support.ofd import LOOPBACK

from kkt_adapter.emulators.ofd import OfdEmulator
from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway


@pytest.fixture
async def emulator() -> AsyncIterator[OfdEmulator]:
    emulator = OfdEmulator()
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
def gateway(emulator: OfdEmulator) -> TcpOfdGateway:
    return TcpOfdGateway(LOOPBACK, emulator.port, timeout_s=60)
