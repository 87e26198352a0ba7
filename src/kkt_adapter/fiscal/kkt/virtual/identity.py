"""Who a virtual register is: registration data that is made up, yet of valid form.

Everything follows from one text, the seed (by default the register's id), so that the same configuration
always gives the same FN number. Two installations whose documents meet in one place need different seeds.
"""

from hashlib import blake2b

from kkt_adapter.fiscal.ffd.checksums import registration_number_check
from kkt_adapter.fiscal.kkt.virtual.naming import place_of
from kkt_adapter.fiscal.model import FfdVersion, Registration
from kkt_adapter.kernel.ids import FnNumber, RegisterId

# INNs with valid check digits under a tax office that does not exist (9999): they belong to nobody.
SELLER_INN = "9999000006"
OFD_INN = "9999000013"
FN_PREFIX = "9999"  # how debug FNs begin (inferred from captures of test devices)


def made_up_registration(
    register_id: RegisterId,
    *,
    seed: str | None = None,
    place: str | None = None,
    ffd_version: FfdVersion = FfdVersion.V1_2,
    taxation_mask: int = 1,
    user_inn: str = SELLER_INN,
    user_name: str = 'ООО "Демонстрация"',
    address: str = "г. Примерск, ул. Учебная, д. 1",
    ofd_name: str = "Эмулятор ОФД",
    ofd_inn: str = OFD_INN,
    sender_email: str = "demo@example.com",
    offline_mode: bool = False,
    auto_mode: bool = False,
    machine_number: str | None = None,
    internet_only: bool = False,
    marked_goods: bool = False,
    excise_goods: bool = False,
) -> Registration:
    """The registration that a new virtual FN writes as its document 1.

    ``place`` (1187) defaults to the register's name; ``machine_number`` (1036) belongs to automatic mode.
    The registration number has a valid check part for its INN and serial number.
    """
    digits = _digits(seed or register_id)
    serial_number, given = digits[:12], digits[24:]
    return Registration(
        fn_number=FnNumber(FN_PREFIX + digits[12:24]),
        registration_number=given
        + registration_number_check(given, inn=user_inn, serial_number=serial_number),
        serial_number=serial_number,
        user_inn=user_inn,
        user_name=user_name,
        address=address,
        place=place or place_of(register_id),
        taxation_mask=taxation_mask,
        ffd_version=ffd_version,
        ofd_name=ofd_name,
        ofd_inn=ofd_inn,
        fns_site="www.nalog.gov.ru",
        sender_email=sender_email,
        kkt_version="virt-1",
        auto_mode=auto_mode,
        machine_number=machine_number,
        offline_mode=offline_mode,
        internet_only=internet_only,
        marked_goods=marked_goods,
        excise_goods=excise_goods,
        fiscal_device=False,
    )


def _digits(seed: str) -> str:
    """34 decimal digits that depend on nothing but the seed."""
    value = int.from_bytes(blake2b(seed.encode(), digest_size=20, person=b"virtual register").digest(), "big")
    return f"{value % 10**34:034d}"
