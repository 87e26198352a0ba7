"""The conditions of the alert table: pure functions of an ``Observation`` that name what is wrong now."""

from collections.abc import Iterator

from kkt_adapter.fiscal.alerts.finding import HOUR_S, MINUTE_S, Find, Finding, in_hours
from kkt_adapter.fiscal.heartbeat.answer import AnswerClass
from kkt_adapter.fiscal.monitoring.observation import Observation, WorkerState
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.hysteresis import Presence
from kkt_adapter.kernel.money import rubles

GIB = 1024**3


def buffer_at(percent: float) -> Find:
    def find(seen: Observation) -> Iterator[Finding]:
        if seen.percent >= percent:
            n, full = seen.undelivered, seen.percent
            yield Finding(
                message=Text(
                    f"The buffer is {full:g} % full: {n} receipts are not delivered.",
                    f"Буфер заполнен на {full:g} %: не передано чеков — {n}.",
                )
            )

    return find


def dead_letters_over(n: int) -> Find:
    def find(seen: Observation) -> Iterator[Finding]:
        if seen.dlq_open > n:
            yield Finding(
                message=Text(
                    f"{seen.dlq_open} receipts could not be delivered and wait for a person.",
                    f"Чеков, которые не удалось передать и которые ждут человека: {seen.dlq_open}.",
                )
            )

    return find


def oldest_over(hours: float) -> Find:
    def find(seen: Observation) -> Iterator[Finding]:
        age_s = seen.oldest_pending_age_s
        if age_s is not None and age_s > hours * HOUR_S:
            yield Finding(
                message=Text(
                    f"The oldest undelivered receipt is {in_hours(age_s)} h old.",
                    f"Самому старому непереданному чеку {in_hours(age_s)} ч.",
                )
            )

    return find


def slower_than(seconds: float) -> Find:
    def find(seen: Observation) -> Iterator[Finding]:
        p95 = seen.receipt_p95_s
        if p95 is not None and p95 > seconds:
            yield Finding(
                message=Text(
                    f"95 % of receipts are printed within {p95:.1f} s only.",
                    f"95 % чеков печатаются лишь за {p95:.1f} с.",
                )
            )

    return find


def disk_low(seen: Observation) -> Iterator[Finding]:
    free, mark = seen.disk_free_bytes, seen.disk_mark_bytes
    if free is not None and free < mark:
        yield Finding(
            message=Text(
                f"Only {free // 1_000_000} MB of disk are free: receipts are refused.",
                f"На диске свободно {free // 1_000_000} МБ: приём чеков закрыт.",
            )
        )


def disk_space(seen: Observation) -> Iterator[Finding]:
    free = seen.disk_free_bytes
    if free is not None and free < 10 * GIB:
        yield Finding(
            message=Text(
                f"{free / GIB:.1f} GiB of disk are free.", f"На диске свободно {free / GIB:.1f} ГиБ."
            )
        )


def log_lines_dropped(seen: Observation) -> Iterator[Finding]:
    dropped = seen.log_lines_dropped_10m
    if dropped > 0:
        yield Finding(
            message=Text(
                f"{dropped} log lines were dropped in the last ten minutes: nobody reads the log.",
                f"За десять минут потеряно строк журнала: {dropped}. Журнал никто не читает.",
            )
        )


def pass_stuck(seen: Observation) -> Iterator[Finding]:
    if seen.pass_running_s is not None and seen.pass_running_s > 20 * MINUTE_S:
        minutes = int(seen.pass_running_s / 60)
        yield Finding(
            message=Text(
                f"One delivery pass has been running for {minutes} min.",
                f"Один проход передачи длится уже {minutes} мин.",
            )
        )


def worker_dead(seen: Observation) -> Iterator[Finding]:
    if seen.worker is not WorkerState.RUNNING:
        yield Finding(
            message=Text(
                f"The delivery worker is {seen.worker}: nothing goes to the operator.",
                "Передача в ОФД остановилась.",
            )
        )


def breaker_open(seen: Observation) -> Iterator[Finding]:
    """Half-open counts as open: a probe a minute would else begin the five minutes anew for ever."""
    for endpoint in seen.endpoints:
        if endpoint.state is not BreakerState.CLOSED:
            yield Finding(
                subject=endpoint.name,
                message=Text(
                    f"The breaker of {endpoint.name} is open: the operator does not answer.",
                    f"Предохранитель {endpoint.name} разомкнут: ОФД не отвечает.",
                ),
            )


def breaker_flaps(seen: Observation) -> Iterator[Finding]:
    for endpoint in seen.endpoints:
        if endpoint.openings_1h > 5:
            yield Finding(
                subject=endpoint.name,
                message=Text(
                    f"The breaker of {endpoint.name} opened {endpoint.openings_1h} times within an hour.",
                    f"Предохранитель {endpoint.name} за час размыкался {endpoint.openings_1h} раз.",
                ),
            )


