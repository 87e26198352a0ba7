"""What register and web server tell of themselves once after connecting."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kkt_adapter.fiscal.kkt.atol import words
from kkt_adapter.fiscal.kkt.atol.capabilities import CAPABILITIES
from kkt_adapter.fiscal.kkt.atol.values import BadAtolAnswer, flag, section, text
from kkt_adapter.fiscal.kkt.driver import Capability
from kkt_adapter.fiscal.model import FFD_OF_TEXT, FfdVersion, Registration
from kkt_adapter.kernel.ids import FnNumber

DEBUG_FN = "9999"  # how numbers of FNs begin that are no fiscal devices (inferred from captures)
INTRODUCTION: tuple[dict[str, Any], ...] = tuple(
    {"type": name} for name in ("getDeviceInfo", "getFnInfo", "getRegistrationInfo")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtolFacts:
    registration: Registration
    model: str
    firmware: str
    device_id: str | None  # of the web server; None: it knows one device
    driver_version: str = ""  # empty: not told
    server_version: str = ""
    other: dict[str, str] = field(default_factory=dict)

    @property
    def capabilities(self) -> frozenset[Capability]:
        lacks = set() if self.registration.ffd_version is FfdVersion.V1_2 else {Capability.MARKING}
        return CAPABILITIES - lacks


def read_facts(
    answers: Sequence[dict[str, Any] | None], *, device_id: str | None, server: dict[str, Any]
) -> AtolFacts:
    """Answers to ``INTRODUCTION``. Raises BadAtolAnswer."""
    device, fn = section(answers[0], "deviceInfo"), section(answers[1], "fnInfo")
    told = answers[2] or {}
    return AtolFacts(
        registration=_registration(device, fn, told),
        model=text(device, "modelName") or str(device.get("model", "")),
        firmware=text(device, "firmwareVersion"),
        device_id=device_id,
        driver_version=text(server, "driverVersion"),
        server_version=text(server, "serverVersion"),
    )


def _registration(device: dict[str, Any], fn: dict[str, Any], told: dict[str, Any]) -> Registration:
    owner, till, ofd = (section(told, name) for name in ("organization", "device", "ofd"))
    version = FFD_OF_TEXT.get(text(till, "ffdVersion") or text(device, "ffdVersion"))
    if version is None:
        raise BadAtolAnswer(f"FFD version {till.get('ffdVersion')!r}")
    fn_number = text(fn, "serial")
    return Registration(
        fn_number=FnNumber(fn_number),
        registration_number=text(till, "registrationNumber"),
        serial_number=text(device, "serial"),
        user_inn=text(owner, "vatin"),
        user_name=text(owner, "name"),
        address=text(owner, "paymentsAddress") or text(owner, "address"),
        place=text(till, "paymentsPlace") or text(till, "paymentsAddress"),
        taxation_mask=_taxation(owner),
        ffd_version=version,
        ofd_name=text(ofd, "name"),
        ofd_inn=text(ofd, "vatin"),
        fns_site=text(till, "fnsUrl"),
        sender_email=text(owner, "email"),
        kkt_version=(text(device, "configurationVersion") or text(device, "firmwareVersion"))[:8],
        auto_mode=flag(till, "autoMode"),
        machine_number=text(till, "machineNumber") or None,
        offline_mode=flag(till, "offlineMode"),
        internet_only=flag(till, "internet"),
        marked_goods=flag(till, "marking"),
        excise_goods=flag(till, "excise"),
        fiscal_device=not fn_number.startswith(DEBUG_FN),
    )


def _taxation(owner: dict[str, Any]) -> int:
    found = owner.get("taxationTypes")
    named = found if isinstance(found, list) else []
    return sum(bit for bit, word in words.TAXATION.items() if word in named)
