"""Which names a virtual register may have."""

from pathlib import Path

import pytest

from kkt_adapter.fiscal.kkt.virtual.naming import fn_path, name_fault


@pytest.mark.parametrize("name", ["POS-001", "Касса № 1", "a" * 64, "я" * 64, "зал/бар", " "])
def test_a_name_that_a_document_and_a_file_can_hold(name: str, tmp_path: Path) -> None:
    assert name_fault(name, name) is None
    fn_path(tmp_path, name).with_suffix(".sqlite-journal").write_bytes(b"")


@pytest.mark.parametrize(
    ("register_id", "till", "said"),
    [
        ("kassa", "касса 😀", "U+1F600"),
        ("kassa", "收银", "U+6536"),
        ("kassa", "till\u2011", "U+2011"),
        ("█" * 64, "1", "too long"),
        ("a" * 250, "1", "too long"),
    ],
)
def test_what_neither_holds_is_named(register_id: str, till: str, said: str) -> None:
    fault = name_fault(register_id, till)
    assert fault is not None
    assert said in fault.en
    assert fault.ru