def token_refused(seen: Observation) -> Iterator[Finding]:
    for endpoint in seen.endpoints:
        if endpoint.token_refused:
            yield Finding(
                subject=endpoint.name,
                message=Text(
                    f"{endpoint.name} refuses our token (401 or 403).",
                    f"{endpoint.name} не принимает наш токен (401 или 403).",
                ),
            )


def heartbeat_lost(seen: Observation) -> Iterator[Finding]:
    for office in seen.offices:
        if office.state is Presence.OFFLINE:
            yield Finding(
                subject=office.name,
                message=Text(
                    f"Back office {office.name} does not answer; {office.waiting} events wait for it.",
                    f"Учётная система {office.name} не отвечает; её ждут события: {office.waiting}.",
                ),
            )


def office_answers(answer: AnswerClass, said: Text) -> Find:
    def find(seen: Observation) -> Iterator[Finding]:
        for office in seen.offices:
            if office.answer is answer:
                yield Finding(
                    subject=office.name,
                    message=Text(
                        f"Back office {office.name}: {said.en}.", f"Учётная система {office.name}: {said.ru}."
                    ),
                )

    return find


def mismatch(seen: Observation) -> Iterator[Finding]:
    for mismatch in seen.mismatches:
        kept, counted = rubles(mismatch.kept_kop), rubles(mismatch.counted_kop)
        yield Finding(
            subject=mismatch.pos_id,
            message=Text(
                f"Till {mismatch.pos_id}: the session says {kept}, its movements add up to {counted}.",
                f"Касса {mismatch.pos_id}: в сессии {kept}, по движениям {counted}.",
            ),
        )

    for cash in seen.unclear_cash:
        amount = rubles(cash.amount_kop)
        yield Finding(
            subject=f"{cash.register_id} #{cash.id}",
            message=Text(
                f"Register {cash.register_id}: did it make {cash.kind} {amount}? Its counters do not tell.",
                f"ККТ {cash.register_id}: проведено ли {cash.kind} на {amount}, по счётчикам неясно.",
            ),
        )


_CODES = {
    11: Text("document not recognised", "документ не распознан"),
    14: Text("format control failed", "ошибка форматно-логического контроля"),
}


def operator_alarms(seen: Observation) -> Iterator[Finding]:
    """One finding for each FN: its newest document, and how many there are."""
    for fn_number in sorted({alarm.fn_number for alarm in seen.alarms}):
        alarms = [alarm for alarm in seen.alarms if alarm.fn_number == fn_number]
        last = alarms[0]
        said = _CODES.get(last.code, Text("a code that nobody documents", "неописанный код"))
        what = Text(
            "a report" if last.receipt_id is None else f"receipt {last.receipt_id}",
            "отчёт" if last.receipt_id is None else f"чек {last.receipt_id}",
        )
        yield Finding(
            subject=fn_number,
            message=Text(
                f"The operator answered document {last.fd_number} of FN {fn_number} ({what.en}) with code "
                f"{last.code}: {said.en}. It counts as delivered. Such documents in 24 h: {len(alarms)}.",
                f"ОФД ответил на ФД № {last.fd_number} ФН {fn_number} ({what.ru}) кодом {last.code}: "
                f"{said.ru}. Документ считается переданным. Таких документов за сутки: {len(alarms)}.",
            ),
        )


def maintenance_overdue(seen: Observation) -> Iterator[Finding]:
    mode = seen.maintenance
    if mode is not None and mode.until is not None and seen.at > mode.until:
        late = in_hours((seen.at - mode.until).total_seconds())
        yield Finding(
            message=Text(
                f"Maintenance ({mode.reason}) should have been over {late} h ago; receipts are still "
                "refused.",
                f"Обслуживание ({mode.reason}) должно было кончиться {late} ч назад; чеки всё ещё не "
                "принимаются.",
            )
        )


def sync_old(seen: Observation) -> Iterator[Finding]:
    if seen.pending and seen.last_sync_age_s > 2 * HOUR_S:
        hours = in_hours(seen.last_sync_age_s)
        yield Finding(
            message=Text(
                f"Nothing was delivered for {hours} h, and {seen.pending} receipts wait.",
                f"Уже {hours} ч ничего не передано, ждут чеки: {seen.pending}.",
            )
        )


def many_retries(seen: Observation) -> Iterator[Finding]:
    if seen.retried_share_day > 0.005:
        share = seen.retried_share_day * 100
        yield Finding(
            message=Text(
                f"{share:.1f} % of the last day's delivery attempts failed.",
                f"За сутки не удалось {share:.1f} % попыток передачи.",
            )
        )


def redis_lost(seen: Observation) -> Iterator[Finding]:
    if seen.redis_lost:
        yield Finding(
            message=Text(
                "Redis cannot be reached; delivery goes on without its lock.",
                "Redis недоступен; передача продолжается без его блокировки.",
            )
        )


def growing(seen: Observation) -> Iterator[Finding]:
    if seen.grown_30m > 20:
        yield Finding(
            message=Text(
                f"The buffer has grown by {seen.grown_30m} receipts within half an hour.",
                f"За полчаса буфер вырос на {seen.grown_30m} чеков.",
            )
        )
