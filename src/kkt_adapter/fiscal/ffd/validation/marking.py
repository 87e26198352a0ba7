"""Marked goods (маркировка): which codes a line may carry, and what its subject becomes.

Only what can be known without the network is refused here. Whether a code is genuine is asked at printing: by
the FN, and by the marking system if it can be reached.
"""

from kkt_adapter.fiscal.ffd.measures import PIECES, Measure
from kkt_adapter.fiscal.ffd.product_code import INDUSTRY_VALUE_LIMIT, permission_value
from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.validation.mark_codes import Packs, agreed_mark_code
from kkt_adapter.fiscal.model import FfdVersion, LineRequest, MarkPermission, Registration
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.money import ONE, quantity_text

GOODS_WITH_CODE, EXCISE_WITH_CODE = 33, 31  # tag 1212
_EXCISE = frozenset({2, 30, 31})  # excise goods, the same without a code, the same with one
_MARKED = frozenset({30, 31, 32, 33})  # the values that FFD 1.2 added
_WITH_CODE = frozenset({GOODS_WITH_CODE, EXCISE_WITH_CODE})


def marked_subject(subject: int) -> int:
    """1212 of a line with a marking code: 31 for excise goods, else 33."""
    return EXCISE_WITH_CODE if subject in _EXCISE else GOODS_WITH_CODE


def check_mark(
    line: LineRequest,
    index: int,
    registration: Registration,
    measure: Measure,
    packs: Packs,
    found: Findings,
) -> str:
    """A line with a code: the code as the document and the register take it. ``packs`` knows the lines
    before it and gets this one."""
    _check_register(f"items.{index}.mark_code", registration, found)
    part = None if line.extras is None else line.extras.mark_quantity
    code = agreed_mark_code(line.mark_code or "", index, packs, found, part=part)
    if measure.code == PIECES and part is None:
        wholesale = line.extras is not None and line.extras.wholesale
        _check_pieces(line.quantity, index, wholesale=wholesale, found=found)
    if line.mark_permission is not None:
        _check_permission(line.mark_permission, index, found)
    return code


def _check_pieces(quantity: int, index: int, *, wholesale: bool, found: Findings) -> None:
    field = f"items.{index}.quantity"
    if quantity < ONE:
        found.refuse(
            field,
            "mark_part",
            Text(
                f"{quantity_text(quantity)} pieces under a marking code do not say which part of the pack.",
                f"{quantity_text(quantity)} шт с кодом маркировки не говорит, какая часть упаковки продана.",
            ),
            Text(
                "Send quantity 1, the price of the part, and mark_quantity {numerator, denominator}.",
                "Передайте quantity 1, цену части и mark_quantity {numerator, denominator}.",
            ),
            tag=1291,
        )
    elif quantity > ONE and not wholesale:
        found.refuse(
            field,
            "mark_quantity",
            Text(
                f"One code is one piece, the line has {quantity_text(quantity)}.",
                f"Один код — одна единица, в позиции {quantity_text(quantity)}.",
            ),
            Text(
                "Send one line for each piece (quantity 1), the measure of what is sold by weight, or "
                "wholesale true.",
                "Передайте по позиции на единицу (количество 1), меру весового товара либо wholesale true.",
            ),
            tag=1023,
        )


def check_unmarked(
    line: LineRequest, subject: int, index: int, registration: Registration, found: Findings
) -> None:
    """A line without a code that looks as if it should have one."""
    if subject in _WITH_CODE:
        found.refuse(
            f"items.{index}.mark_code",
            "mark_code_missing",
            Text(
                f"Subject {subject} means goods with a marking code, but there is none.",
                f"Предмет расчёта {subject} означает товар с кодом маркировки, но кода нет.",
            ),
            Text(
                "Send the marking code, or subject 32 (30 for excise goods) if the piece has no code.",
                "Передайте код маркировки либо признак 32 (для подакцизных 30), если у товара нет кода.",
            ),
            tag=1163,
        )
    elif subject in _MARKED and registration.ffd_version is not FfdVersion.V1_2:
        found.refuse(
            f"items.{index}.subject",
            "subject_ffd",
            Text(
                f"Subject {subject} exists in FFD 1.2 only, the register has an older version.",
                f"Признак предмета {subject} есть только в ФФД 1.2, а касса на более старой версии.",
            ),
            Text("Send 1 (2 for excise goods).", "Передайте 1 (для подакцизных 2)."),
            tag=1212,
        )
    if line.mark_permission is not None:
        found.refuse(
            f"items.{index}.mark_permission",
            "permission_without_code",
            Text("A permission belongs to a marking code.", "Разрешение относится к коду маркировки."),
            Text("Send the marking code as well.", "Передайте и код маркировки."),
            tag=1260,
        )
        _check_permission(line.mark_permission, index, found)


def _check_register(field: str, registration: Registration, found: Findings) -> None:
    if registration.ffd_version is not FfdVersion.V1_2:
        found.refuse(
            field,
            "mark_ffd",
            Text("Marking codes need a register on FFD 1.2.", "Для кодов маркировки нужна касса на ФФД 1.2."),
            Text(
                "Sell marked goods at a register on FFD 1.2.",
                "Продавайте маркированный товар через кассу с ФФД 1.2.",
            ),
            tag=1163,
        )
    elif not registration.marked_goods:
        found.refuse(
            field,
            "mark_registration",
            Text(
                "The register is not registered for marked goods.",
                "Касса не зарегистрирована для маркированных товаров.",
            ),
            Text(
                "Re-register it with that sign (1290), or use another register.",
                "Перерегистрируйте её с этим признаком (1290) или используйте другую кассу.",
            ),
            tag=1290,
        )


def _check_permission(permission: MarkPermission, index: int, found: Findings) -> None:
    field = f"items.{index}.mark_permission"
    if permission.blocked:
        found.refuse(
            field,
            "permission_blocked",
            Text("The marking system forbids this sale.", "Система маркировки запрещает эту продажу."),
            Text("Take the piece off sale.", "Снимите эту единицу с продажи."),
            tag=1260,
        )
    value = permission_value(permission)
    if (
        not permission.uuid
        or not permission.time
        or len(value) > INDUSTRY_VALUE_LIMIT
        or not (value.isascii() and value.isprintable())
    ):
        found.refuse(
            field,
            "permission_shape",
            Text(
                f"The permission needs uuid and time, up to {INDUSTRY_VALUE_LIMIT} ASCII characters in all.",
                f"В разрешении нужны uuid и time, всего до {INDUSTRY_VALUE_LIMIT} символов ASCII.",
            ),
            Text(
                "Send them as the marking system answered.",
                "Передайте их так, как ответила система маркировки.",
            ),
            tag=1265,
        )
