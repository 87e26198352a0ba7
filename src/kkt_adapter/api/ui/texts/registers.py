"""Texts of the registers and of setting them aside."""

from kkt_adapter.kernel.errors import Text

TEXTS = {
    "registers.more": Text("{count} more: find one by its name.", "Ещё {count}: найдите кассу по имени."),
    "registers.title": Text("Registers", "Кассы"),
    "registers.groups": Text("Groups: {names}", "Группы: {names}"),
    "registers.hold": Text("set aside", "остановлена"),
    "registers.drain": Text("finishes and rests", "завершает и отдыхает"),
    "registers.aside": Text("{reason} ({by}, since {since})", "{reason} ({by}, с {since})"),
    "registers.tills": Text("Tills", "Кассы магазина"),
    "registers.kind": Text("Device", "Устройство"),
    "registers.kind.virtual": Text("virtual, not a fiscal device", "виртуальная, не фискальная"),
    "registers.kind.shtrih": Text("Shtrih-M", "Штрих-М"),
    "registers.kind.atol": Text("ATOL", "АТОЛ"),
    "registers.transport": Text("Documents travel", "Передача документов"),
    "registers.transport.relay": Text("through this service", "через эту службу"),
    "registers.transport.device": Text("from the register itself", "кассой самостоятельно"),
    "registers.transport.http": Text("to the operator over HTTP", "оператору по HTTP"),
    "registers.in_groups": Text("Groups", "Группы"),
    "registers.fn": Text("Fiscal drive", "ФН"),
    "registers.number": Text("Registration number", "РНМ"),
    "registers.user": Text("User", "Пользователь"),
    "registers.inn": Text("INN", "ИНН"),
    "registers.documents": Text("Last document", "Последний документ"),
    "registers.left": Text("Left in the drive", "Осталось в ФН"),
    "registers.unsent": Text("Not at the operator", "Не у оператора"),
    "registers.clock": Text("Its clock", "Часы кассы"),
    "registers.times": Text(
        "Commands of a receipt: half within {p50} ms, 95 of 100 within {p95} ms",
        "Команды чека: половина за {p50} мс, 95 из 100 за {p95} мс",
    ),
    "registers.command": Text("Command", "Команда"),
    "registers.count": Text("Calls", "Вызовов"),
    "registers.most": Text("longest, ms", "дольше всего, мс"),
    "registers.release": Text("Put back to work", "Вернуть в работу"),
    "registers.do.hold": Text("Set aside now", "Остановить"),
    "registers.do.drain": Text("Let it finish", "Дать закончить"),
    "registers.sure.hold": Text(
        "It prints nothing until it is put back. Receipts of a group that were never tried on it go to the "
        "other registers.",
        "Касса ничего не печатает, пока её не вернут. Чеки группы, которые ещё не пробовали печатать на ней, "
        "уйдут на другие кассы.",
    ),
    "registers.sure.drain": Text(
        "It prints what waits for it and takes no new receipt.",
        "Касса допечатает ожидающие чеки и не примет новых.",
    ),
    "said.register.released": Text("The register works again.", "Касса снова работает."),
    "said.register.set_aside": Text("The register is set aside.", "Касса выведена из работы."),
}
