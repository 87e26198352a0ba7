"""Texts of the questions for a person."""

from kkt_adapter.kernel.errors import Text

TEXTS = {
    "questions.title": Text("Questions for a person", "Вопросы к человеку"),
    "questions.unknown": Text("Was it printed?", "Напечатан ли документ?"),
    "questions.unknown.none": Text("No open question", "Открытых вопросов нет"),
    "questions.unknown.none.hint": Text(
        "Should a register fall silent in mid-receipt and its records not tell the outcome, the receipt is "
        "shown here with what the register has.",
        "Если касса замолчит посреди чека и по её документам нельзя узнать исход, чек появится здесь "
        "вместе с тем, что есть в кассе.",
    ),
    "questions.what.print": Text("a receipt", "чек"),
    "questions.what.open_shift": Text("a shift opening", "открытие смены"),
    "questions.what.close_shift": Text("a Z report", "Z-отчёт"),
    "questions.ours": Text("Our record", "Наша запись"),
    "questions.report": Text("A report of the register, no receipt.", "Отчёт кассы, не чек."),
    "questions.device": Text("In the register", "В кассе"),
    "questions.device.none": Text(
        "It has made no document since.", "С тех пор касса не сделала ни одного документа."
    ),
    "questions.baseline": Text(
        "Fiscal drive {fn}: its last document was No. {before} before the attempt, now it is No. {now}.",
        "ФН {fn}: до попытки последним был документ № {before}, сейчас — № {now}.",
    ),
    "questions.kind": Text("Kind", "Вид"),
    "questions.total": Text("Total", "Сумма"),
    "questions.accepted": Text("Accepted", "Принят"),
    "questions.receipt": Text("Receipt", "Чек"),
    "questions.key": Text("Key", "Ключ"),
    "questions.number": Text("Document", "Документ"),
    "questions.at": Text("Time of the register", "Время кассы"),
    "questions.sign": Text("Fiscal sign", "ФП"),
    "questions.printed_key": Text("Key in it", "Ключ в нём"),
    "questions.decision": Text("Decision", "Решение"),
    "questions.adopt": Text("Document No. {number} is this receipt", "Документ № {number} — это он"),
    "questions.adopt.hint": Text(
        "Nothing is printed; the document is recorded and delivered.",
        "Ничего не печатается; документ записывается и передаётся в ОФД.",
    ),
    "questions.again": Text("It was not made: print again", "Документа нет: напечатать снова"),
    "questions.again.hint": Text(
        "One more document is made. Choose it only when the tape shows that none of the above is it.",
        "Будет сделан ещё один документ. Выбирайте, только если по ленте видно, что это не один из них.",
    ),
    "questions.reason.example": Text("e.g. compared with the tape", "например: сверено с лентой"),
    "questions.decide": Text("Decide", "Решить"),
    "questions.decide.hint": Text(
        "The decision is final and is kept with your name.", "Решение окончательно и хранится с вашим именем."
    ),
    "questions.decide.role": Text("An administrator decides.", "Решение принимает администратор."),
    "questions.cash": Text("Was the cash booked?", "Проведены ли деньги?"),
    "questions.cash.hint": Text(
        "Sales go on meanwhile; the session counts the money already. Look at the slips of the register.",
        "Продажи тем временем идут; в сессии эти деньги уже учтены. Посмотрите ордера на ленте кассы.",
    ),
    "questions.cash.done": Text("The register has done it", "Касса это провела"),
    "questions.cash.done.hint": Text("Nothing is sent.", "Больше ничего не отправляется."),
    "questions.cash.again": Text("It has not: send it once more", "Не провела: отправить ещё раз"),
    "questions.cash.again.hint": Text(
        "One slip more. Choose it only when the tape holds none for it.",
        "Будет ещё один ордер. Выбирайте, только если его на ленте нет.",
    ),
    "questions.letters": Text("Not taken by the operator", "Не приняты оператором"),
    "questions.letters.none": Text("No dead letters", "Отклонённых документов нет"),
    "questions.letters.none.hint": Text(
        "A document that the operator refuses for good, or that cannot be sent, would wait here.",
        "Здесь ждали бы документы, которые оператор отклонил окончательно или которые нельзя передать.",
    ),
    "questions.letters.fit": Text("Open: {count}", "Открыто: {count}"),
    "questions.letters.shown": Text("(the first {count} are shown)", "(показаны первые {count})"),
    "questions.filter.register": Text("Register", "ККТ"),
    "questions.filter.till": Text("Till", "Касса"),
    "questions.filter.error": Text("Part of the error", "Часть текста ошибки"),
    "questions.filter.apply": Text("Show", "Показать"),
    "questions.failed_at": Text("Given up", "Остановлен"),
    "questions.error": Text("Error", "Ошибка"),
    "questions.tries": Text("Tries", "Попыток"),
    "questions.retry": Text("Send again", "Отправить снова"),
    "questions.retry.many": Text("Send all {count} again…", "Отправить снова все {count}…"),
    "questions.retry.many.sure": Text(
        "{count} documents go back to the queue.", "Документов вернётся в очередь: {count}."
    ),
    "questions.resolve": Text("Settle", "Закрыть"),
    "questions.resolve.many": Text("Settle all {count}…", "Закрыть все {count}…"),
    "questions.resolve.sure": Text(
        "Nothing is sent any more. Say what became of the receipt.",
        "Больше ничего не отправляется. Укажите, что стало с чеком.",
    ),
    "questions.outcome": Text("What became of it", "Что с ним стало"),
    "outcome.delivered_otherwise": Text(
        "the operator has it by another way", "оператор получил его другим путём"
    ),
    "outcome.written_off": Text("the operator does not have it", "у оператора его нет"),
    "kind.sale": Text("sale", "продажа"),
    "kind.refund": Text("refund", "возврат"),
    "kind.expense": Text("expense", "расход"),
    "kind.expense_refund": Text("refund of expense", "возврат расхода"),
    "kind.correction": Text("correction", "коррекция"),
    "said.question.decided": Text("Decided. The register goes on.", "Решено. Касса продолжает работу."),
    "said.letter.retried": Text("It is in the queue again.", "Документ снова в очереди."),
    "said.letter.resolved": Text("Settled.", "Закрыто."),
    "said.letters.retried": Text("They are in the queue again.", "Документы снова в очереди."),
    "said.letters.resolved": Text("Settled.", "Закрыто."),
}
