"""RegisterCheck: from the fields of KkmServer to the canonical body of a receipt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.corrections import correction_of, vat_sums_of
from kkt_adapter.api.doors.kkmserver.fields import Fields, names
from kkt_adapter.api.doors.kkmserver.lines import AGENTS, Line, agent_of, lines_of
from kkt_adapter.api.doors.kkmserver.payments import Paid, payments_of
from kkt_adapter.api.doors.kkmserver.refusal import refused
from kkt_adapter.fiscal.ffd.checksums import inn_is_valid
from kkt_adapter.fiscal.ffd.contact import canonical_phone, is_email
from kkt_adapter.fiscal.ffd.validation.people import CASHIER_INN_DIGITS
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import Kopecks, kopecks, rubles
from kkt_adapter.kernel.quick import quickly_made

KINDS: Final[Mapping[int, tuple[str, str | None]]] = MappingProxyType(
    {
        0: ("sale", None),
        1: ("refund", None),
        10: ("expense", None),
        11: ("expense_refund", None),
        2: ("correction", "sale"),
        3: ("correction", "refund"),
        12: ("correction", "expense"),
        13: ("correction", "expense_refund"),
    }
)
"""``TypeCheck``: the core's kind, and the operation of a correction (salesduck/kkmserver-types:src)."""

_EGAIS: Final = (8, 9)
_SAMPLE_SITE: Final = "kkmserver.ru"  # of the maker's sample, which clients send on (LaravelKkmServerConnect)
_TAXATIONS: Final = 6
_SELDOM: Final = AGENTS | names(
    "CheckProps",
    "AdditionalProps",
    "CashierName",
    "CashierVATIN",
    "ClientAddress",
    "ClientInfo",
    "ClientINN",
    "TaxVariant",
    "NotPrint",
    "AdditionalAttribute",
    "UserAttribute",
    "AddressSettle",
    "PlaceMarket",
    "SenderEmail",
)
"""What ``_whole_receipt`` reads."""
_TAGS_OF_PROPS: Final[Mapping[int, str]] = MappingProxyType({1021: "cashier", 1008: "contact"})


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """The canonical body without ``pos_id``, and what the answer says beside the outcome."""

    body: dict[str, Any]
    places: Mapping[str, str]  # canonical path of a line -> the client's
    warnings: tuple[Text, ...] = ()
    message: Text | None = None  # the change


@dataclass(slots=True)
class _Notes:
    warnings: list[Text] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    def warn(self, en: str, ru: str) -> None:
        self.warnings.append(Text(en, ru))


def is_fiscal(command: Fields) -> bool:
    """Without the flag a command with goods is a receipt."""
    said = command.flag("IsFiscalCheck")
    if said is not None:
        return said
    for one in command.objects("CheckStrings"):  # noqa: SIM110 - a third of the calls of any()
        if one.object("Register") is not None:
            return True
    return False


def translate(command: Fields, *, own_place: bool) -> Translated:
    """The receipt that a RegisterCheck asks for.

    Args:
        own_place: the register takes a place and an address from a request; else they are left out.

    Raises:
        CommandRefused: a field that does not fit, sums that do not agree, something that is not supported.
    """
    _refuse_card_terminal(command)
    kind, operation = _kind(command)
    notes = _Notes()
    body: dict[str, Any] = {"type": kind}
    if operation is not None:
        body["correction"] = correction_of(command, operation)
    body["items"] = _items(command, notes)
    total = _total(body["items"])
    if operation is not None and not body["items"]:
        total, sums = vat_sums_of(command)
        body["correction"]["sums"] = sums
    if not body["items"] and "sums" not in body.get("correction", {}):
        raise refused(
            "no_goods",
            "CheckStrings has no Register: a receipt needs goods.",
            "В CheckStrings нет ни одного Register: в чеке должен быть товар.",
        )
    paid = payments_of(command, total)
    body["payments"] = paid.payments
    body |= _whole_receipt(command, notes, own_place=own_place)
    _check_paper(command, body)
    return Translated(body=body, places=notes.places, warnings=tuple(notes.warnings), message=_change(paid))


def _change(paid: Paid) -> Text | None:
    if not paid.change_kop:
        return None
    shown = rubles(paid.change_kop)
    return Text(f"Change: {shown}.", f"Сдача: {shown}.")


def _refuse_card_terminal(command: Fields) -> None:
    if command.flag("PayByProcessing"):
        raise refused(
            "card_terminal",
            "PayByProcessing: this service drives no card terminal, so the card was not charged and nothing "
            "was printed. Charge the card first, then send the receipt with PayByProcessing false.",
            "PayByProcessing: служба не работает с банковским терминалом; карта не списана, чек не "
            "напечатан. Проведите оплату на терминале, затем отправьте чек с PayByProcessing = false.",
        )


def _kind(command: Fields) -> tuple[str, str | None]:
    code = command.whole("TypeCheck")
    found = KINDS.get(0 if code is None else code)
    if found is not None:
        return found
    if code in _EGAIS:
        raise refused(
            "egais",
            f"TypeCheck {code} is for EGAIS only and makes no fiscal receipt: not supported.",
            f"TypeCheck {code} — только для ЕГАИС, фискального чека не даёт: не поддерживается.",
        )
    raise refused(
        "type_check",
        f"TypeCheck {code}: no such kind. One of 0, 1, 2, 3, 10, 11, 12, 13.",
        f"TypeCheck {code}: такого вида чека нет. Допустимо 0, 1, 2, 3, 10, 11, 12, 13.",
    )


