"""The alert table (docs/reference/alerts.md): what is wrong, how bad, for how long, and what to do.

Rules of one family say the same thing at several levels; where more than one holds, people are shown the
most severe one only.
"""

from kkt_adapter.fiscal.alerts import conditions as when
from kkt_adapter.fiscal.alerts import guards
from kkt_adapter.fiscal.alerts import register_conditions as register
from kkt_adapter.fiscal.alerts.actions import DEAD_LETTERS, LATE, REPLACE_FN, RESTORE, SLOW
from kkt_adapter.fiscal.alerts.finding import HOUR_S, MINUTE_S
from kkt_adapter.fiscal.alerts.rule import Level, Rule
from kkt_adapter.fiscal.alerts.urgent_rules import URGENT
from kkt_adapter.fiscal.heartbeat.answer import AnswerClass
from kkt_adapter.fiscal.monitoring import legal_clocks
from kkt_adapter.kernel.errors import Text

_P2, _P3 = Level.P2, Level.P3

RULES: tuple[Rule, ...] = (
    *URGENT,
    Rule(
        code="BUFFER_FILLING", level=_P2, family="buffer", for_s=300, find=when.buffer_at(80), action=RESTORE
    ),
    Rule(
        code="BREAKER_OPEN",
        level=_P2,
        family="breaker",
        for_s=300,
        find=when.breaker_open,
        action=Text(
            "Check the internet and the operator's address; sales go on, receipts wait in the buffer.",
            "Проверьте интернет и адрес ОФД; продажи идут, чеки ждут в буфере.",
        ),
    ),
    Rule(
        code="BREAKER_FLAPPING",
        level=_P2,
        family="flapping",
        find=when.breaker_flaps,
        action=Text(
            "The link comes and goes: check the provider, the router, the operator's own status page.",
            "Связь то есть, то нет: проверьте провайдера, роутер, страницу состояния ОФД.",
        ),
    ),
    Rule(
        code="DLQ_GROWING",
        level=_P2,
        family="dlq",
        for_s=HOUR_S,
        find=when.dead_letters_over(10),
        action=DEAD_LETTERS,
    ),
    Rule(
        code="HEARTBEAT_LOST",
        level=_P2,
        family="heartbeat",
        for_s=300,
        find=when.heartbeat_lost,
        action=Text(
            "Look at the back office and the way to it; sales and delivery go on, its events are kept.",
            "Проверьте учётную систему и связь с ней; продажи и передача идут, события хранятся.",
        ),
    ),
    Rule(
        code="BACK_OFFICE_TOKEN_REFUSED",
        level=_P2,
        family="office_token",
        find=when.office_answers(
            AnswerClass.REFUSED_TOKEN, Text("it refuses our token", "она не принимает наш токен")
        ),
        action=Text(
            "Make a new token in the back office and put it where the settings name it; events are kept.",
            "Создайте новый токен в учётной системе и укажите его в настройках; события хранятся.",
        ),
    ),
    Rule(
        code="BACK_OFFICE_OTHER_INSTANCE",
        level=_P2,
        family="office_instance",
        find=when.office_answers(
            AnswerClass.OTHER_INSTANCE,
            Text(
                "another adapter reports under our adapter_id",
                "под нашим adapter_id отчитывается другой адаптер",
            ),
        ),
        action=Text(
            "Find the copy (a cloned disk, a second service) and stop it, or give it its own adapter_id.",
            "Найдите копию (клон диска, вторая служба) и остановите её или задайте ей свой adapter_id.",
        ),
    ),
    Rule(code="DELIVERY_LATE", level=_P2, family="age", find=when.oldest_over(4), action=LATE),
    Rule(
        code="CLOCK_DOUBTED",
        level=_P2,
        family="clock",
        for_s=5 * MINUTE_S,
        find=guards.clock_doubted,
        action=Text(
            "Look at the clock. If it is wrong, set it (NTP); if it is right, say so: "
            "kkt-adapter clock confirm.",
            "Проверьте часы. Неверны: установите (NTP); верны: подтвердите командой "
            "kkt-adapter clock confirm.",
        ),
    ),
    Rule(
        code="CLOCK_DRIFT",
        level=_P2,
        family="drift",
        for_s=15 * MINUTE_S,
        find=register.drifting,
        action=Text(
            "Switch time synchronisation (NTP) on; set the register's clock while its shift is closed.",
            "Включите синхронизацию времени (NTP); часы ККТ переводите при закрытой смене.",
        ),
    ),
    Rule(
        code="SESSION_MISMATCH",
        level=_P2,
        family="session",
        find=when.mismatch,
        action=Text(
            "Count the cash, compare with the X report, close the session. Decide an unclear movement.",
            "Пересчитайте наличные, сверьте с X-отчётом, закройте сессию. Решите неясную операцию.",
        ),
    ),
    Rule(
        code="KKT_NOT_READY",
        level=_P2,
        family="register",
        for_s=MINUTE_S,
        find=register.not_ready,
        action=Text(
            "Look at the register: power, cable, paper, cover. Accepted receipts are printed later.",
            "Проверьте ККТ: питание, кабель, бумага, крышка. Принятые чеки напечатаются, когда она вернётся.",
        ),
    ),
    Rule(code="RECEIPTS_SLOW", level=_P2, family="speed", for_s=300, find=when.slower_than(10), action=SLOW),
    Rule(
        code="OFD_TOKEN_REFUSED",
        level=_P2,
        family="token",
        find=when.token_refused,
        action=Text(
            "Take a new token from the operator, put it into the settings (OFD_TOKEN) and restart.",
            "Получите новый токен у ОФД, укажите его в настройках (OFD_TOKEN) и перезапустите службу.",
        ),
    ),
    Rule(
        code="FN_EXPIRY_SOON",
        level=_P2,
        family="fn_expiry",
        find=register.fn_days_at_most(legal_clocks.FN_DAYS_WARN),
        action=REPLACE_FN,
    ),
    Rule(
        code="MAINTENANCE_OVERDUE",
        level=_P2,
        family="maintenance",
        find=when.maintenance_overdue,
        action=Text(
            "Is the work done? End maintenance: DELETE /v1/pos/maintenance. Else begin it again with a new "
            "estimate.",
            "Работы закончены? Завершите обслуживание: DELETE /v1/pos/maintenance. Иначе начните его снова с "
            "новой оценкой.",
        ),
    ),
    Rule(
        code="TAGS_DIFFER",
        level=_P2,
        family="tags",
        find=register.altered_documents,
        action=Text(
            "Find the setting, or the old firmware, that changes receipts; then correct them.",
            "Найдите настройку ККТ или старую прошивку, которая меняет чеки; затем исправьте чеки.",
        ),
    ),
    Rule(
        code="FORMAT_CONTROL_FAILED",
        level=_P2,
        family="format",
        find=when.operator_alarms,
        action=Text(
            "Read the receipt's page and ask the operator what is wrong with the document; correct the cause "
            "in the till program and, if the tax data are wrong, make a correction receipt.",
            "Откройте страницу чека и выясните у ОФД, что не так с документом; исправьте причину в кассовой "
            "программе, при неверных данных оформите чек коррекции.",
        ),
    ),
    Rule(code="SYNC_OLD", level=_P2, family="sync", for_s=300, find=when.sync_old, action=LATE),
    Rule(
        code="DLQ_NOT_EMPTY",
        level=_P3,
        family="dlq",
        for_s=HOUR_S,
        find=when.dead_letters_over(0),
        action=DEAD_LETTERS,
    ),
    Rule(
        code="RETRIES_MANY",
        level=_P3,
        family="retries",
        find=when.many_retries,
        action=Text(
            "Look at kkt_ofd_errors_total by error code: a rising one tells what to repair.",
            "Посмотрите ошибки ОФД по кодам (kkt_ofd_errors_total): растущая покажет, что чинить.",
        ),
    ),
    Rule(
        code="REDIS_LOST",
        level=_P3,
        family="redis",
        find=when.redis_lost,
        action=Text(
            "Restart Redis or check its address; receipts stay safe without it.",
            "Перезапустите Redis или проверьте его адрес; чеки и без него в безопасности.",
        ),
    ),
    Rule(
        code="PRINTED_BY_OTHERS",
        level=_P3,
        family="others",
        find=guards.printed_by_others,
        action=Text(
            "Find who prints on this register beside the adapter; such receipts are in no book of the shop.",
            "Выясните, кто печатает на этой ККТ помимо адаптера; таких чеков нет в учёте магазина.",
        ),
    ),
    Rule(
        code="BUFFER_GROWING",
        level=_P3,
        family="growth",
        find=when.growing,
        action=Text(
            "Compare with sales: if delivery is slower than selling, look at the operator's answer times.",
            "Сравните с продажами: если передача медленнее продаж, посмотрите время ответа ОФД.",
        ),
    ),
    Rule(
        code="SHIFT_LONG",
        level=_P3,
        family="shift",
        find=register.shift_long,
        action=Text(
            "Close the shift (Z report) at a quiet moment before 24 hours are over.",
            "Закройте смену (Z-отчёт) в спокойный момент до истечения 24 часов.",
        ),
    ),
    Rule(
        code="LOG_LINES_DROPPED",
        level=_P3,
        family="log",
        find=when.log_lines_dropped,
        action=Text(
            "See what reads the log of the service: the journal, a pipe, a terminal stopped with Ctrl-S, "
            "the disk of a log file.",
            "Проверьте, кто читает журнал службы: journald, канал, терминал, остановленный Ctrl-S, диск с "
            "файлом журнала.",
        ),
    ),
    Rule(
        code="CALLBACKS_FAILING",
        level=_P2,
        family="callbacks",
        find=guards.callbacks_failing,
        action=Text(
            "See the callback of a receipt (GET /v1/kkt/receipt/{id}): the error names the cause; when the "
            "shop answers again, POST /v1/kkt/receipt/{id}/callback tells it.",
            "Посмотрите обратный вызов чека (GET /v1/kkt/receipt/{id}): причина названа в ошибке; когда "
            "магазин снова отвечает, POST /v1/kkt/receipt/{id}/callback сообщит ему.",
        ),
    ),
    Rule(
        code="SECRET_SHORT",
        level=_P3,
        family="secret",
        find=guards.short_secrets,
        action=Text(
            "Make a new one (openssl rand -base64 32, written whsec_...), set it on both sides; a back "
            "office takes the old one as previous_secret meanwhile.",
            "Создайте новый (openssl rand -base64 32, запись whsec_...) и укажите его с обеих сторон; старый "
            "на время замены задаётся в previous_secret учётной системы.",
        ),
    ),
    Rule(
        code="DISK_SPACE",
        level=_P3,
        family="disk",
        find=when.disk_space,
        action=Text(
            "Free disk space: old backups and logs first. Below the low mark receipts are refused.",
            "Освободите место: сначала старые копии и журналы. Ниже порога чеки не принимаются.",
        ),
    ),
)
