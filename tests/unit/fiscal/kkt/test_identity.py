"""Made-up registrations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kkt_adapter.fiscal.ffd.checksums import inn_is_valid, registration_number_is_valid
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.fiscal.model import FfdVersion
from kkt_adapter.kernel.ids import RegisterId


@given(st.text(min_size=1, max_size=64))
def test_every_number_has_the_form_and_check_digits_of_a_real_one(register_id: str) -> None:
    made = made_up_registration(RegisterId(register_id))

    assert len(made.fn_number) == 16
    assert made.fn_number.isdigit()
    assert made.fn_number.startswith("9999")
    assert registration_number_is_valid(
        made.registration_number, inn=made.user_inn, serial_number=made.serial_number
    )
    assert inn_is_valid(made.user_inn)
    assert inn_is_valid(made.ofd_inn)
    assert len(made.kkt_version) <= 8
    assert not made.fiscal_device


def test_the_same_seed_gives_the_same_register() -> None:
    assert made_up_registration(RegisterId("kkt-1")) == made_up_registration(RegisterId("kkt-1"))


def test_registers_and_seeds_differ_in_their_fn() -> None:
    numbers = {made_up_registration(RegisterId(f"kkt-{n}")).fn_number for n in range(1000)}
    other = made_up_registration(RegisterId("kkt-1"), seed="shop 2").fn_number

    assert len(numbers) == 1000
    assert other not in numbers


@pytest.mark.parametrize("inn", ["7702203276", "500100732259"])
def test_the_check_part_follows_the_inn(inn: str) -> None:
    made = made_up_registration(RegisterId("kkt-1"), user_inn=inn)

    assert registration_number_is_valid(made.registration_number, inn=inn, serial_number=made.serial_number)


def test_what_is_said_is_taken() -> None:
    made = made_up_registration(
        RegisterId("kkt-1"), place="Касса POS-7", ffd_version=FfdVersion.V1_05, taxation_mask=3
    )

    assert (made.place, made.ffd_version, made.taxation_mask) == ("Касса POS-7", FfdVersion.V1_05, 3)
    assert made_up_registration(RegisterId("kkt-1")).place == "Касса kkt-1"
