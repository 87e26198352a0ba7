"""What the service says once it listens: where it is, what it is made of, and a line to copy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kkt_adapter import __version__
from kkt_adapter.settings import RegisterSettings, Settings, Transport

RECEIPT = (
    '{"pos_id":"POS-001","type":"sale","items":[{"name":"Test","price":100,"qty":1}],'
    '"payments":[{"type":"cash","amount":100}]}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How this start went. ``stand_ins``: lines of the emulators that were started beside the service."""

    address: tuple[str, int]
    settings: Settings
    demo: bool
    stand_ins: Sequence[str] = ()
    ofd_emulated: bool = False
    catalogue_only: bool = False
    first_admin: tuple[str, str] | None = None  # name and password of the account just made
    any_account: bool = True


def banner(start: Start) -> str:
    """The whole text, without a line end."""
    return "\n".join(_lines(start))


def _lines(start: Start) -> Iterator[str]:
    host, port = start.address
    settings = start.settings
    scheme = "http" if settings.tls_cert is None else "https"
    shown = f"[{host}]" if ":" in host else host
    base = f"{scheme}://{shown}:{port}"
    yield f"kkt-adapter {__version__}  {base}  (docs: {base}/docs)"
    yield f"  pages / страницы: {base}/ui/"
    if settings.kkmserver_port:
        own = scheme if settings.kkmserver_tls == "auto" else "http"
        yield f"  KkmServer: {own}://{shown}:{settings.kkmserver_port}/Execute"
    yield f"  data: {settings.data_dir.absolute()}"
    yield f"  /v1: {'open, loopback only' if settings.auth_open else 'token required'}"
    if start.catalogue_only:
        yield "  catalogue only: no register, receipts are refused"
        yield "  только каталог: касс нет, чеки не принимаются"
    for register in settings.registers:
        yield _register(register, settings)
    for register in settings.registers:
        if register.names_no_cashier:
            yield f"  register {register.id}: cashier {register.cashier!r} has no surname (tag 1021)"
            yield f"  касса {register.id}: у кассира {register.cashier!r} нет фамилии (реквизит 1021)"
    if start.demo and not start.ofd_emulated:
        operator = _operator(settings.ofd_transport, settings.ofd_host, settings.ofd_port, settings)
        yield f"  operator: {operator}"
    yield from start.stand_ins
    if start.first_admin is not None:
        name, password = start.first_admin
        yield f"  admin account made: {name} / {password}  (shown once)"
        yield f"  вход на страницы: {name} / {password}  (показывается один раз)"
    if not start.any_account and not settings.auth_open:
        yield "  no account yet / нет ни одной учётной записи:"
        yield "    kkt-adapter accounts add NAME --role admin --password-stdin"
    if start.demo:
        yield "  DEMO: virtual registers, NOT fiscal devices / ДЕМО: виртуальные ККТ, НЕ фискальные"
        yield from _try_it(base, signed_in=not settings.auth_open)


def _register(register: RegisterSettings, settings: Settings) -> str:
    transport = register.transport_or(settings.ofd_transport)
    operator = _operator(
        transport,
        register.ofd_host or settings.ofd_host,
        register.ofd_port or settings.ofd_port,
        settings,
    )
    label = "virtual, NOT a fiscal device / виртуальная, НЕ фискальная"
    if register.driver != "virtual":
        label = f"{register.driver} {register.address}"
        if transport is Transport.DEVICE:
            operator = "device: it delivers by itself / доставляет сама"
    return f"  register {register.id} ({label}): {', '.join(register.tills)} -> {operator}"


def _operator(transport: Transport, host: str, port: int, settings: Settings) -> str:
    return f"http {settings.ofd_base_url}" if transport is Transport.HTTP else f"{transport} {host}:{port}"


def _try_it(base: str, *, signed_in: bool) -> Iterator[str]:
    yield ""
    yield "Try it / попробуйте:"
    token = ' -H "Authorization: Bearer $TOKEN"' if signed_in else ""
    if signed_in:
        yield "  TOKEN=$(kkt-adapter accounts token add --pos POS-001)"
    yield f"  curl -s {base}/v1/kkt/receipt -H 'Content-Type: application/json'{token} \\"
    yield '    -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \\'
    yield f"    -d '{RECEIPT}'"
    yield f"  curl -s {base}/v1/kkt/buffer/status{token}"
    yield ""
