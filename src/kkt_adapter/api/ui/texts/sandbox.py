"""Texts of the sandbox, which a demonstration has."""

from kkt_adapter.kernel.errors import Text

TEXTS = {
    "sandbox.title": Text("Sandbox", "Песочница"),
    "sandbox.lead": Text(
        "Post receipts, refund one, close the shift, break something: nothing here is fiscal.",
        "Пробивайте чеки, оформляйте возврат, закрывайте смену, ломайте: здесь нет ничего фискального.",
    ),
    "sandbox.sign_in": Text("Sign in to post receipts", "Войдите, чтобы пробивать чеки"),
    "sandbox.role": Text(
        "Posting from the page needs an administrator.", "Пробивать чеки со страницы может администратор."
    ),
    "sandbox.receipt": Text("A receipt", "Чек"),
    "sandbox.till": Text("Till", "Касса"),
    "sandbox.kind": Text("Kind", "Вид"),
    "sandbox.name": Text("What is sold", "Наименование"),
    "sandbox.name.example": Text("Coffee, 250 ml", "Кофе, 250 мл"),
    "sandbox.price": Text("Price, ₽", "Цена, ₽"),
    "sandbox.quantity": Text("Quantity", "Количество"),
    "sandbox.vat": Text("VAT", "НДС"),
    "sandbox.vat.none": Text("none", "без НДС"),
    "sandbox.payment": Text("Payment", "Оплата"),
    "sandbox.payment.cash": Text("cash", "наличные"),
    "sandbox.payment.card": Text("card", "карта"),
    "sandbox.post": Text("Post the receipt", "Пробить чек"),
    "sandbox.refund": Text("Refund receipt no. {number}", "Возврат чека № {number}"),
    "sandbox.refund.do": Text("Refund {total}", "Вернуть {total}"),
    "sandbox.refund.none": Text(
        "Post a receipt; then it can be refunded from its page.",
        "Пробейте чек, затем его можно вернуть с его страницы.",
    ),
    "sandbox.latest": Text("The latest receipts", "Последние чеки"),
    "sandbox.z": Text("Close the shift: Z report", "Закрыть смену: Z-отчёт"),
    "sandbox.z.hint": Text(
        "The report and the shift's totals stand under Shifts.", "Отчёт и итоги смены — в разделе «Смены»."
    ),
    "sandbox.faults": Text("Break something", "Сломать"),
    "sandbox.faults.hint": Text(
        "Then look at the overview: what is said, what waits, what happens by itself when it is mended.",
        "Затем откройте обзор: что сообщается, что ждёт, что проходит само после починки.",
    ),
    "sandbox.fault.ofd_down": Text("The operator does not answer", "ОФД недоступен"),
    "sandbox.fault.ofd_slow": Text("The operator takes three seconds", "ОФД отвечает три секунды"),
    "sandbox.fault.ofd_answers_lost": Text("The operator's answers are lost", "Ответы ОФД теряются"),
    "sandbox.fault.paper_out": Text("The registers are out of paper", "В кассах кончилась бумага"),
    "sandbox.fault.answer_lost": Text(
        "The next answer of a register is lost", "Следующий ответ кассы потеряется"
    ),
    "sandbox.fault.unreachable": Text("The registers are unreachable", "Кассы недоступны"),
    "sandbox.break": Text("Break", "Сломать"),
    "sandbox.mend": Text("Mend", "Починить"),
    "said.sandbox.printed": Text("The receipt is printed.", "Чек напечатан."),
    "said.sandbox.buffered": Text(
        "The receipt is stored and will be printed as soon as the register can.",
        "Чек сохранён и будет напечатан, как только касса сможет.",
    ),
    "said.sandbox.closed": Text("The shift is closed.", "Смена закрыта."),
    "said.sandbox.broken": Text("It is broken now.", "Сломано."),
    "said.sandbox.mended": Text("It works again.", "Снова работает."),
}
