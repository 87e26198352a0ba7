"""What must be configured before anything is opened."""

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import Settings, Transport


def require_registers(settings: Settings, *, demo: bool) -> None:
    """There is a register, and every register has an operator's address.

    Raises:
        SettingsInvalid: it says what is missing, and which ways there are.
    """
    if not settings.registers and not demo:
        raise SettingsInvalid(
            "No register is configured. Either add a [[register]] to kkt-adapter.toml, or try the product "
            "with virtual registers, which are no fiscal devices: kkt-adapter serve --demo",
            "Не настроена ни одна ККТ. Либо добавьте [[register]] в kkt-adapter.toml, либо попробуйте "
            "продукт с виртуальными ККТ (не фискальные устройства): kkt-adapter serve --demo",
        )
    routes = {
        (
            r.ofd_transport or settings.ofd_transport,
            r.ofd_host or settings.ofd_host,
            r.ofd_port or settings.ofd_port,
        )
        for r in settings.registers
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
