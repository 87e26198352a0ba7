import pytest

from kkt_adapter.cli.texts import say, speaks_russian


@pytest.mark.parametrize(
    ("environment", "russian"),
    [
        ({}, False),
        ({"LANG": "ru_RU.UTF-8"}, True),
        ({"LANG": "RU"}, True),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "en_US.UTF-8"}, False),  # LC_ALL goes before LANG
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}, True),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": ""}, True),  # an empty variable says nothing
    ],
)
def test_the_locale_decides_the_language(environment: dict[str, str], russian: bool) -> None:
    assert speaks_russian(environment) is russian


def test_sentences_follow_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    assert say("shift", "смена") == "смена"
    monkeypatch.setenv("LC_ALL", "C")
    assert say("shift", "смена") == "shift"
