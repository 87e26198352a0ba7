"""Texts of the configuration, of accounts and of tokens."""

from kkt_adapter.kernel.errors import Text

TEXTS = {
    "settings.title": Text("Settings", "Настройки"),
    "settings.sub": Text(
        "in force since the start; they are changed in kkt-adapter.toml or the environment",
        "действуют с запуска; меняются в kkt-adapter.toml или окружении",
    ),
    "settings.q": Text("Find a setting", "Найти настройку"),
    "settings.changed": Text("only what was set", "только заданные"),
    "settings.none": Text("No setting fits", "Подходящих настроек нет"),
    "settings.none.hint": Text("Change the filter.", "Измените фильтр."),
    "settings.name": Text("Setting", "Настройка"),
    "settings.value": Text("Value", "Значение"),
    "settings.env": Text("Variable", "Переменная"),
    "settings.about": Text("What it is", "Что это"),
    "people.title": Text("Accounts and tokens", "Учётные записи и токены"),
    "people.made": Text("The new token", "Новый токен"),
    "people.made.once": Text(
        "Copy it now: it is shown this once.", "Скопируйте его сейчас: больше он показан не будет."
    ),
    "people.accounts": Text("Accounts of people", "Учётные записи людей"),
    "people.role": Text("Role", "Роль"),
    "people.last": Text("Last sign-in", "Последний вход"),
    "people.disabled": Text("disabled", "отключена"),
    "people.disable": Text("Disable", "Отключить"),
    "people.enable": Text("Enable", "Включить"),
    "people.save": Text("Save", "Сохранить"),
    "people.add": Text("Add an account", "Добавить учётную запись"),
    "people.tokens": Text("Tokens of tills and programs", "Токены касс и программ"),
    "people.tokens.none": Text("No token yet", "Токенов пока нет"),
    "people.tokens.none.hint": Text(
        "A till sells with a token of its own; a program that only reads gets one that sells nothing.",
        "Касса продаёт со своим токеном; программе, которая только читает, выдаётся токен без права продажи.",
    ),
    "people.tokens.add": Text("Make a token", "Выпустить токен"),
    "people.scope": Text("May", "Право"),
    "scope.pos": Text("sell on its tills", "продажа на своих кассах"),
    "scope.read": Text("read", "чтение"),
    "people.tills": Text("Tills", "Кассы"),
    "people.tills.list": Text("Tills, separated by commas", "Кассы через запятую"),
    "people.note": Text("Note", "Заметка"),
    "people.created": Text("Made", "Выпущен"),
    "people.used": Text("Last used", "Использован"),
    "people.revoke": Text("Revoke", "Отозвать"),
    "people.revoked": Text("revoked", "отозван"),
    "said.account.added": Text("The account is added.", "Учётная запись добавлена."),
    "said.account.changed": Text("The account is changed.", "Учётная запись изменена."),
    "said.token.revoked": Text("The token is revoked.", "Токен отозван."),
}
