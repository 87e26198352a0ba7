"""What must be configured before anything is opened."""

from kkt_adapter.bootstrap.drivers import KINDS
from kkt_adapter.fiscal.kkt.driver import Capability
from kkt_adapter.fiscal.printing.blocked import TWO_WAYS
from kkt_adapter.kernel.errors import SettingsInvalid, Text
from kkt_adapter.settings import RegisterSettings, Settings, Transport


def catalogue_only(settings: Settings, *, demo: bool) -> bool:
    """No register, but a source of products: a shop that only wants the catalogue."""
    return not settings.registers and not demo and settings.catalog.source_configured


def require_registers(settings: Settings, *, demo: bool) -> None:
    """There is a register, or a source of products; and every register has an operator's address.

    Raises:
        SettingsInvalid: it says what is missing, and which ways there are.
    """
    if not settings.registers and not demo and not settings.catalog.source_configured:
        raise SettingsInvalid(
            f"{TWO_WAYS.en}. For the product catalogue alone set G2A_CLIENT_ID, G2A_CLIENT_SECRET, G2A_EMAIL",
            f"{TWO_WAYS.ru}. Только для каталога товаров задайте G2A_CLIENT_ID, G2A_CLIENT_SECRET, G2A_EMAIL",
        )
    for register in settings.registers:
        require_capabilities(register, register.transport_or(settings.ofd_transport))
    routes = {
        (transport, r.ofd_host or settings.ofd_host, r.ofd_port or settings.ofd_port)
        for r in settings.registers
        if (transport := r.transport_or(settings.ofd_transport)) is not Transport.DEVICE
        or r.driver == "virtual"
    }
    if demo:
        routes.add((settings.ofd_transport, settings.ofd_host, settings.ofd_port))
    for transport, host, port in routes:
        if transport is Transport.HTTP and not settings.ofd_base_url:
            raise SettingsInvalid(
                "ofd_transport = http needs ofd_base_url (OFD_BASE_URL)",
                "для ofd_transport = http нужен ofd_base_url (OFD_BASE_URL)",
            )
        if transport is not Transport.HTTP and not (host and port):
            raise SettingsInvalid(
                f"ofd_transport = {transport} needs ofd_host and ofd_port (OFD_HOST, OFD_PORT)",
                f"для ofd_transport = {transport} нужны ofd_host и ofd_port (OFD_HOST, OFD_PORT)",
            )


def wanted_capabilities(register: RegisterSettings, transport: Transport) -> dict[str, Capability]:
    """What the settings of a register ask of its driver, by the setting as it stands in the file."""
    wanted = {}
    if transport is Transport.RELAY:
        wanted["ofd_transport = relay"] = Capability.RELAY
    if transport is Transport.HTTP:
        wanted["ofd_transport = http"] = Capability.NO_QUEUE
    if register.marked_goods:
        wanted["marked_goods = true"] = Capability.MARKING
    return wanted


def missing_capabilities(
    register: RegisterSettings, transport: Transport, has: frozenset[Capability]
) -> list[Text]:
    """One sentence for each setting that needs what is not there."""
    return [
        Text(
            f"{setting} needs what {register.driver} register {register.id} cannot do: {capability}",
            f"{setting} требует того, чего ККТ {register.id} ({register.driver}) не умеет: {capability}",
        )
        for setting, capability in wanted_capabilities(register, transport).items()
        if capability not in has
    ]


def require_capabilities(register: RegisterSettings, transport: Transport) -> None:
    """No setting asks for what no register of that kind can do.

    Raises:
        SettingsInvalid: it names register, setting and capability.
    """
    missing = missing_capabilities(register, transport, KINDS[register.driver].capabilities)
    if missing:
        raise SettingsInvalid("; ".join(t.en for t in missing), "; ".join(t.ru for t in missing))
