"""The HTTP server of the product: uvicorn, its proxy headers, and our limits."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from uvicorn.config import Config
from uvicorn.server import Server

from kkt_adapter.api.wire.connections import Connections
from kkt_adapter.api.wire.limits import WireLimits
from kkt_adapter.api.wire.protocol import limited
from kkt_adapter.api.wire.refusal_log import RefusalLog
from kkt_adapter.api.wire.tls import LOOK_S, TlsFiles, TlsRenewal
from kkt_adapter.kernel.addresses import within
from kkt_adapter.runtime.connection_counts import ConnectionCounts


def http_server(
    app: Any,
    *,
    limits: WireLimits,
    trusted_proxies: Sequence[str] = (),
    on_ready: Callable[[], None] = lambda: None,
    on_stop: Callable[[], None] = lambda: None,
    tls: TlsFiles | None = None,
    counts: ConnectionCounts | None = None,
) -> "HttpServer":
    """A server for ``app``. ``trusted_proxies``: addresses and networks whose ``X-Forwarded-For`` counts.

    Without any, no header changes who is asking. ``on_ready``: it answers from now on.
    ``on_stop``: end the answers that never end by themselves; those in flight are waited for. ``tls``: https.
    ``counts``: what metrics read; servers of one process share it.
    """
    connections = Connections(limits, trusts=within(trusted_proxies), counts=counts)
    config = Config(
        app,
        http=limited(connections),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=int(limits.idle_s),
        timeout_graceful_shutdown=10,
        backlog=2048,
        ssl_certfile=None if tls is None else tls.cert,
        ssl_keyfile=None if tls is None else str(tls.key),
    )
    return HttpServer(config, connections, on_ready=on_ready, on_stop=on_stop, tls=tls)


class HttpServer(Server):
    """uvicorn's server, which looks at the deadlines of its connections once a second.

    Signals are the caller's: uvicorn's own handling would end the process before our clean-up.
    """

    def __init__(
        self,
        config: Config,
        connections: Connections,
        *,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
        tls: TlsFiles | None = None,
    ) -> None:
        super().__init__(config)
        self._tls = tls
        self._renewal: TlsRenewal | None = None
        self.connected = connections
        self._refusals = RefusalLog(connections.counts)
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self._tls is not None and self.config.ssl is not None:
            self._renewal = TlsRenewal(self._tls, self.config.ssl)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets=sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second by uvicorn's main loop."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            self.connected.look(now)
            self._refusals.look(now)
        if counter % (LOOK_S * 10) == 0 and self._renewal is not None:
            self._renewal.look()
        return await super().on_tick(counter)
