"""ATOL's web server for ``kkt-adapter registers``: who answers, and what a register tells."""

from typing import Any

from kkt_adapter.cli.checks.atol_checkup import SHORT
from kkt_adapter.cli.screen import plain
from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
from kkt_adapter.fiscal.kkt.atol.web import WebDown, WebRefused, WebServer
from kkt_adapter.settings.register import is_device_address

DEFAULT_PORT = 16732


async def ask(address: str) -> str:
    """The questions that need no password: what answers, and which registers it has; nothing when nobody of
    ours does."""
    if not is_device_address(address, ("http", "https")):
        return ""
    web = WebServer(address, timeout_s=SHORT.exchange_s, connect_s=SHORT.connect_s)
    try:
        info = await web.server_info()
        if not info.get("driverVersion"):
            return ""
        name = f"ATOL web server {info.get('serverVersion', '?')}, driver {info['driverVersion']}"
        return plain(name + await _devices(web))
    except (WebDown, WebRefused):
        return ""
    finally:
        await web.close()


async def _devices(web: WebServer) -> str:
    try:
        devices = await web.devices()
    except (WebDown, WebRefused):
        return "; login and password are needed to list its registers"
    return "".join(f'; device_id = "{one.id}": {one.name}' for one in devices or ())


async def facts(driver: AtolRegister) -> dict[str, Any]:
    """What ``registers show`` tells."""
    found = driver.facts
    assert found is not None, "the driver is open"
    registration = found.registration
    return {
        "device": found.model,
        "device_id": found.device_id,
        "firmware": found.firmware,
        "driver": found.driver_version,
        "web server": found.server_version,
        "FN": registration.fn_number,
        "FN valid until": (await driver.status()).fn_valid_until.isoformat(),
        "registration number": registration.registration_number,
        "serial number": registration.serial_number,
        "user": f"{registration.user_name}, INN {registration.user_inn}",
        "FFD": registration.ffd_version.text,
        "taxation mask": registration.taxation_mask,
        "can": sorted(str(capability) for capability in driver.capabilities),
    }
