"""The two people of a receipt: the cashier (1021, 1203) and the buyer (1008, 1227, 1228)."""

from dataclasses import replace

from kkt_adapter.fiscal.ffd.checksums import inn_is_valid
from kkt_adapter.fiscal.ffd.contact import CONTACT_LIMIT, canonical_phone, is_email
from kkt_adapter.fiscal.ffd.text import fits_cp866, to_cp866
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.validation.receipt_extras import checked_buyer
from kkt_adapter.fiscal.model import Cashier, Customer, FfdVersion, RegisterDefaults, Registration
from kkt_adapter.kernel.errors import Text

CASHIER_LIMIT = 64  # tag 1021
CASHIER_INN_DIGITS = 12  # tag 1203: a person's
BUYER_NAME_LIMIT = 256  # tag 1227
_NOBODY = Customer()


def agreed_cashier(
    wanted: Cashier | None, defaults: RegisterDefaults, registration: Registration, found: Findings
) -> Cashier:
    """The request's cashier, else the configured one; a configured INN is that of the configured name."""
    name, inn = defaults.cashier, defaults.cashier_inn
    if name is not None and not fits_cp866(name):
        name = to_cp866(name)[:CASHIER_LIMIT]
    if wanted is not None:
        if wanted.name and wanted.name != defaults.cashier:
            name, inn = _cashier_name(wanted.name, found), None
        if wanted.inn:
            inn = wanted.inn
            _check_cashier_inn(inn, found)
    if not name and not (registration.auto_mode or registration.internet_only):
        found.refuse(
            "cashier",
            "cashier_missing",
            Text("A receipt names its cashier.", "В чеке указывают кассира."),
            Text(
                "Send cashier, or set it in the configuration of the register.",
                "Передайте cashier или задайте его в настройках кассы.",
            ),
            tag=1021,
        )
    return Cashier(name=name or None, inn=inn)


def _cashier_name(name: str, found: Findings) -> str:
    if len(name) > CASHIER_LIMIT:
        _refuse_length("cashier.name", 1021, CASHIER_LIMIT, found)
        return name
    if fits_cp866(name):
        return name.strip()
    return found.fitted(name, "cashier.name", tag=1021, limit=CASHIER_LIMIT).strip()


def _check_cashier_inn(inn: str, found: Findings) -> None:
    if len(inn) == CASHIER_INN_DIGITS and inn_is_valid(inn):
        return
    found.refuse(
        "cashier.inn",
        "cashier_inn",
        Text(
            "The cashier's INN has 12 digits with right check digits.",
            "ИНН кассира: 12 цифр с верными контрольными.",
        ),
        Text("Correct it or leave it out.", "Исправьте его или не передавайте."),
        tag=1203,
    )


def agreed_customer(wanted: Customer | None, ffd_version: FfdVersion, found: Findings) -> Customer | None:
    """The buyer with e-mail, telephone (``+`` and digits), name, INN and what else is known; None when
    nothing is."""
    if wanted is None:
        return None
    email, phone = wanted.email or None, wanted.phone or None
    if email is not None and not (is_email(email) and fits_cp866(email)):
        found.refuse(
            "customer.email",
            "contact_email",
            Text(
                f"This is no e-mail address of up to {CONTACT_LIMIT} characters.",
                f"Это не адрес электронной почты длиной до {CONTACT_LIMIT} символов.",
            ),
            Text("Correct it, or send the telephone.", "Исправьте или передайте телефон."),
            tag=1008,
        )
    if phone is not None:
        canonical = canonical_phone(phone)
        if canonical is None:
            found.refuse(
                "customer.phone",
                "contact_phone",
                Text("This is no telephone number.", "Это не номер телефона."),
                Text("Send + and 10..15 digits.", "Передайте + и 10..15 цифр."),
                tag=1008,
            )
        phone = canonical
    name = wanted.name or None
    if name is not None:
        name = _buyer_name(name, found)
    inn = wanted.inn or None
    if inn is not None and not inn_is_valid(inn):
        found.refuse(
            "customer.inn",
            "buyer_inn",
            Text(
                "The buyer's INN has 10 or 12 digits with right check digits.",
                "ИНН покупателя: 10 или 12 цифр с верными контрольными.",
            ),
            Text("Correct it or leave it out.", "Исправьте его или не передавайте."),
            tag=1228,
        )
    customer = replace(wanted, email=email, phone=phone, name=name, inn=inn)
    if customer == _NOBODY:
        return None
    if has_details(customer):
        return checked_buyer(customer, ffd_version, found)
    return customer


def has_details(customer: Customer) -> bool:
    """Whether more is known than FFD 1.05 and 1.1 have a place for."""
    return (
        customer.birth_date is not None
        or customer.citizenship is not None
        or customer.document_code is not None
        or customer.document_data is not None
        or customer.address is not None
    )


def _buyer_name(name: str, found: Findings) -> str:
    if len(name) > BUYER_NAME_LIMIT:
        _refuse_length("customer.name", 1227, BUYER_NAME_LIMIT, found)
        return name
    if fits_cp866(name):
        return name
    return found.fitted(name, "customer.name", tag=1227, limit=BUYER_NAME_LIMIT)


def _refuse_length(field: str, tag: int, limit: int, found: Findings) -> None:
    found.refuse(
        field,
        "too_long",
        Text(f"At most {limit} characters.", f"Не более {limit} символов."),
        Text("Shorten it.", "Сократите."),
        tag=tag,
    )
