"""What the settings refuse about ``[[group]]``."""

from pathlib import Path

import pytest

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.settings import load_settings

TWO = """
[[register]]
id = "K1"
driver = "virtual"
pos_ids = ["T1", "T2"]

[[register]]
id = "K2"
driver = "virtual"
"""


def loaded(tmp_path: Path, text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    file = tmp_path / "kkt-adapter.toml"
    file.write_text(text, encoding="utf-8")
    return tuple((g.id, g.registers) for g in load_settings(environment={}, file=file).group)


def test_groups_may_share_registers(tmp_path: Path) -> None:
    text = f'{TWO}[[group]]\nid = "a"\nregisters = ["K2", "K1"]\n[[group]]\nid = "b"\nregisters = ["K1"]\n'
    assert loaded(tmp_path, text) == (("a", ("K2", "K1")), ("b", ("K1",)))


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ('id = "a"\nregisters = []', "[[group]] a: registers"),
        ('id = "a b"\nregisters = ["K1"]', "[[group]] a b: id"),
        ('id = "a"\nregisters = ["K1", "K1"]', "K1 is named twice"),
        ('id = "a"\nregisters = ["K1", "K9"]', "there is no [[register]] K9"),
        ('id = "T2"\nregisters = ["K1"]', "register K1 or its till has this name"),
        ('id = "K2"\nregisters = ["K1"]', "register K2 or its till has this name"),
        ('id = "K1"\nregisters = ["K2"]', "register K1 or its till has this name"),
        ('id = "a"\nregisters = ["K1"]\n[[group]]\nid = "a"\nregisters = ["K2"]', "the name a is taken"),
        ('id = "a"\nregisters = ["K1"]\nwas = ["a"]', "the name a is taken"),
        (
            'id = "a"\nregisters = ["K1"]\nwas = ["b"]\n[[group]]\nid = "b"\nregisters = ["K2"]',
            "the name b is taken by group a",
        ),
    ],
)
def test_a_group_that_cannot_be_is_refused_with_its_name(tmp_path: Path, group: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        loaded(tmp_path, f"{TWO}[[group]]\n{group}\n")
    assert said in refused.value.detail.en


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ('user_inn = "7707083893"', 'user_inn = "7728168971"', "one taxpayer"),
        ('ffd_version = "1.05"', "", "one FFD"),
        ('ffd_version = "1.05"', 'ffd_version = "1.1"', "1.05, 1.1"),
    ],
)
def test_a_group_is_of_one_taxpayer_and_one_ffd(tmp_path: Path, first: str, second: str, said: str) -> None:
    text = (
        f'[[register]]\nid = "K1"\ndriver = "virtual"\n{first}\n'
        f'[[register]]\nid = "K2"\ndriver = "virtual"\n{second}\n'
        '[[group]]\nid = "a"\nregisters = ["K1", "K2"]\n'
    )
    with pytest.raises(SettingsInvalid) as refused:
        loaded(tmp_path, text)
    assert said in refused.value.detail.en
