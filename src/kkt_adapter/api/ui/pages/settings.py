"""The configuration in force; for administrators accounts and till tokens."""

import re

from starlette.responses import Response

from kkt_adapter.api.ui.routing import action, page
from kkt_adapter.api.ui.texts.setting_words import SETTING_WORDS
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.kernel.errors import InvalidInput
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.settings.effective import SettingShown

MOST_NOTE = 200
_TABLE = re.compile(r"\[[^]]*\]")  # which of several tables, by id


async def settings(visit: Visit) -> Response:
    asked = visit.query.get("q", "").strip().casefold()
    changed_only = bool(visit.query.get("changed"))
    found = [
        one
        for one in visit.services.configuration()
        if (not asked or asked in f"{one.name} {one.env or ''} {_about(visit, one)}".casefold())
        and not (changed_only and one.is_default)
    ]
    return visit.page(
        "settings.html",
        found=found,
        about=lambda one: _about(visit, one),
        asked=visit.query.get("q", ""),
        changed_only=changed_only,
    )


def _about(visit: Visit, one: SettingShown) -> str:
    return one.description if visit.english else SETTING_WORDS[_TABLE.sub("", one.name)]


async def people(visit: Visit) -> Response:
    return await _people(visit, made=None)


async def add_account(visit: Visit) -> Response:
    role = _member(Role, visit.form.get("role", ""), "role")
    await visit.services.people.accounts.add(
        visit.form.get("name", ""), Role(role), password=visit.form.get("password", "")
    )
    return visit.done("/settings/people", "said.account.added")


async def change_account(visit: Visit) -> Response:
    role = visit.form.get("role")
    disabled = visit.form.get("disabled")
    await visit.services.people.accounts.change(
        _name(visit),
        role=None if role is None else Role(_member(Role, role, "role")),
        disabled=None if disabled is None else disabled == "1",
    )
    return visit.done("/settings/people", "said.account.changed")


async def add_token(visit: Visit) -> Response:
    """The token's text is shown once, on the page that answers."""
    scope = Scope(_member(Scope, visit.form.get("scope", ""), "scope"))
    tills = [till.strip() for till in visit.form.get("tills", "").split(",") if till.strip()]
    made = await visit.services.people.till_tokens.add(
        scope, pos_ids=tills, note=visit.form.get("note", "").strip()[:MOST_NOTE], by=visit.name
    )
    return await _people(visit, made=made.text)


async def revoke_token(visit: Visit) -> Response:
    await visit.services.people.till_tokens.revoke(str(visit.request.path_params["token_id"]))
    return visit.done("/settings/people", "said.token.revoked")


async def _people(visit: Visit, *, made: str | None) -> Response:
    return visit.page(
        "people.html",
        accounts=await visit.services.people.accounts.list_all(),
        tokens=await visit.services.people.till_tokens.list_all(),
        roles=list(Role),
        scopes=list(Scope),
        made=made,
    )


def _name(visit: Visit) -> str:
    return str(visit.request.path_params["name"])


def _member(kind: type[Role | Scope], said: str, field: str) -> str:
    if said not in set(kind):
        words = ", ".join(kind)
        raise InvalidInput(f"{field}: one of {words}", f"{field}: одно из {words}", field=field)
    return said


ROUTES = (
    page("/settings", settings, need=Role.ADMIN, nav="settings"),
    page("/settings/people", people, need=Role.ADMIN),
    action("/settings/people/accounts", add_account, need=Role.ADMIN),
    action("/settings/people/accounts/{name}", change_account, need=Role.ADMIN),
    action("/settings/people/tokens", add_token, need=Role.ADMIN),
    action("/settings/people/tokens/{token_id}/revoke", revoke_token, need=Role.ADMIN),
)
