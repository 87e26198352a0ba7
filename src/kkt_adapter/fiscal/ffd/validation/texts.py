"""Texts of requisites: within their tag's length, in CP866."""

from kkt_adapter.fiscal.ffd.checksums import inn_is_valid
from kkt_adapter.fiscal.ffd.contact import canonical_phone
from kkt_adapter.fiscal.ffd.requisites_page import VERSIONS
from kkt_adapter.fiscal.ffd.text import fits_cp866
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.model import FfdVersion
from kkt_adapter.kernel.errors import Text

PHONE_LIMIT = 19  # tags 1073, 1074, 1075, 1171
NO_INN = ("0" * 12, "0" * 10)  # what 1226 says of a supplier without an INN


def fitting(text: str, field: str, *, tag: int, limit: int, found: Findings) -> str:
    """The text as the document will carry it. Too long is refused; what CP866 lacks is replaced and told."""
    if len(text) > limit:
        found.refuse(
            field,
            "too_long",
            Text(f"At most {limit} characters.", f"Не более {limit} символов."),
            Text("Shorten it.", "Сократите."),
            tag=tag,
        )
        return text
    return text if fits_cp866(text) else found.fitted(text, field, tag=tag, limit=limit)


def phones(wanted: tuple[str, ...], field: str, *, tag: int, found: Findings) -> tuple[str, ...]:
    """Each as + and digits."""
    canonical = []
    for index, phone in enumerate(wanted):
        shape = canonical_phone(phone)
        if shape is None or len(shape) > PHONE_LIMIT:
            found.refuse(
                f"{field}.{index}",
                "phone_shape",
                Text("This is no telephone number.", "Это не номер телефона."),
                Text("Send + and 10..15 digits.", "Передайте + и 10..15 цифр."),
                tag=tag,
            )
            continue
        canonical.append(shape)
    return tuple(canonical)


def check_inn(inn: str, field: str, *, tag: int, found: Findings, zeros: bool = False) -> None:
    """``zeros``: all zeros are fine too, they say that there is none."""
    if inn_is_valid(inn) or (zeros and inn in NO_INN):
        return
    remedy = Text("Correct it.", "Исправьте его.")
    if zeros:
        remedy = Text(
            "Correct it; 000000000000 says that there is none.",
            "Исправьте его; 000000000000 означает, что ИНН нет.",
        )
    found.refuse(
        field,
        "inn",
        Text(
            "An INN has 10 or 12 digits with right check digits.",
            "ИНН: 10 или 12 цифр с верными контрольными.",
        ),
        remedy,
        tag=tag,
    )


def check_digits(text: str, field: str, *, tag: int, count: int, remedy: Text, found: Findings) -> None:
    if len(text) == count and text.isascii() and text.isdecimal():
        return
    found.refuse(
        field,
        "digits",
        Text(f"It has exactly {count} digits.", f"Здесь ровно {count} цифр."),
        remedy,
        tag=tag,
    )


def check_version(name: str, field: str, *, tag: int, ffd_version: FfdVersion, found: Findings) -> bool:
    """Whether the register's FFD version has a place for the requisite; ``name`` as in the table of them."""
    versions = VERSIONS[name]
    if ffd_version in versions:
        return True
    known = ", ".join(v.text for v in sorted(versions))
    ours = ffd_version.text
    found.refuse(
        field,
        "requisite_ffd",
        Text(
            f"Tag {tag} exists in FFD {known}, the register has {ours}.",
            f"Реквизит {tag} есть в ФФД {known}, а касса на версии {ours}.",
        ),
        Text(
            f"Leave it out, or use a register on FFD {known}.",
            f"Не передавайте его либо используйте кассу с ФФД {known}.",
        ),
        tag=tag,
    )
    return False