def _items(command: Fields, notes: _Notes) -> list[Line]:
    items: list[Line] = []
    for element in command.objects("CheckStrings"):
        register = element.object("Register")
        if register is None:
            continue  # text, pictures and bar codes make no fiscal difference
        for line in lines_of(register):
            notes.places[f"items.{len(items)}"] = register.place
            items.append(line)
    return items


def _total(items: list[Line]) -> Kopecks:
    return Kopecks(sum([kopecks(line["total"]) for line in items]))


def _whole_receipt(command: Fields, notes: _Notes, *, own_place: bool) -> dict[str, Any]:
    if not command.has_any(_SELDOM):
        return {}
    props = _props(command, notes)
    found: dict[str, Any] = {
        "cashier": _cashier(command, props, notes),
        "customer": _customer(command, props),
        "taxation": taxation_of(command),
        "no_print": command.flag("NotPrint") or None,
        "additional_attribute": command.text("AdditionalAttribute"),
        "user_attribute": _user_attribute(command),
        **agent_of(command),
        **_place(command, notes, own_place=own_place),
    }
    command.text("SenderEmail")  # 1117 is the registration's
    return {name: value for name, value in found.items() if value is not None}


def taxation_of(command: Fields) -> int | None:
    """``TaxVariant`` as one bit of tag 1055. Raises CommandRefused."""
    variant = command.whole("TaxVariant")
    if variant is None or variant == -1:
        return None
    if not 0 <= variant < _TAXATIONS:
        raise refused(
            "tax_variant",
            "TaxVariant must be 0 to 5.",
            "TaxVariant должен быть от 0 до 5 (0 ОСН, 1 УСН доход, 2 УСН доход-расход, 4 ЕСХН, 5 патент).",
        )
    return 1 << variant


def _cashier(command: Fields, props: Mapping[str, str], notes: _Notes) -> dict[str, str] | None:
    """CashierName and CashierVATIN, which some clients write as ``CashierVatin``.

    The gem of esaulkov/kkmserver sends the INN of the register's user (lib/kkmserver/cash_register.rb), and a
    till prototype sends 123456789012. Tag 1203 may be absent: what is no person's INN is left out.
    """
    name, inn = command.text("CashierName") or props.get("cashier"), command.text("CashierVATIN")
    if inn is not None and not (len(inn.strip()) == CASHIER_INN_DIGITS and inn_is_valid(inn.strip())):
        inn = None
        notes.warn(
            "CashierVATIN is no INN of a person (12 digits with right check digits); the receipt has none.",
            "CashierVATIN — не ИНН физического лица (12 цифр с верными контрольными); в чек не попал.",
        )
    found = {"name": name, "inn": inn}
    return {key: value.strip() for key, value in found.items() if value} or None


def _customer(command: Fields, props: Mapping[str, str]) -> dict[str, str] | None:
    contact = command.text("ClientAddress") or props.get("contact")
    found = {
        **_contact(contact),
        "name": command.text("ClientInfo"),
        "inn": command.text("ClientINN"),
    }
    return {key: value.strip() for key, value in found.items() if value} or None


def _contact(written: str | None) -> dict[str, str]:
    """One field for both: whatever is no address of an e-mail is a telephone number."""
    if written is None:
        return {}
    plain = written.strip()
    if is_email(plain) or "@" in plain:
        return {"email": plain}
    return {"phone": canonical_phone(plain) or plain}


def _user_attribute(command: Fields) -> dict[str, str] | None:
    said = command.object("UserAttribute")
    if said is None:
        return None
    name, value = said.text("Name"), said.text("Value")
    return None if name is None or value is None else {"name": name, "value": value}


def _place(command: Fields, notes: _Notes, *, own_place: bool) -> dict[str, str]:
    address, place = command.text("AddressSettle"), command.text("PlaceMarket")
    if place is not None and place.strip().lower().removeprefix("https://").strip("/") == _SAMPLE_SITE:
        place = None
    found = {"address": address, "place": place}
    said = {name: value.strip() for name, value in found.items() if value}
    if said and not own_place:
        notes.warn(
            "AddressSettle and PlaceMarket are those of the registration.",
            "AddressSettle и PlaceMarket взяты из регистрации ККТ.",
        )
        return {}
    return said


def _props(command: Fields, notes: _Notes) -> dict[str, str]:
    """CheckProps and AdditionalProps: tags as older clients send them, and lines for the paper."""
    found: dict[str, str] = {}
    for one in (*command.objects("CheckProps"), *command.objects("AdditionalProps")):
        tag, value = one.whole("Teg"), one.text("Prop")
        meaning = None if tag is None else _TAGS_OF_PROPS.get(tag)
        if meaning is not None and value is not None:
            found[meaning] = value
        elif tag and tag not in (1117,):
            notes.warn(
                f"{one.place}: tag {tag} is not taken from here.",
                f"{one.place}: тег {tag} отсюда не берётся.",
            )
    return found


def _check_paper(command: Fields, body: Mapping[str, Any]) -> None:
    if not body.get("no_print"):
        return
    customer = body.get("customer", {})
    if "email" not in customer and "phone" not in customer:
        raise refused(
            "not_print",
            "NotPrint needs ClientAddress: without paper the buyer gets the receipt there.",
            "Для NotPrint нужен ClientAddress: без бумаги чек отправляют покупателю по этому адресу.",
        )


@lru_cache(maxsize=1024)
def sum_shown(amount_kop: int) -> Decimal:
    """Kopecks as the clients read sums."""
    return Decimal(rubles(amount_kop))
