"""What ``doctor`` asks of the peers: operators, Redis, and the service itself. Each gets a few
seconds."""

import asyncio
import os
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kkt_adapter.cli.checks.findings import CheckFinding, CheckLevel, bad, good, warn
from kkt_adapter.cli.client import service_url
from kkt_adapter.kernel.errors import AdapterError, Text
from kkt_adapter.settings import Settings, Transport

ANSWER_S = 5.0  # for each peer


def operators(settings: Settings) -> Sequence[tuple[Transport, str, int]]:
    """Every operator that a register sends to: transport, host or address, port (0 for HTTP)."""
    found: list[tuple[Transport, str, int]] = []
    for register in settings.registers:
        transport = register.transport_or(settings.ofd_transport)
        if transport is Transport.DEVICE and register.driver != "virtual":
            continue  # the register has an address of its own for it
        if transport is Transport.HTTP:
            found.append((transport, settings.ofd_base_url, 0))
        else:
            host, port = register.ofd_host or settings.ofd_host, register.ofd_port or settings.ofd_port
            found.append((transport, host, port))
    return list(dict.fromkeys(found))


def check_operator(settings: Settings, transport: Transport, address: str, port: int) -> list[CheckFinding]:
    """Does it answer? One connection, or one health call."""
    from kkt_adapter.fiscal.ofd.http import HttpOfd
    from kkt_adapter.fiscal.ofd.tcp import TcpOfdGateway

    subject = "operator"
    named = address if transport is Transport.HTTP else f"{address}:{port}"
    if not address:
        remedy = Text(
            "set ofd_host and ofd_port, or ofd_base_url", "укажите ofd_host и ofd_port или ofd_base_url"
        )
        return [bad(subject, Text("no address is set", "адрес не указан"), remedy)]

    async def ask() -> None:
        token = settings.ofd_token.get_secret_value() or None
        gateway: Any = (
            HttpOfd(address, timeout_s=ANSWER_S, token=token)
            if transport is Transport.HTTP
            else TcpOfdGateway(address, port, timeout_s=ANSWER_S)
        )
        try:
            await gateway.probe()
        finally:
            await gateway.close()

    remedy = Text(
        "check the address, the network and the firewall; receipts are accepted meanwhile",
        "проверьте адрес, сеть и файрвол; чеки тем временем принимаются",
    )
    return [_asked(subject, named, ask, remedy, level=CheckLevel.WARNING)]


def check_redis(settings: Settings) -> list[CheckFinding]:
    """Only when one is wanted."""
    if not settings.redis:
        return [good("redis", "not wanted", "не настроен")]

    async def ask() -> None:
        from redis.asyncio import Redis

        client = Redis.from_url(settings.redis, socket_connect_timeout=ANSWER_S, socket_timeout=ANSWER_S)
        try:
            await client.ping()
        finally:
            await client.aclose()

    remedy = Text(
        "start it, or correct REDIS_URL; without it two nodes may do the same work, and nothing is doubled",
        "запустите его или исправьте REDIS_URL; без него узлы могут делать одну работу, "
        "но ничего не задваивается",
    )
    shown = settings.redis.split("@")[-1]
    return [_asked("redis", shown, ask, remedy, level=CheckLevel.WARNING)]


def check_service(settings: Settings) -> list[CheckFinding]:
    """Does the service run here, and what does it say of itself?"""
    import aiohttp

    given = os.environ.get("KKT_URL") or None
    url = service_url(given, {"KKT_HOST": settings.host, "KKT_PORT": str(settings.port)})
    tls = None
    if settings.tls_cert is not None and given is None:
        tls, url = _only(settings.tls_cert), url.replace("http://", "https://", 1)
    answer: dict[str, Any] = {}

    async def ask() -> None:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session,
            session.get(f"{url}/v1/health", ssl=tls or True) as told,
        ):
            answer.update(await told.json(content_type=None))

    try:
        asyncio.run(_within(ask))
    except Exception:
        remedy = Text("start it: kkt-adapter serve", "запустите: kkt-adapter serve")
        return [warn("service", Text(f"nobody answers at {url}", f"{url} не отвечает"), remedy)]
    status = str(answer.get("status"))
    found = Text(
        f"{url}, {status}, version {answer.get('version')}",
        f"{url}, {status}, версия {answer.get('version')}",
    )
    if status == "healthy":
        return [good("service", found.en, found.ru)]
    remedy = Text("kkt-adapter status shows why", "причину покажет kkt-adapter status")
    return [warn("service", found, remedy) if status == "degraded" else bad("service", found, remedy)]


def _only(certificate: Path) -> ssl.SSLContext:
    """Trust this certificate and no other, whatever name it is for: the service is asked by its address."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _asked(
    subject: str, named: str, ask: Callable[[], Any], remedy: Text, *, level: CheckLevel
) -> CheckFinding:
    try:
        asyncio.run(_within(ask))
    except AdapterError as error:
        found = Text(f"{named}: {error.detail.en}", f"{named}: {error.detail.ru}")
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        found = Text(f"{named}: {reason}", f"{named}: {reason}")
    else:
        return good(subject, f"{named} answers", f"{named} отвечает")
    return CheckFinding(subject=subject, level=level, found=found, remedy=remedy)


async def _within(ask: Callable[[], Any]) -> None:
    async with asyncio.timeout(ANSWER_S + 1):
        await ask()
