"""Requisites that most documents do not have, as rows of small print."""

from collections.abc import Iterator

from kkt_adapter.fiscal.slip.signed import SlipDocument
from kkt_adapter.kernel.money import rubles

Found = tuple[str, str | None]

_AGENT = {
    1: "БАНК. ПЛ. АГЕНТ",
    2: "БАНК. ПЛ. СУБАГЕНТ",
    4: "ПЛ. АГЕНТ",
    8: "ПЛ. СУБАГЕНТ",
    16: "ПОВЕРЕННЫЙ",
    32: "КОМИССИОНЕР",
    64: "АГЕНТ",
}
_NO_INN = frozenset({"0" * 10, "0" * 12})


def line_details(line: SlipDocument) -> Iterator[str]:
    """What a 1059 says beside name, sum and tax."""
    part = line.inside(1291).text(1292)
    if part:
        yield f"часть упаковки {part}"
    for label, value in (
        *_agent(line.number(1222), line.inside(1223)),
        *_supplier(line.inside(1224), line.text(1226)),
        ("акциз", _money(line.number(1229))),
        ("страна происхождения", line.text(1230)),
        ("декларация", line.text(1231)),
        ("доп. реквизит", line.text(1191)),
        *_industry(line, 1260),
    ):
        if value:
            yield f"{label}: {value}"


def receipt_details(document: SlipDocument) -> Iterator[Found]:
    """What the document itself says: agent, buyer, industry, payments."""
    yield from _agent(document.number(1057), document)
    yield from _supplier(document, None)
    buyer = document.inside(1256) if document.has(1256) else document
    yield "Покупатель", buyer.text(1227)
    yield "ИНН покупателя", buyer.text(1228)
    yield "Дата рождения", buyer.text(1243)
    yield "Гражданство", buyer.text(1244)
    yield "Документ покупателя", " ".join([t for t in (buyer.text(1245), buyer.text(1246)) if t]) or None
    yield "Адрес покупателя", buyer.text(1254)
    for payment in document.inside(1234).every(1235):
        known = (_money(payment.number(1082)), payment.text(1237), payment.text(1238))
        yield f"Безналичная оплата ({payment.number(1236)})", ", ".join([t for t in known if t])
    zone = document.number(1011)
    yield "Часовая зона", None if zone is None else str(zone)
    yield from _industry(document, 1261)
    operation = document.inside(1270)
    if operation.has(1272):
        at = operation.moment(1273)
        when = "" if at is None else f" от {at:%d.%m.%Y %H:%M}"
        yield f"Операция {operation.number(1271)}{when}", operation.text(1272)


def _agent(kind: int | None, data: SlipDocument) -> Iterator[Found]:
    if kind:
        names = [name for bit, name in _AGENT.items() if kind & bit]
        yield "Агент", ", ".join(names) or str(kind)
    yield "Тел. агента", _joined(data, 1073)
    yield "Тел. оператора по приёму платежей", _joined(data, 1074)
    yield "Тел. оператора перевода", _joined(data, 1075)
    yield "Операция агента", data.text(1044)
    yield "Оператор перевода", data.text(1026)
    yield "Адрес оператора перевода", data.text(1005)
    yield "ИНН оператора перевода", data.text(1016)


def _supplier(data: SlipDocument, inn: str | None) -> Iterator[Found]:
    yield "Поставщик", data.text(1225)
    yield "ИНН поставщика", None if inn in _NO_INN else inn
    yield "Тел. поставщика", _joined(data, 1171)


def _industry(parent: SlipDocument, tag: int) -> Iterator[Found]:
    for one in parent.every(tag):
        known = [text for text in (one.text(n) for n in (1262, 1263, 1264, 1265)) if text]
        yield "Отраслевой реквизит", " ".join(known)


def _joined(data: SlipDocument, tag: int) -> str | None:
    return ", ".join(data.texts(tag)) or None


def _money(kop: int | None) -> str | None:
    return None if kop is None else rubles(kop)
