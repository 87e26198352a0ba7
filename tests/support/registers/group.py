"""A group of three virtual registers, and the keys that it printed twice."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.books import MONEY_DOCUMENT_CODES, archive
from tests.support.product import product, virtual_registers

from kkt_adapter.settings import GroupSettings

GROUP, REGISTERS = "main", ("K1", "K2", "K3")


def printed_twice(folder: Path, registers: Sequence[str] = REGISTERS) -> list[str]:
    made = Counter(
        document.key
        for register_id in registers
        for document in archive(folder, register_id)
        if document.code in MONEY_DOCUMENT_CODES
    )
    return [str(key) for key, n in made.items() if n > 1]


def pool(tmp_path: Path) -> Any:
    return product(
        tmp_path,
        registers=virtual_registers(*REGISTERS),
        group=(GroupSettings(id=GROUP, registers=REGISTERS),),
        response_budget_s=0.05,
    )
