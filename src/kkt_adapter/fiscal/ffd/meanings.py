"""What coded values mean, for people who read documents: 1054 with 2 is "возврат прихода".

Only for display; what may be written is decided elsewhere. A code without a row is shown as it is.

Source: value lists of order ED-7-20/662@ and its amendments as public implementations code them
(docs/reference/ofd-protocol.md, section Values). 2004 and 2005 are read by the bits of 2106, inferred from a
captured exchange with a register; 2111 is inferred from 2105; 2006 and 2116 have no source and stay numbers.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.fiscal.ffd.measures import BY_CODE
from kkt_adapter.fiscal.ffd.vat import RATE_OF_CODE
from kkt_adapter.fiscal.model import VatRate
from kkt_adapter.kernel.errors import Text


def meaning(tag: int, value: int) -> Text | None:
    """The words for a value, several joined for a bit field; None when there is nothing to say."""
    match tag:
        case 1199:
            return _rate(value)
        case 2108:
            measure = BY_CODE.get(value)
            return Text(measure.text, measure.text) if measure else None
        case _ if tag in CODES:
            return CODES[tag].get(value)
        case _ if tag in BITS:
            return _bits(BITS[tag], value)
        case _:
            return None


def _rate(code: int) -> Text | None:
    rate = RATE_OF_CODE.get(code)
    if rate is None:
        return None
    if rate is VatRate.NONE:
        return Text("no VAT", "без НДС")
    text = rate.value if "/" in rate.value else f"{rate.value}%"
    return Text(text, text)


def _bits(names: Mapping[int, Text], value: int) -> Text | None:
    found = [text for bit, text in names.items() if value >> bit & 1]
    if not found:
        return None
    return Text(", ".join(t.en for t in found), ", ".join(t.ru for t in found))


def _table(rows: str) -> Mapping[int, Text]:
    """``code | English | Russian``, one row a line."""
    cells = (line.split("|") for line in rows.strip().splitlines())
    return MappingProxyType({int(code): Text(en.strip(), ru.strip()) for code, en, ru in cells})


_FFD = _table("2 | FFD 1.05 | ФФД 1.05\n3 | FFD 1.1 | ФФД 1.1\n4 | FFD 1.2 | ФФД 1.2")

_TAXATION = _table("""
0 | general | ОСН
1 | simplified, income | УСН доход
2 | simplified, income minus expense | УСН доход - расход
3 | imputed income | ЕНВД
4 | agricultural | ЕСХН
5 | patent | патент
""")

_AGENT = _table("""
0 | bank payment agent | банковский платежный агент
1 | bank payment subagent | банковский платежный субагент
2 | payment agent | платежный агент
3 | payment subagent | платежный субагент
4 | attorney | поверенный
5 | commissioner | комиссионер
6 | agent | агент
""")

_STATUS = _table("""
1 | piece sold | штучный товар, реализован
2 | measured goods, in sale | мерный товар, в стадии реализации
3 | piece returned | штучный товар, возвращён
4 | part of measured goods returned | часть мерного товара возвращена
255 | status unchanged | статус товара не изменился
""")

_MARK_CHECK = _table("""
0 | checked by the FN | проверен ФН
1 | positive by the FN | положительно ФН
2 | checked by the marking system | проверен ОИСМ
3 | positive by the marking system | положительно ОИСМ
4 | made offline | автономный режим
""")

CODES: Mapping[int, Mapping[int, Text]] = MappingProxyType(
    {
        1022: _table("""
0 | accepted | принят
11 | document not recognised | документ не распознан
14 | format-logical control failed | не пройден форматно-логический контроль
"""),
        1054: _table("""
1 | income | приход
2 | return of income | возврат прихода
3 | expense | расход
4 | return of expense | возврат расхода
"""),
        1173: _table("0 | own initiative | самостоятельно\n1 | by order | по предписанию"),
        1189: _FFD,
        1190: _FFD,
        1209: _FFD,
        1212: _table("""
