"""The urgent part of the alert table: somebody must look within 15 minutes (P1)."""

from kkt_adapter.fiscal.alerts import conditions as when
from kkt_adapter.fiscal.alerts import guards
from kkt_adapter.fiscal.alerts import register_conditions as register
from kkt_adapter.fiscal.alerts.actions import DEAD_LETTERS, LATE, REPLACE_FN, RESTORE, SLOW
from kkt_adapter.fiscal.alerts.finding import MINUTE_S
from kkt_adapter.fiscal.alerts.rule import Level, Rule
from kkt_adapter.fiscal.monitoring import legal_clocks
from kkt_adapter.kernel.errors import Text

_P1 = Level.P1

URGENT: tuple[Rule, ...] = (
    Rule(
        code="BUFFER_FULL",
        level=_P1,
        family="buffer",
        for_s=MINUTE_S,
        find=when.buffer_at(100),
        action=RESTORE,
    ),
    Rule(
        code="BUFFER_ALMOST_FULL",
        level=_P1,
        family="buffer",
        for_s=300,
        find=when.buffer_at(90),
        action=RESTORE,
    ),
    Rule(
        code="DISK_LOW",
        level=_P1,
        family="disk",
        find=when.disk_low,
        action=Text(
            "Free disk space; sales open again by themselves.",
            "Освободите место на диске; приём откроется сам.",
        ),
    ),
    Rule(
        code="RECEIPTS_LOST",
        level=_P1,
        family="lost",
        find=guards.receipts_lost,
        action=Text(
            "Find what replaced the database, compare the register's documents with the sales, "
            "then kkt-adapter db confirm-loss.",
            "Выясните, чем заменили базу, сверьте документы ККТ с продажами, затем kkt-adapter "
            "db confirm-loss.",
        ),
    ),
    Rule(
        code="KKT_BLOCKED",
        level=_P1,
        family="register",
        find=register.blocked,
        action=Text(
            "Sell on another register. FN full or expired: replace it. Unsent limit: restore the operator. "
            "Not registered: register.",
            "Продавайте на другой кассе. ФН исчерпан: замените его. Лимит непереданных: восстановите связь с "
            "ОФД. Не зарегистрирована: зарегистрируйте.",
        ),
    ),
    Rule(
        code="PRINT_UNKNOWN",
        level=_P1,
        family="register",
        find=register.undecided,
        action=Text(
            "Compare the register's tape with the evidence shown and decide: adopt the document or print "
            "again.",
            "Сверьте ленту ККТ с показанными документами и решите: принять документ или печатать снова.",
        ),
    ),
    Rule(
        code="GROUP_CANNOT_SELL",
        level=_P1,
        family="group",
        for_s=MINUTE_S,
        find=register.group_cannot_sell,
        action=Text(
            "Put one register of the group back to work: release it, or mend what its status says.",
            "Верните в работу одну ККТ группы: снимите hold или устраните то, что говорит её состояние.",
        ),
    ),
    Rule(
        code="FN_EXPIRY_CRITICAL",
        level=_P1,
        family="fn_expiry",
        find=register.fn_days_at_most(legal_clocks.FN_DAYS_ALARM),
        action=REPLACE_FN,
    ),
    Rule(
        code="FN_DOCUMENTS_LOW",
        level=_P1,
        family="fn_documents",
        find=register.fn_documents,
        action=REPLACE_FN,
    ),
    Rule(
        code="OFD_DEADLINE",
        level=_P1,
        family="undelivered",
        find=register.undelivered_too_long,
        action=Text(
            "Restore delivery now; if the operator cannot take the document, call its support with FN and "
            "document number.",
            "Немедленно восстановите передачу; если ОФД не принимает документ, обратитесь в его поддержку, "
            "назвав ФН и номер документа.",
        ),
    ),
    Rule(code="DLQ_LARGE", level=_P1, family="dlq", find=when.dead_letters_over(50), action=DEAD_LETTERS),
    Rule(
        code="PASS_STUCK",
        level=_P1,
        family="worker",
        find=when.pass_stuck,
        action=Text(
            "Save the log, then restart the service; nothing is lost by that.",
            "Сохраните журнал и перезапустите службу; чеки при этом не теряются.",
        ),
    ),
    Rule(
        code="WORKER_DEAD",
        level=_P1,
        family="worker",
        for_s=300,
        find=when.worker_dead,
        action=Text(
            "Look for service_crashed in the log, then restart the service; nothing is lost by that.",
            "Найдите в журнале service_crashed и перезапустите службу; чеки при этом не теряются.",
        ),
    ),
    Rule(
        code="RECEIPTS_VERY_SLOW",
        level=_P1,
        family="speed",
        for_s=300,
        find=when.slower_than(15),
        action=SLOW,
    ),
    Rule(code="DELIVERY_STALLED", level=_P1, family="age", find=when.oldest_over(8), action=LATE),
)
