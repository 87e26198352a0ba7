"""``kkt-adapter serve``: the service itself, until SIGTERM or SIGINT.

In demo mode it brings its own operator and virtual registers, so that receipts go all the way without
any configuration.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from kkt_adapter.cli.service.serve_options import ServeOptions

HELD_PAUSE_S = 0.2  # between two tries to start on a database file that another process holds


def run(options: ServeOptions) -> int:
    """Serve until a stop signal; the exit code of the process."""
    import uvloop

    from kkt_adapter.runtime import lean

    lean.skip_extras()
    from kkt_adapter.kernel.errors import AdapterError
    from kkt_adapter.runtime import memory
    from kkt_adapter.runtime.db.integrity import begin_walk
    from kkt_adapter.runtime.log import LogFormat, configure_logging
    from kkt_adapter.runtime.log_lines import STDERR, LogLines
    from kkt_adapter.settings import load_settings

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal ends no sale
    lines = walk = None
    try:
        settings = load_settings(
            file=options.config,
            overrides={"host": options.host, "port": options.port, "data_dir": options.data_dir},
        )
        walk = begin_walk(settings.database)  # beside most of the imports
        lines = LogLines(STDERR)
        survive_hang_up(lines)
        configure_logging(level=settings.log_level, log_format=LogFormat(settings.log_format), stream=lines)
        memory.tune()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_service(settings, demo=options.demo, register=options.register, walk=walk))
    except AdapterError as error:
        say_why(error)
        return 2
    finally:
        if walk is not None:
            walk.end()
        if lines is not None:
            lines.close()
    return 0


def survive_hang_up(lines: Any) -> None:
    """SIGHUP opens the log anew (``LogLines``) and ends nothing."""
    signal.signal(signal.SIGHUP, lambda number, frame: lines.reopen())


def say_why(error: Any) -> None:
    """Why the service does not start. A full disk under the output does not change the exit code."""
    try:
        print(f"{error.detail.en}\n{error.detail.ru}", file=sys.stderr, flush=True)  # noqa: T201
    except OSError:
        sys.stderr = None  # else the interpreter tries again at its end, and ends with another code


async def run_service(
    settings: Any,
    *,
    demo: bool,
    build: Any = None,
    register: str = "virtual",
    more: Any = None,
    walk: Any = None,
) -> None:
    """Serve until a stop signal. ``build`` stands for ``build_services``; the fault lab adds its probes
    there. ``more``: further lines of the banner, by the address. ``walk``: begun through the database.

    Raises:
        AdapterError: the service cannot be started with these settings.
    """
    from kkt_adapter.cli.service.stand_ins import stand_ins

    tls = _tls(settings)
    listening = _listen(settings.host, settings.port)
    second = _listen_for_kkmserver(settings, listening)
    if more is not None:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = settings.model_copy(update={"public_url": base})
    emulators = await stand_ins(settings, demo=demo, register=register, vendor=more is None)
    if more is not None:
        emulators.lines += more(base)
    services = None
    try:
        services = await _started(emulators, build, demo=demo, walk=walk)
        admin = await emulators.first_admin(services)
        systemd = await _systemd_of(services)
        await _answer(
            services.app,
            (listening, second),
            await _banner(services, emulators, listening, demo=demo, first_admin=admin),
            settings=settings,
            tls=tls,
            counts=services.watching.connections,
            on_ready=lambda: None if systemd is None else systemd.ready(),
        )
    finally:
        if services is not None:
            await services.stop()
        await emulators.stop()
        listening.close()
        if second is not None:
            second.close()


async def _started(emulators: Any, build: Any, *, demo: bool, walk: Any) -> Any:
    """The product, running beside its stand-ins, once nobody holds its database file any more.

    A process of ours that stands still in the middle of a write holds a file that several share: the others
    are tried again, and go on by themselves when it wakes or ends.

    Raises:
        DatabaseHeld: the file was held for ``OTHER_NODE_S``.
    """
    from kkt_adapter.kernel.errors import DatabaseHeld
    from kkt_adapter.runtime.db.migrate import OTHER_NODE_S
    from kkt_adapter.runtime.log import get_logger

    until = time.monotonic() + OTHER_NODE_S
    while True:
        try:
            return await _started_once(emulators, build, demo=demo, walk=walk)
        except DatabaseHeld as held:
            if time.monotonic() > until:
                raise
            get_logger("database").warning("start_waits", error=held.detail.en)
        walk = None  # it is over
        await asyncio.sleep(HELD_PAUSE_S)


async def _started_once(emulators: Any, build: Any, *, demo: bool, walk: Any) -> Any:
    """The product, running beside its stand-ins; what cannot be started is stopped again."""
    from kkt_adapter.bootstrap import build_services

    with_clock: dict[str, Any] = {} if emulators.clock is None else {"clock": emulators.clock}
    build = build or partial(build_services, seams=emulators.seams(), walk=walk, **with_clock)
    services = await build(emulators.settings, demo=demo)
    try:
        await services.start()
        await emulators.put_buttons(services)
    except BaseException:
        await services.stop()
        raise
    return services


async def _systemd_of(services: Any) -> Any:
    """The part that tells systemd how the service is; None where it was not started by it."""
    from kkt_adapter.kernel.clock import SystemClock
    from kkt_adapter.runtime.systemd import systemd_notify

    systemd = systemd_notify(os.environ, clock=SystemClock())
    if systemd is not None:
        await services.supervisor.add(systemd)
    return systemd


async def _banner(
    services: Any, emulators: Any, listening: socket.socket, *, demo: bool, first_admin: Any
) -> str:
    from kkt_adapter.cli.service.banner import Start, banner
    from kkt_adapter.runtime.auth import accounts

    return banner(
        Start(
            address=listening.getsockname()[:2],
            settings=emulators.settings,
            demo=demo,
            stand_ins=emulators.lines,
            ofd_emulated=emulators.ofd is not None,
            catalogue_only=services.registers.none_configured,
            first_admin=first_admin,
            any_account=not await services.database.read(accounts.is_empty),
        )
    )


def _listen(host: str, port: int, *, names: str = "--port or KKT_PORT") -> socket.socket:
    """Bind before anything is started, so that a taken port changes nothing on disk."""
    from kkt_adapter.kernel.errors import SettingsInvalid

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SettingsInvalid(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with {names}.",
            f"Не удаётся открыть {host}:{port}: {error.strerror}. Укажите другой: "
            f"{names.replace(' or ', ' или ')}.",
        ) from error
    return listening


def _tls(settings: Any) -> Any:
    """The certificate files, if there are any. Raises SettingsInvalid: they cannot be used."""
    from kkt_adapter.api.wire.tls import TlsFiles

    if settings.tls_cert is None:
        return None
    files = TlsFiles(cert=settings.tls_cert, key=settings.tls_key)
    files.check()
    return files


def _listen_for_kkmserver(settings: Any, first: socket.socket) -> socket.socket | None:
    """The port of its own, if there is one. ``first`` is closed when it cannot be had."""
    if not settings.kkmserver_port:
        return None
    try:
        return _listen(settings.host, settings.kkmserver_port, names="kkmserver_port (KKT_KKMSERVER_PORT)")
    except BaseException:
        first.close()
        raise


def web_servers(
    app: Any,
    listening: tuple[socket.socket, socket.socket | None],
    *,
    settings: Any,
    tls: Any,
    counts: Any,
    on_ready: Callable[[], None],
) -> list[Any]:
    """The server of each socket: of the whole service, and of the commands of KkmServer alone.

    Args:
        tls: the certificate files; the second server has them unless ``kkmserver_tls`` is off.
        counts: of connections, for metrics.
        on_ready: the first one answers from now on.
    """
    from kkt_adapter.api.wire.limits import WireLimits, raise_file_limit, within_files
    from kkt_adapter.api.wire.server import http_server

    limits = WireLimits(
        connections=within_files(settings.max_connections, files=raise_file_limit()),
        connections_per_address=settings.max_connections_per_address,
    )
    common = {"limits": limits, "trusted_proxies": settings.trusted_proxies, "counts": counts}
    servers = [http_server(app, **common, on_ready=on_ready, on_stop=app.end_held, tls=tls)]
    if listening[1] is not None:
        own = tls if settings.kkmserver_tls == "auto" else None
        servers.append(http_server(app.only_execute(), **common, tls=own))
    return servers


async def _answer(
    app: Any,
    listening: tuple[socket.socket, socket.socket | None],
    banner: str,
    *,
    settings: Any,
    tls: Any,
    counts: Any,
    on_ready: Callable[[], None],
) -> None:
    """Serve HTTP until a stop signal; requests in flight are finished."""
    from kkt_adapter.runtime.log_lines import STDOUT, LogLines

    servers = web_servers(app, listening, settings=settings, tls=tls, counts=counts, on_ready=on_ready)

    def stop() -> None:
        for one in servers:
            one.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    output = LogLines(STDOUT)  # as for the log: nobody may be reading it
    output.write(f"{banner}\n")
    gc.freeze()
    try:
        await asyncio.gather(
            *(one.serve(sockets=[sock]) for one, sock in zip(servers, listening, strict=False) if sock)
        )
    finally:
        output.close(within_s=0.5)
