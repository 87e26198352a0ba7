"""Where a settlement is made: tax system, the Internet sign (1125), place (1187) and address (1009).

Facts of the registration are changed by nobody: a request that contradicts them is refused.
"""

import re

from kkt_adapter.fiscal.ffd.text import fits_cp866, to_cp866
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.validation.texts import fitting
from kkt_adapter.fiscal.model import (
    Customer,
    PaymentKind,
    ReceiptRequest,
    RegisterDefaults,
    Registration,
)
from kkt_adapter.kernel.errors import Text

PLACE_LIMIT = 256  # tags 1187 and 1009

_SITE = re.compile(r"(?:https?://)?[^\s/@]+\.[^\s/@.]{2,}(?::[0-9]+)?(?:/\S*)?\Z", re.IGNORECASE)


def agreed_taxation(
    wanted: int | None, defaults: RegisterDefaults, registration: Registration, found: Findings
) -> int | None:
    """1055: one bit of 1062. None (refused) when nothing says which."""
    mask = registration.taxation_mask
    taxation = defaults.taxation if wanted is None else wanted
    if taxation is None:
        if _is_one_bit(mask):
            return mask
        found.refuse(
            "taxation",
            "taxation_missing",
            Text(
                f"The register has several tax systems ({_bits(mask)}), the receipt says none.",
                f"У кассы несколько систем налогообложения ({_bits(mask)}), в чеке не указана ни одна.",
            ),
            Text(
                "Send taxation, or set it in the configuration of the register.",
                "Передайте taxation или задайте её в настройках кассы.",
            ),
            tag=1055,
        )
        return None
    if not _is_one_bit(taxation) or not taxation & mask:
        found.refuse(
            "taxation",
            "taxation_registered",
            Text(
                f"The register is registered for {_bits(mask)}, not for {taxation}.",
                f"Касса зарегистрирована для {_bits(mask)}, а не для {taxation}.",
            ),
            Text("Send one system of the registration.", "Передайте одну из систем регистрации."),
            tag=1055,
        )
        return None
    return taxation


def _is_one_bit(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


def tax_systems(mask: int) -> tuple[int, ...]:
    """The systems of a 1062 mask, each as its one bit."""
    return tuple(1 << bit for bit in range(8) if mask >> bit & 1)


def _bits(mask: int) -> str:
    return ", ".join(map(str, tax_systems(mask)))


def is_site(place: str) -> bool:
    """Whether a place (1187) is the address of a site."""
    return _SITE.match(place) is not None


def agreed_internet(
    wanted: bool | None, defaults: RegisterDefaults, registration: Registration, found: Findings
) -> bool:
    """1125: the request, else the configuration; always on a register for the Internet only (1108)."""
    if not registration.internet_only:
        return defaults.internet if wanted is None else wanted
    if wanted is False:
        found.refuse(
            "internet",
            "internet_registered",
            Text(
                "The register is registered for settlements in the Internet only.",
                "Касса зарегистрирована только для расчётов в Интернете.",
            ),
            Text("Use another register.", "Используйте другую кассу."),
            tag=1125,
        )
    return True


def agreed_place(
    request: ReceiptRequest,
    defaults: RegisterDefaults,
    registration: Registration,
    *,
    internet: bool,
    found: Findings,
) -> str | None:
    """1187 where it differs from the registration, else None. In the Internet it is the site."""
    place = request.place or None
    if internet:
        place = place or defaults.site or registration.place
        if not is_site(place):
            found.refuse(
                "place",
                "internet_site",
                Text(
                    f"The place of an Internet settlement is its site; {place[:40]!r} is no site.",
                    f"Место расчёта в Интернете — адрес сайта; {place[:40]!r} не сайт.",
                ),
                Text(
                    "Send place, or set site in the configuration of the register.",
                    "Передайте place или задайте site в настройках кассы.",
                ),
                tag=1187,
            )
            return place
    elif place is not None and place != registration.place and not defaults.other_place:
        _refuse_other_place("place", 1187, found)
        return place
    if place is None or place == registration.place:
        return None
    if request.place:
        return fitting(place, "place", tag=1187, limit=PLACE_LIMIT, found=found)
    return place if fits_cp866(place) else to_cp866(place)[:PLACE_LIMIT]


def agreed_address(
    wanted: str | None, defaults: RegisterDefaults, registration: Registration, found: Findings
) -> str | None:
    """1009 where it differs from the registration, else None."""
    if not wanted or wanted == registration.address:
        return None
    if not defaults.other_place:
        _refuse_other_place("address", 1009, found)
        return wanted
    return fitting(wanted, "address", tag=1009, limit=PLACE_LIMIT, found=found)


def check_internet_settlement(request: ReceiptRequest, customer: Customer | None, found: Findings) -> None:
    """No cash, and a contact of the buyer: the electronic receipt is the only one there is."""
    for index, payment in enumerate(request.payments):
        if payment.kind is PaymentKind.CASH:
            found.refuse(
                f"payments.{index}.type",
                "internet_cash",
                Text("There is no cash in an Internet settlement.", "В расчёте через Интернет нет наличных."),
                Text(
                    "Send the real payment, or internet false for a courier's receipt.",
                    "Передайте фактическую оплату; для чека курьера internet = false.",
                ),
                tag=1031,
            )
    if customer is None or not (customer.email or customer.phone):
        wanted = request.customer
        if wanted is not None and (wanted.email or wanted.phone):
            return  # given and refused for its shape already
        found.refuse(
            "customer",
            "internet_contact",
            Text(
                "An Internet settlement needs the buyer's e-mail or telephone.",
                "Для расчёта через Интернет нужна почта или телефон покупателя.",
            ),
            Text("Send the buyer's e-mail or telephone.", "Передайте почту или телефон покупателя."),
            tag=1008,
        )


def _refuse_other_place(field: str, tag: int, found: Findings) -> None:
    found.refuse(
        field,
        "place_registered",
        Text(
            "The register may not settle at another place than it is registered for.",
            "Касса может вести расчёты только там, где зарегистрирована.",
        ),
        Text(
            "Leave it out; for delivery and itinerant trade set other_place in the configuration.",
            "Не передавайте; для доставки и разносной торговли включите other_place в настройках.",
        ),
        tag=tag,
    )
