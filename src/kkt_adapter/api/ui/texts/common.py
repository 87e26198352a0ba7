"""Texts of the frame around every page, of sign-in and of refusals."""

from kkt_adapter.kernel.errors import Text

TEXTS = {
    "app.name": Text("KKT adapter", "ККТ-адаптер"),
    "nav.label": Text("Sections", "Разделы"),
    "nav.skip": Text("Skip to the content", "К содержанию"),
    "nav.overview": Text("Overview", "Обзор"),
    "nav.receipts": Text("Receipts", "Чеки"),
    "nav.questions": Text("Questions", "Вопросы"),
    "nav.shifts": Text("Shifts and cash", "Смены и деньги"),
    "nav.catalogue": Text("Catalogue", "Каталог"),
    "nav.registers": Text("Registers", "Кассы"),
    "nav.shops": Text("Shop accounts", "Магазины"),
    "nav.audit": Text("Events", "События"),
    "nav.settings": Text("Settings", "Настройки"),
    "nav.sandbox": Text("Sandbox", "Песочница"),
    "frame.demo.try": Text(
        "Try it: post a receipt, break something", "Попробовать: пробить чек, что-нибудь сломать"
    ),
    "frame.demo": Text(
        "Demo: virtual registers, not fiscal devices", "Демо: виртуальные кассы, не фискальные"
    ),
    "frame.sign_in": Text("Sign in", "Войти"),
    "frame.sign_out": Text("Sign out", "Выйти"),
    "frame.language": Text("Language", "Язык"),
    "frame.theme": Text("Theme", "Тема"),
    "frame.theme.system": Text("As in the system", "Как в системе"),
    "frame.theme.light": Text("Light", "Светлая"),
    "frame.theme.dark": Text("Dark", "Тёмная"),
    "frame.live": Text("live", "обновляется"),
    "frame.stale": Text("not live: no connection", "не обновляется: нет связи"),
    "frame.still": Text("as of the moment of loading", "на момент загрузки"),
    "frame.keys": Text("Keys", "Клавиши"),
    "frame.view": Text("View", "Вид"),
    "role.viewer": Text("viewer", "наблюдатель"),
    "role.manager": Text("manager", "управляющий"),
    "role.admin": Text("administrator", "администратор"),
    "keys.title": Text("Keyboard", "Клавиатура"),
    "keys.help": Text("this list", "этот список"),
    "keys.search": Text("search on the page", "поиск на странице"),
    "keys.go": Text("then a letter: go to a section", "затем буква: перейти в раздел"),
    "keys.close": Text("Close", "Закрыть"),
    "sign_in.title": Text("Sign in", "Вход"),
    "sign_in.name": Text("Name", "Имя"),
    "sign_in.password": Text("Password", "Пароль"),
    "sign_in.submit": Text("Sign in", "Войти"),
    "sign_in.demo": Text(
        "In the demo the name is admin; the program printed the password at its first start. "
        "A new one: kkt-adapter accounts passwd admin",
        "В демо имя — admin, пароль напечатан программой при первом запуске. Новый пароль: "
        "kkt-adapter accounts passwd admin",
    ),
    "sign_in.help": Text(
        "An administrator makes accounts: kkt-adapter accounts add NAME --role viewer",
        "Учётные записи создаёт администратор: kkt-adapter accounts add ИМЯ --role viewer",
    ),
    "problem.title": Text("That did not work", "Не получилось"),
    "problem.internal": Text(
        "An error of the program; it is in the log under the number below.",
        "Ошибка программы; она записана в журнал под номером ниже.",
    ),
    "problem.no_page": Text("There is no such page.", "Такой страницы нет."),
    "problem.number": Text("Number in the log: {id}", "Номер в журнале: {id}"),
    "problem.back": Text("Back to the page", "Назад к странице"),
    "problem.home": Text("To the overview", "К обзору"),
    "common.copy": Text("Copy", "Копировать"),
    "common.copied": Text("Copied", "Скопировано"),
    "common.all": Text("all", "все"),
    "common.none": Text("none", "нет"),
    "common.reason": Text("Reason", "Причина"),
    "common.cancel": Text("Cancel", "Отмена"),
    "common.details": Text("Details", "Подробности"),
    "common.zone": Text("Register's time ({zone})", "Время кассы ({zone})"),
}
