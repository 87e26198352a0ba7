"""The head of a command, the choice of the register, and answers that no client trips over."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kkt_adapter.api.doors.kkmserver import answers
from kkt_adapter.api.doors.kkmserver.command import (
    COMMANDS,
    DeviceWish,
    Does,
    head_of,
    held_for,
    read_command,
    unsupported,
    written_head,
)
from kkt_adapter.api.doors.kkmserver.devices import Device, DeviceNumber, chosen
from kkt_adapter.api.doors.kkmserver.refusal import (
    PARSED_BY_CLIENTS,
    CommandRefused,
    Status,
    harmless,
    refused,
)
from kkt_adapter.kernel.errors import Text

HEAD = answers.Head(command="RegisterCheck", id="abc")


@pytest.mark.parametrize(
    "document",
    [
        {"Command": "List"},
        {"Command": "List", "IdCommand": "a"},
        {"Command": " list ", "IdCommand": "a "},
        {"Command": "List" + " " * 200, "IdCommand": "a"},
        {"command": "List", "idCommand": "a"},
        {"Command": "List", "command": "List", "IdCommand": "a", "IDCOMMAND": "a"},
        {"Command": "List", "IdCommand": 1, "idcommand": Decimal("1.0")},
        {"Command": "GetRezult", "IdCommand": " "},
        {"Command": "GetRezult", "idcommand": "  "},
        {"Command": "GetRezult", "IdCommand": None},
    ],
)
def test_an_answer_repeats_the_head_as_it_was_written(document: dict[str, Any]) -> None:
    assert head_of(read_command(document), document) == written_head(document)


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        (None, 60), (Decimal(0), 60), (Decimal(-1), 60), (Decimal(1), 0.2), (Decimal(30), 30),
        (Decimal(10), 10), (Decimal(60000), 60), (Decimal(5000), 5), (Decimal(120), 60),
    ],
)  # fmt: skip
def test_time_outs(timeout: Decimal | None, seconds: float) -> None:
    assert held_for(timeout) == seconds


@pytest.mark.parametrize("written", ["RegisterCheck", "registercheck", " RegisterCheck "])
def test_commands_in_any_letter_case(written: str) -> None:
    command = read_command({"command": written, "idCommand": "x" * 60, "Timeout": "30"})
    assert command.does is Does.RECEIPT
    assert command.id == "x" * 60
    assert command.timeout_s == 30


def test_the_maker_s_cyrillic_letter_is_understood() -> None:
    assert read_command({"Command": "Get\u0421ounters"}).name == "GetCounters"


@pytest.mark.parametrize("document", [{}, {"Command": ""}, {"Command": "MakeCoffee"}])
def test_no_such_command_is_status_3(document: dict[str, Any]) -> None:
    with pytest.raises(CommandRefused) as error:
        read_command(document)
    assert error.value.status is Status.NOT_FOUND


def test_an_id_that_is_too_long_is_refused() -> None:
    assert read_command({"Command": "List", "IdCommand": "x" * 128}).id == "x" * 128
    with pytest.raises(CommandRefused):
        read_command({"Command": "List", "IdCommand": "x" * 129})


def test_every_command_that_is_not_carried_out_says_so() -> None:
    for name, does in COMMANDS.items():
        if does in (Does.UNSUPPORTED, Does.CARD_TERMINAL, Does.REGISTRATION):
            refusal = unsupported(read_command({"Command": name}))
            assert refusal.status is Status.ERROR
            assert "не поддерживается" in refusal.text.ru


def _device(number: int, *, ready: bool = True, inn: str = "7707083893", taxation: int = 1) -> Device:
    return Device(
        number=DeviceNumber(number), register_id=f"K{number}", device_id=f"id-{number}", inn=inn,
        factory_number=f"00{number}", taxation_mask=taxation, ready=ready,
    )  # fmt: skip


POOL = (_device(1, ready=False), _device(2), _device(5, inn="500100732259", taxation=0b11))


@pytest.mark.parametrize(
    ("wish", "number"),
    [
        (DeviceWish(), 2),
        (DeviceWish(number=1), 1),
        (DeviceWish(inn="500100732259"), 5),
        (DeviceWish(factory_number="001"), 1),
        (DeviceWish(device_id="id-5"), 5),
        (DeviceWish(taxation=1), 5),
        (DeviceWish(taxation=0), 2),
    ],
)
def test_which_register_gets_a_command(wish: DeviceWish, number: int) -> None:
    assert chosen(wish, POOL).number == number


@pytest.mark.parametrize("wish", [DeviceWish(number=3), DeviceWish(inn="1"), DeviceWish(taxation=5)])
def test_no_such_register_is_status_3(wish: DeviceWish) -> None:
    with pytest.raises(CommandRefused) as error:
        chosen(wish, POOL)
    assert error.value.status is Status.NOT_FOUND


def test_an_answer_has_what_the_strictest_readers_want() -> None:
    answer = answers.done(HEAD, CheckNumber=17, SessionNumber=None, NumDevice=1)
    assert answer == {
        "Command": "RegisterCheck", "Error": "", "Status": 0, "IdCommand": "abc", "Warning": "",
        "Message": "", "CheckNumber": 17, "NumDevice": 1,
    }  # fmt: skip


def test_status_1_always_has_a_text() -> None:
    assert answers.running(HEAD)["Error"]
    with pytest.raises(ValueError):
        answers.running(HEAD, Text(" ", " "))


def test_the_result_is_the_same_inside_and_outside() -> None:
    inner = answers.running(HEAD, NumDevice=1)
    result = answers.result_of(inner, "abc")
    assert (result["Status"], result["Error"]) == (1, inner["Error"])
    assert result["Rezult"] == inner
    assert result["Command"] == "GetRezult"
    assert result["IdCommand"] == "abc"
    assert result["NumDevice"] == 1
    assert result["results"], "an old client asks without end unless it is there"


def test_an_unknown_id_has_a_result_all_the_same() -> None:
    result = answers.unknown_result("nobody", english=False)
    assert result["Status"] == result["Rezult"]["Status"] == 3
    assert result["Error"] == result["Rezult"]["Error"] != ""


def test_only_four_statuses_exist() -> None:
    assert [status.value for status in Status] == [0, 1, 2, 3]


def test_texts_that_clients_parse_are_taken_out() -> None:
    said = harmless("Смена истекла, СМЕНА закрыта, проверьте лицензию и Лицензии; смену, смены")
    for run in PARSED_BY_CLIENTS:
        assert run not in said.lower()
    assert said.startswith("Сессия истекла, Сессия закрыта"), "the sentence stays right"
    assert "смену, смены" in said
    answer = answers.failed(HEAD, refused("x", "en", "Смена закрыта"))
    assert "смена" not in answer["Error"].lower()
    assert answer["Error"].endswith("[x]")


def test_no_text_of_this_door_has_what_clients_parse() -> None:
    folder = Path(answers.__file__).parent
    for path in folder.glob("*.py"):
        if path.name == "refusal.py":  # names the letter runs themselves
            continue
        assert re.search("|".join(PARSED_BY_CLIENTS), path.read_text(), re.IGNORECASE) is None, path.name


def test_answers_are_json_with_exact_money() -> None:
    raw = answers.encoded(answers.done(HEAD, Cash=Decimal("10.10"), Info={"BalanceCash": Decimal("0.30")}))
    assert b'"Cash":10.10' in raw
    assert json.loads(raw)["Error"] == ""
