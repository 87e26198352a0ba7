"""What a device tells of itself once after connecting: registration, rates, and settings that matter."""

from dataclasses import dataclass, field
from datetime import date

from kkt_adapter.fiscal.kkt.driver import Capability
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.answers import (
    FnRegistration,
    FnStatus,
    FullStatus,
    valid_until,
)
from kkt_adapter.fiscal.kkt.shtrih.capabilities import CAPABILITIES
from kkt_adapter.fiscal.kkt.shtrih.device import KnownDevice, detect, field_name, read_number, read_text
from kkt_adapter.fiscal.kkt.shtrih.requests import with_password
from kkt_adapter.fiscal.kkt.shtrih.session import Session
from kkt_adapter.fiscal.kkt.shtrih.vat import ROW, RateRow, VatTable, check_rows
from kkt_adapter.fiscal.model import FfdVersion, Registration
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.ids import FnNumber

DEBUG_FN = "9999"  # how numbers of FNs begin that are no fiscal devices (inferred from captures)
TAX_FIELD = 14  # table 1, where no name says otherwise: who works the tax sums out
TAX_FIELD_NAME = "НАЧИСЛЕНИЕ НАЛОГОВ"
TABLE_1_FIELDS = 60  # looked through for that name
FFD_OF_FIELD = {2: FfdVersion.V1_05, 3: FfdVersion.V1_1, 4: FfdVersion.V1_2}
TOLD = (  # fields of table 17 that a person should see
    (7, "do not print"),
    (35, "strict check of tags"),
    (36, "date and time in answers"),
    (38, "autocorrection of VAT rates"),
    (64, "mapping of tax codes"),
    (71, "replacement of 20 % by 22 %"),
)
_OFFLINE, _AUTOMATIC, _INTERNET = 1 << 1, 1 << 2, 1 << 5  # FF09, work mode
_EXCISE, _MARKED = 1 << 0, 1 << 4  # FF09, extended mode (inferred from the FN's description)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShtrihFacts:
    device: KnownDevice
    registration: Registration
    rates: VatTable
    valid_until: date
    settings: dict[str, int | None] = field(default_factory=dict)  # of table 17, for people
    trouble: Text | None = None  # why no receipt may be printed at all

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this very device can do."""
        lacks = set() if self.device.relays else {Capability.RELAY}
        if self.registration.ffd_version is not FfdVersion.V1_2:
            lacks.add(Capability.MARKING)
        return CAPABILITIES - lacks


async def read_facts(session: Session, password: int) -> ShtrihFacts:
    """``password`` is the system administrator's.

    Raises:
        LinkDown, DeviceRefusal, BadShtrihAnswer: the device cannot be asked, or is not registered.
    """
    device = await detect(session, password)
    fn = FnStatus.read(await session.data(with_password(requests.FN_STATUS, password)))
    until = valid_until(await session.data(with_password(requests.FN_VALID_UNTIL, password)))
    told = FnRegistration.read(await session.data(with_password(requests.FN_REGISTRATION, password)))
    table = device.tables.ffd
    return ShtrihFacts(
        device=device,
        registration=await _registration(session, password, device, fn, told),
        rates=await _rates(session, password, device),
        valid_until=until,
        settings={
            f"{table}/{number} {name}": await read_number(session, password, table, 1, number)
            for number, name in TOLD
        },
        trouble=await _tax_trouble(session, password),
    )


async def _registration(
    session: Session, password: int, device: KnownDevice, fn: FnStatus, told: FnRegistration
) -> Registration:
    async def text(number: int) -> str:
        return await read_text(session, password, device.tables.fn, 1, number)

    status = FullStatus.read(await session.data(with_password(requests.FULL_STATUS, password)))
    version = await read_number(session, password, device.tables.ffd, 1, device.tables.ffd_field)
    return Registration(
        fn_number=FnNumber(fn.fn_number),
        registration_number=told.registration_number or await text(3),
        serial_number=await text(1),
        user_inn=told.user_inn,
        user_name=await text(7),
        address=await text(9),
        place=await text(14),
        taxation_mask=told.taxation_mask,
        ffd_version=FFD_OF_FIELD.get(version or 0, FfdVersion.V1_05),
        ofd_name=await text(10),
        ofd_inn=told.ofd_inn or await text(12),
        fns_site=await text(13),
        sender_email="",  # in no table that is known; the register adds its own
        kkt_version=f"{status.firmware}.{status.build}"[:8],
        auto_mode=bool(told.work_mode & _AUTOMATIC),
        offline_mode=bool(told.work_mode & _OFFLINE),
        internet_only=bool(told.work_mode & _INTERNET),
        marked_goods=bool(told.extra_mode & _MARKED),
        excise_goods=bool(told.extra_mode & _EXCISE),
        fiscal_device=not fn.fn_number.startswith(DEBUG_FN),
    )


async def _rates(session: Session, password: int, device: KnownDevice) -> VatTable:
    rows = [
        RateRow(
            row=row,
            rate=await read_number(session, password, 6, row, 1),
            name=await read_text(session, password, 6, row, 2),
        )
        for row in ROW.values()
    ]
    return VatTable(
        rates=device.rates,
        wrong=check_rows(rows),
        replaces=None if device.cash_core else await read_number(session, password, device.tables.ffd, 1, 71),
    )


async def _tax_trouble(session: Session, password: int) -> Text | None:
    """The register must work the tax sums out: ours are zeros, and it would print them as they are."""
    number = await _tax_field(session, password)
    value = await read_number(session, password, 1, 1, number)
    if value in (0, None):
        return None
    return Text(
        f"table 1, row 1, field {number} (tax accrual) is {value}: the tax would come out as 0; set it to 0",
        f"таблица 1, ряд 1, поле {number} (начисление налогов) = {value}: налог напечатается нулевым; "
        "установите 0",
    )


async def _tax_field(session: Session, password: int) -> int:
    """Its number differs by model: the name decides, beginning where it stands most often."""
    for number in (TAX_FIELD, *(n for n in range(1, TABLE_1_FIELDS) if n != TAX_FIELD)):
        name = await field_name(session, password, 1, number)
        if not name:
            break
        if name.upper().startswith(TAX_FIELD_NAME):
            return number
    return TAX_FIELD
