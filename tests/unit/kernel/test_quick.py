"""A quickly made class is the frozen dataclass that it was, but for the way its fields are written."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from inspect import signature

import pytest

from kkt_adapter.fiscal import model
from kkt_adapter.kernel.quick import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class Pair:
    first: int
    second: str = "none"


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    pair: Pair
    third: tuple[int, ...] = ()


def test_it_is_made_by_place_and_by_name_with_its_defaults() -> None:
    assert (Pair(1).first, Pair(1).second, Pair(1, second="two").second) == (1, "none", "two")
    assert Named(pair=Pair(1)) == Named(third=(), pair=Pair(1))


@pytest.mark.parametrize("wrong", [{}, {"first": 1, "third": 2}])
def test_a_field_that_is_missing_or_unknown_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Pair(**wrong)  # type: ignore[arg-type]


def test_a_field_by_name_only_is_not_taken_by_place() -> None:
    with pytest.raises(TypeError):
        Named(Pair(1))  # type: ignore[call-arg]


def test_it_is_frozen_and_is_copied_replaced_and_pickled() -> None:
    made = Named(pair=Pair(1, "x"), third=(3,))

    with pytest.raises(FrozenInstanceError):
        made.third = ()  # type: ignore[misc]
    assert replace(made, third=()) == Named(pair=Pair(1, "x"))
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made
    assert hash(made) == hash(copy.copy(made))


def test_a_receipt_takes_its_fields_by_name_alone() -> None:
    parameters = signature(model.Receipt).parameters

    assert list(parameters) == [one.name for one in fields(model.Receipt)]
    assert all(one.kind is one.KEYWORD_ONLY for one in parameters.values())


def test_a_class_that_makes_a_value_each_time_is_refused() -> None:
    with pytest.raises(TypeError, match="fresh"):

        @quickly_made
        @dataclass(frozen=True, slots=True)
        class WithList:
            fresh: list[int] = field(default_factory=list)


def test_a_class_that_does_more_is_refused() -> None:
    with pytest.raises(TypeError, match="does more"):

        @quickly_made
        @dataclass(frozen=True, slots=True)
        class Checking:
            one: int

            def __post_init__(self) -> None:
                raise AssertionError
