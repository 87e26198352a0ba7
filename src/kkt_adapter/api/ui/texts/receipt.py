"""Texts of the page of one receipt."""

from kkt_adapter.kernel.errors import Text

TEXTS = {
    "receipt.title": Text("Receipt no. {number}", "Чек № {number}"),
    "receipt.title.new": Text("Receipt, not printed yet", "Чек, ещё не напечатан"),
    "receipt.back": Text("All receipts", "Все чеки"),
    "receipt.accepted": Text("Accepted", "Принят"),
    "receipt.step.accepted": Text("Accepted and stored", "Принят и сохранён"),
    "receipt.step.print": Text("Printing", "Печать"),
    "receipt.step.send": Text("Sending to the operator", "Передача в ОФД"),
    "receipt.step.printed": Text(
        "Printed: document {number}, fiscal sign {sign}", "Напечатан: документ {number}, ФП {sign}"
    ),
    "receipt.step.confirmed": Text("Confirmed by the operator", "Подтверждён ОФД"),
    "receipt.step.reported": Text("Reported to the ERP ({office})", "Сообщено в учётную систему ({office})"),
    "receipt.reported.receipt_added": Text("accepted", "принят"),
    "receipt.reported.receipt_printed": Text("printed", "напечатан"),
    "receipt.reported.print_recovered": Text("found printed", "найден напечатанным"),
    "receipt.reported.receipt_synced": Text("confirmed by the operator", "подтверждён ОФД"),
    "receipt.reported.receipt_failed": Text("not delivered", "не передан"),
    "receipt.step.callback": Text("The shop was told", "Магазин уведомлён"),
    "receipt.step.next": Text("Next attempt at {at}", "Следующая попытка в {at}"),
    "receipt.outcome.none": Text("in progress", "выполняется"),
    "receipt.outcome.done": Text("done", "выполнено"),
    "receipt.outcome.not_ready": Text("the register was not ready", "касса не готова"),
    "receipt.outcome.refused": Text("the register refused", "касса отказала"),
    "receipt.outcome.unknown": Text("the answer was lost", "ответ потерян"),
    "receipt.outcome.absent": Text("not in the fiscal drive", "в ФН нет"),
    "receipt.outcome.adopted": Text("found in the fiscal drive", "найден в ФН"),
    "receipt.outcome.failed": Text("failed", "не удалось"),
    "receipt.event.print_failed": Text("Printing failed", "Печать не удалась"),
    "receipt.event.print_unknown": Text(
        "Nobody knows whether it was printed", "Неизвестно, напечатан ли чек"
    ),
    "receipt.event.print_recovered": Text("Found in the fiscal drive: printed", "Найден в ФН: напечатан"),
    "receipt.event.print_resolved": Text("A person has decided", "Решение принял человек"),
    "receipt.event.receipt_retry": Text("Delivery will be tried again", "Передача будет повторена"),
    "receipt.event.receipt_failed": Text(
        "Delivery was given up: a dead letter", "Передача прекращена: нужен человек"
    ),
    "receipt.event.dlq_retried": Text("Sent again by a person", "Отправлен снова человеком"),
    "receipt.event.dlq_resolved": Text(
        "The dead letter was closed by a person", "Непереданный чек закрыт человеком"
    ),
    "receipt.event.refund_forced": Text(
        "Refunded although the sale was not delivered", "Возврат до передачи продажи"
    ),
    "receipt.event.refund_of_other_till": Text("Refunds another till's sale", "Возврат продажи другой кассы"),
    "receipt.event.operator_alarm": Text("The operator finds fault with it", "ОФД сообщил о проблеме"),
    "receipt.event.tags_differ": Text(
        "The register made other tags than were sent", "Касса записала не то, что было отправлено"
    ),
    "receipt.event.documents_read_back": Text(
        "Documents were read back from the fiscal drive", "Документы прочитаны из ФН"
    ),
    "receipt.event.printed_by_others": Text(
        "Printed by somebody else's program", "Напечатан чужой программой"
    ),
    "receipt.took": Text("took {time}", "за {time}"),
    "receipt.later": Text("after {time}", "через {time}"),
    "receipt.timeline": Text("What happened", "Что происходило"),
    "receipt.slip": Text("Slip", "Чек"),
    "receipt.slip.none": Text("No slip yet", "Чека пока нет"),
    "receipt.slip.none.hint": Text(
        "It is drawn from the signed document as soon as the register has made it.",
        "Он строится по подписанному документу, как только касса его сформирует.",
    ),
    "receipt.tags": Text("FFD tags", "Реквизиты ФФД"),
    "receipt.tag": Text("Tag", "Тег"),
    "receipt.tag.name": Text("Name", "Название"),
    "receipt.tag.value": Text("Value", "Значение"),
    "receipt.attempts": Text("Attempts", "Попытки"),
    "receipt.commands": Text("Device commands", "Команды устройству"),
    "receipt.raw": Text("Bytes of the document", "Байты документа"),
    "receipt.ticket": Text("Operator's answer", "Ответ ОФД"),
    "receipt.json": Text("JSON", "JSON"),
    "receipt.facts": Text("Facts", "Сведения"),
    "receipt.fact.id": Text("Receipt id", "Номер чека (id)"),
    "receipt.fact.key": Text("Idempotency-Key", "Idempotency-Key"),
    "receipt.fact.order": Text("Order", "Заказ"),
    "receipt.fact.fn": Text("Fiscal drive", "ФН"),
    "receipt.fact.ofd": Text("Operator's number", "Номер у ОФД"),
    "receipt.fact.door": Text("Came by", "Канал"),
    "receipt.warnings": Text("Worth a look", "Обратите внимание"),
    "receipt.kin": Text("Tied to", "Связанные чеки"),
    "receipt.kin.original": Text("refunds", "возвращает"),
    "receipt.kin.refund": Text("refunded by", "возвращён чеком"),
    "receipt.kin.corrected": Text("corrects", "исправляет чек"),
    "receipt.kin.correction": Text("corrected by", "исправлен чеком"),
    "receipt.download.pdf": Text("Slip as PDF", "Чек в PDF"),
    "receipt.download.html": Text("Slip as HTML", "Чек в HTML"),
    "receipt.reprint": Text("Print again", "Напечатать снова"),
    "receipt.reprint.hint": Text(
        "The register refused this receipt. Put right what it says, then print again.",
        "Касса отказала в печати. Устраните причину и напечатайте снова.",
    ),
    "receipt.refund": Text("Refund it", "Оформить возврат"),
    "said.reprint": Text("The receipt is in the queue of its register again.", "Чек снова в очереди кассы."),
}
