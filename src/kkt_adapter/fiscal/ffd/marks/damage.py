"""What is wrong with a code, and which setting of the scanner mends it."""

from kkt_adapter.kernel.errors import Text

SEND_GS = Text(
    "Set the scanner to send GS (ASCII 29) as it is: switch on 'transmit FNC1/GS', switch off 'skip control "
    "characters'; then scan again.",
    "Настройте сканер передавать GS (ASCII 29) как есть: включите передачу FNC1/GS и отключите пропуск "
    "управляющих символов; затем отсканируйте ещё раз.",
)
SCAN_AGAIN = Text(
    "Scan the DataMatrix again, whole and without typing.",
    "Отсканируйте DataMatrix ещё раз, целиком и без ручного ввода.",
)
ENGLISH_LAYOUT = Text(
    "Switch the keyboard layout of the till to English, or the scanner to COM port or 'ALT code' mode; then "
    "scan again.",
    "Переключите раскладку клавиатуры кассы на английскую либо сканер в режим COM-порта или ALT-кодов; затем "
    "отсканируйте ещё раз.",
)


class Damaged(ValueError):
    """The code cannot stand in a document as it is; becomes one violation."""

    def __init__(self, code: str, message: Text, remedy: Text = SCAN_AGAIN) -> None:
        super().__init__(message.en)
        self.code = code  # ``mark_code_...``, the code of the violation
        self.message = message
        self.remedy = remedy


def lost_separator(en: str, ru: str) -> Damaged:
    return Damaged("mark_code_separator", Text(en, ru), SEND_GS)


def wrong_parts(en: str, ru: str, remedy: Text = SCAN_AGAIN) -> Damaged:
    return Damaged("mark_code_parts", Text(en, ru), remedy)


def two_readings(en: str, ru: str, remedy: Text = SEND_GS) -> Damaged:
    return Damaged("mark_code_ambiguous", Text(en, ru), remedy)


def wrong_check_digit(gtin: str) -> Damaged:
    return Damaged(
        "mark_code_check_digit",
        Text(
            f"The check digit of {gtin} is wrong: a digit was read or typed wrong.",
            f"Неверная контрольная цифра в {gtin}: цифра прочитана или введена с ошибкой.",
        ),
    )


def wrong_shape(most: int) -> Damaged:
    return Damaged(
        "mark_code_shape",
        Text(
            f"A marking code is 1..{most} printable ASCII characters and GS (1D hex).",
            f"Код маркировки: 1..{most} печатных символов ASCII и GS (1D hex).",
        ),
        Text("Send the code as the scanner reads it.", "Передайте код так, как его прочитал сканер."),
    )


def wrong_character(character: str) -> Damaged:
    """A character that no code of this kind has; some of them tell what is wrong with the scanner."""
    if "\u0400" <= character <= "\u04ff" or character == "№":
        return Damaged(
            "mark_code_layout",
            Text(
                "Cyrillic and Latin letters are mixed in the code: what the scanner read cannot be told.",
                "В коде смешаны кириллица и латиница: что прочитал сканер, определить нельзя.",
            ),
            ENGLISH_LAYOUT,
        )
    shown = repr(character) if character.isprintable() else f"{ord(character):02X} hex"
    return Damaged(
        "mark_code_character",
        Text(
            f"The code has the character {shown}, which no GS1 code has; scanners that are set up wrong put "
            "such characters (~1, F8) in place of GS.",
            f"В коде есть символ {shown}, которого в кодах GS1 не бывает; неверно настроенный сканер ставит "
            "такие символы (~1, F8) вместо GS.",
        ),
        SEND_GS,
    )