1 | goods | товар
2 | excise goods | подакцизный товар
3 | work | работа
4 | service | услуга
5 | gambling stake | ставка азартной игры
6 | gambling win | выигрыш азартной игры
7 | lottery ticket | лотерейный билет
8 | lottery win | выигрыш лотереи
9 | intellectual property rights | предоставление РИД
10 | payment | платеж
11 | agent fee | агентское вознаграждение
12 | payment or fine | выплата
13 | other | иной предмет расчета
14 | property right | имущественное право
15 | non-sales income | внереализационный доход
16 | insurance contributions | страховые взносы
17 | trade fee | торговый сбор
18 | resort fee | курортный сбор
19 | pledge | залог
20 | expense | расход
30 | excise goods to be marked, without code | подакцизный маркируемый товар без кода
31 | excise goods with marking code | подакцизный маркируемый товар с кодом
32 | goods to be marked, without code | маркируемый товар без кода
33 | goods with marking code | маркируемый товар с кодом
"""),
        1214: _table("""
1 | full prepayment | предоплата 100%
2 | prepayment | предоплата
3 | advance | аванс
4 | full payment | полный расчет
5 | partial payment and credit | частичный расчет и кредит
6 | credit | передача в кредит
7 | credit payment | оплата кредита
"""),
        2003: _STATUS,
        2100: _table("""
0 | not identified | не идентифицирован
1 | short | короткий
2 | check part of 88 characters, checked by the FN | код проверки 88 символов, проверяется в ФН
3 | check part of 44 characters, not checked by the FN | код проверки 44 символа, не проверяется в ФН
4 | check part of 44 characters, checked by the FN | код проверки 44 символа, проверяется в ФН
5 | check part of 4 characters, not checked by the FN | код проверки 4 символа, не проверяется в ФН
"""),
        2102: _table("0 | regular | обычный режим"),
        2105: _table("""
0 | the request is well formed | формат запроса верный
1 | the request is malformed | формат запроса неверный
2 | the marking code is malformed | формат кода маркировки неверный
"""),
        2107: _table("""
0 | no code was checked with a negative result | отрицательных результатов нет
1 | a code was checked with a negative result | есть отрицательный результат
"""),
        2109: _table("""
1 | planned status is right | планируемый статус корректен
2 | planned status is wrong | планируемый статус некорректен
3 | circulation is suspended | оборот товара приостановлен
"""),
        2110: _STATUS,
        2111: _table("""
0 | the notification is well formed | формат уведомления верный
1 | the notification is malformed | формат уведомления неверный
2 | a marking code is malformed | формат кода маркировки неверный
"""),
    }
)

BITS: Mapping[int, Mapping[int, Text]] = MappingProxyType(
    {
        1055: _TAXATION,
        1062: _TAXATION,
        1057: _AGENT,
        1222: _AGENT,
        1206: _table("""
1 | format-logical error | ошибка форматно-логического контроля
2 | check the cabinet | проверьте кабинет
3 | FFD update needed | требуется обновление ФФД
4 | inspection planned | включена в план проверок
5 | change operator connection settings | необходимо изменить настройки ОФД
6 | operator stops its work | ОФД прекращает работу
"""),
        1290: _table("""
1 | printer in machine | принтер в автомате
2 | strict reporting forms | АС БСО
5 | Internet only | только Интернет
6 | excise goods | подакцизные товары
8 | marked goods | маркированные товары
9 | services only | только услуги
10 | gambling | азартные игры
11 | lottery | лотерея
12 | pawnshop | ломбард
13 | insurance | страхование
14 | vending | торговый автомат
15 | catering | общественное питание
16 | wholesale of marked goods | оптовая торговля маркированными товарами
"""),
        2004: _MARK_CHECK,
        2005: _MARK_CHECK,
        2106: _MARK_CHECK,
        2112: _table("""
1 | bad codes by answers to requests | некорректные КМ по ответам на запросы
2 | bad codes by receipts for notifications | некорректные КМ по квитанциям на уведомления
"""),
        2113: _table("""
0 | a request was handled negatively | запрос обработан отрицательно
1 | a notification was handled negatively | уведомление обработано отрицательно
"""),
    }
)
