"""Names of virtual registers: the file of the FN, the place in its documents, and what fits neither."""

from pathlib import Path
from typing import Final

from kkt_adapter.fiscal.ffd.text import fits_cp866
from kkt_adapter.kernel.errors import Text

FILE_NAME_BYTES: Final = 255  # of one name, on every file system in use
_LONGEST_ENDING: Final = ".sqlite-journal"


def fn_path(folder: Path, register_id: str) -> Path:
    """Where a register's FN lives: its id, with whatever is no letter, digit, - _ or . as %hex."""
    return folder / f"{_file_name(register_id)}.sqlite"


def place_of(till: str) -> str:
    """1187 of a virtual register."""
    return f"Касса {till}"


def name_fault(register_id: str, till: str) -> Text | None:
    """Why a virtual register cannot have this id, or print for this till; None when it can."""
    foreign = next((c for c in till if not fits_cp866(c)), None)
    if foreign is not None:
        shown = f"{foreign!r} (U+{ord(foreign):04X})"
        return Text(
            f"till {till!r} has the character {shown}, which is not in CP866: no fiscal document can hold it",
            f"в имени кассы {till!r} символ {shown}, его нет в CP866: в фискальный документ его не записать",
        )
    if len((_file_name(register_id) + _LONGEST_ENDING).encode()) > FILE_NAME_BYTES:
        return Text(
            f"{register_id!r} is too long for a file name: take a shorter one, or letters and digits only",
            f"имя {register_id!r} слишком длинное для файла: возьмите короче или только буквы и цифры",
        )
    return None


def _file_name(register_id: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else f"%{ord(c):02X}" for c in register_id)
