"""Registering a document: its form, then the core; but first of all what its external_id was used for."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from kkt_adapter.api.doors.atol.errors import AtolError, Code, FieldFinding, finding, invalid
from kkt_adapter.api.doors.atol.marks import marks_of
from kkt_adapter.api.doors.atol.parts import AtolParts
from kkt_adapter.api.doors.atol.paths import V4, V5, AskedPath
from kkt_adapter.api.doors.atol.receipt import translate
from kkt_adapter.api.schemas.receipt import ParsedReceipt
from kkt_adapter.fiscal.intake.accept import Taken
from kkt_adapter.fiscal.intake.known_keys import Known
from kkt_adapter.fiscal.intake.origin import Origin
from kkt_adapter.fiscal.model import FfdVersion, RegisterProfile
from kkt_adapter.kernel.errors import AdapterError
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop
from kkt_adapter.runtime.log import get_logger

MAX_EXTERNAL_ID: Final = 128
MAX_CALLBACK_URL: Final = 256
_TIMESTAMP = re.compile(r"[0-9]{2}\.[0-9]{2}\.[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}\Z")

log = get_logger("atol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What became of a registration. ``known``: the key was used before, by ``uuid``."""

    uuid: str
    known: bool
    warnings: Mapping[str, str]


async def register(parts: AtolParts, shop: Shop, asked: AskedPath, document: dict[str, Any]) -> Registered:
    """Store the receipt, or find what its external_id was used for.

    Raises:
        AtolError, AdapterError: nothing was stored.
    """
    origin, warnings = _origin(parts, shop, asked, document)
    try:
        parsed = await _read(parts, shop, asked, document, origin)
    except (AtolError, AdapterError):
        # The commit that accepts finds a known key by itself; this document does not get so far.
        known = await parts.intake.known(origin)
        if known is None:
            raise
        return await _repeated(parts, known, origin)
    outcome = await parts.intake.store(parsed.request, origin=origin, sent=parsed.sent)
    if isinstance(outcome, Taken):
        return Registered(uuid=outcome.receipt_id, known=False, warnings=warnings)
    return await _repeated(parts, outcome, origin)


async def _read(
    parts: AtolParts, shop: Shop, asked: AskedPath, document: dict[str, Any], origin: Origin
) -> ParsedReceipt:
    """Raises AtolError, AdapterError: the document does not fit."""
    profile = await parts.groups.profile(asked.group)
    _check_version(shop, asked, profile)
    found = _timestamp_findings(document)
    translated = translate(
        document, version=asked.version, operation=asked.operation, group=asked.group, profile=profile
    )
    parsed = translated.parsed
    found += translated.found
    if parsed.sent.broken:
        refusal = await parts.intake.refusal(parsed.request, key=origin.key, sent=parsed.sent)
        found += [finding(one) for one in refusal.violations]
    if found:
        raise invalid(_each_path_once(found))
    return parsed


def _origin(
    parts: AtolParts, shop: Shop, asked: AskedPath, document: dict[str, Any]
) -> tuple[Origin, Mapping[str, str]]:
    """Raises AtolError: external_id is missing or too long."""
    external_id = document.get("external_id")
    if isinstance(external_id, int) and not isinstance(external_id, bool):
        external_id = str(external_id)
    if not isinstance(external_id, str) or not 1 <= len(external_id) <= MAX_EXTERNAL_ID:
        text = f"текст от 1 до {MAX_EXTERNAL_ID} символов, свой для каждого чека"
        raise invalid([FieldFinding(path="external_id", text=text)])
    url, warnings = _callback(document)
    facts: dict[str, Any] = {"v": asked.version, "operation": asked.operation}
    if url is not None:
        facts["callback_url"] = url
    if warnings:
        facts["warnings"] = warnings
    marks = marks_of(document)
    if marks:
        facts["marks"] = marks
    if isinstance(document.get("timestamp"), str):
        facts["client_time"] = document["timestamp"][:19]
    origin = Origin(
        door=DoorName.ATOL_ONLINE.value,
        account=shop.id,
        scope=asked.group,
        client_key=external_id,
        content=_content(asked, document),
        was=parts.groups.earlier_ids(asked.group),
        group=asked.group,
        facts=json.dumps(facts, ensure_ascii=False),
        callback_url=url,
    )
    return origin, warnings


def _content(asked: AskedPath, document: dict[str, Any]) -> bytes:
    """What is compared when a key comes again: the operation and the body, without the client's clock."""
    sent = {name: value for name, value in document.items() if name != "timestamp"}
    text = json.dumps(sent, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(f"{asked.operation}\n{text}".encode("utf-8", "surrogatepass")).digest()


def _callback(document: dict[str, Any]) -> tuple[str | None, Mapping[str, str]]:
    """The address to call; a malformed one is a warning, the document is registered all the same."""
    service = document.get("service")
    url = service.get("callback_url") if isinstance(service, dict) else None
    if url is None or url == "":
        return None, {}
    if isinstance(url, str) and len(url) <= MAX_CALLBACK_URL and _is_web_address(url):
        return url, {}
    return None, {
        "callback_url": f"не адрес http(s) длиной до {MAX_CALLBACK_URL} символов: обратного вызова не будет"
    }


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and "@" not in parts.netloc
            and (parts.port is None or parts.port > 0)
            and url.isprintable()
            and " " not in url
        )
    except ValueError:
        return False


def _check_version(shop: Shop, asked: AskedPath, profile: RegisterProfile) -> None:
    """v4 is FFD 1.05, v5 is FFD 1.2. Raises AtolError 21."""
    has = profile.registration.ffd_version
    if asked.version == V4 and has is FfdVersion.V1_2 and not shop.convert:
        raise AtolError(
            Code.WRONG_VERSION,
            "ККТ группы зарегистрированы по ФФД 1.2, а v4 — это ФФД 1.05. Обращайтесь по v5 или задайте "
            "convert = true у магазина ([[shop]]).",
        )
    if asked.version == V5 and has is not FfdVersion.V1_2:
        raise AtolError(
            Code.WRONG_VERSION,
            "ККТ группы зарегистрированы по ФФД ниже 1.2, а v5 — это ФФД 1.2. Обращайтесь по v4.",
        )


def _timestamp_findings(document: dict[str, Any]) -> list[FieldFinding]:
    said = document.get("timestamp")
    if isinstance(said, str) and _is_timestamp(said):
        return []
    return [FieldFinding(path="timestamp", text="время в форме дд.мм.гггг ЧЧ:ММ:СС. Передайте его")]


def _is_timestamp(text: str) -> bool:
    if _TIMESTAMP.match(text) is None:
        return False
    try:
        hour = text[11:13]
        datetime.strptime(text[:11] + ("00" if hour == "24" else hour) + text[13:], "%d.%m.%Y %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return False
    return True


async def _repeated(parts: AtolParts, known: Known, origin: Origin) -> Registered:
    if known.request_hash == origin.content:
        return Registered(uuid=known.receipt_id, known=True, warnings={})
    log.warning("external_id_with_other_content", receipt_id=known.receipt_id)
    await parts.receipts.note_other_content(known.receipt_id, client_key=origin.client_key)
    text = "с этим external_id уже принят чек с другим содержимым; новый чек не создан"
    return Registered(uuid=known.receipt_id, known=True, warnings={"external_id": text})


def _each_path_once(found: list[FieldFinding]) -> list[FieldFinding]:
    """The first finding of each path: the protocol's own goes before the core's."""
    first: dict[str, FieldFinding] = {}
    for one in found:
        first.setdefault(one.path, one)
    return list(first.values())
