"""How an emulated register reaches its operator by itself: the binary protocol over TCP."""

from kkt_adapter.emulators.life import Deliver
from kkt_adapter.fiscal.model import OfdMessage
from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway

TIMEOUT_S = 10.0


def by_itself(host: str, port: int) -> Deliver:
    gateway = TcpOfdGateway(host, port, timeout_s=TIMEOUT_S)

    async def deliver(message: OfdMessage) -> bytes:
        return (await gateway.deliver(message)).raw

    return deliver
