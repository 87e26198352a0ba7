import pytest

from kkt_adapter.runtime.auth.roles import Principal, PrincipalKind, Role, Scope


@pytest.mark.parametrize(
    ("role", "covered"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.MANAGER, {Role.VIEWER, Role.MANAGER}),
        (Role.ADMIN, {Role.VIEWER, Role.MANAGER, Role.ADMIN}),
    ],
)
def test_a_role_covers_itself_and_the_weaker_ones(role: Role, covered: set[Role]) -> None:
    assert {needed for needed in Role if role.covers(needed)} == covered


def test_a_till_token_covers_no_role() -> None:
    till = Principal(kind=PrincipalKind.TILL, name="till:1", scopes=frozenset((Scope.READ,)))
    assert not any(till.covers(role) for role in Role)


def test_a_till_token_of_scope_pos_may_use_the_listed_tills_only() -> None:
    till = Principal(
        kind=PrincipalKind.TILL,
        name="till:1",
        scopes=frozenset((Scope.POS,)),
        pos_ids=frozenset(("POS-001",)),
    )
    assert till.may_use_till("POS-001")
    assert not till.may_use_till("POS-002")


def test_a_reading_till_token_may_use_no_till() -> None:
    till = Principal(
        kind=PrincipalKind.TILL,
        name="till:1",
        scopes=frozenset((Scope.READ,)),
        pos_ids=frozenset(("POS-001",)),
    )
    assert not till.may_use_till("POS-001")
