"""Texts of the accounts of shops and their callbacks."""

from kkt_adapter.kernel.errors import Text

TEXTS = {
    "shops.title": Text("Shop accounts", "Магазины"),
    "shops.none": Text("No shop account", "Магазинов нет"),
    "shops.none.hint": Text(
        "A web shop or a KkmServer till signs in with one: kkt-adapter shops add, or [[shop]] in "
        "kkt-adapter.toml.",
        "Интернет-магазину или кассе KkmServer нужна учётная запись: kkt-adapter shops add или [[shop]] в "
        "kkt-adapter.toml.",
    ),
    "shops.id": Text("Shop", "Магазин"),
    "shops.login": Text("Login", "Логин"),
    "shops.doors": Text("Speaks", "Протоколы"),
    "shops.groups": Text("Groups", "Группы"),
    "shops.callback_hosts": Text("May be called at", "Куда сообщать"),
    "shops.any_public": Text("any public address", "любой публичный адрес"),
    "shops.origins": Text("Web pages", "Страницы"),
    "shops.anonymous": Text("without credentials", "без пароля"),
    "shops.owed": Text("Callbacks that did not arrive", "Недоставленные уведомления"),
    "shops.owed.none": Text("Every shop knows its outcomes", "Все магазины знают исходы"),
    "shops.owed.none.hint": Text(
        "A callback that fails is tried again by itself and is listed here meanwhile.",
        "Неудачное уведомление повторяется само и показано здесь.",
    ),
    "shops.receipt": Text("Receipt", "Чек"),
    "shops.key": Text("Shop's number", "Номер в магазине"),
    "shops.url": Text("Address", "Адрес"),
    "shops.state": Text("State", "Состояние"),
    "shops.given_up": Text("given up", "прекращено"),
    "shops.next": Text("again at {at}", "повтор в {at}"),
    "shops.again": Text("Call again", "Сообщить снова"),
    "door.atol-online": Text("ATOL Online", "АТОЛ Онлайн"),
    "door.kkmserver": Text("KkmServer", "KkmServer"),
    "said.callback.again": Text("The shop is called again.", "Магазину сообщается снова."),
}
