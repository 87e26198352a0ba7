"""Style and scripts: read and compressed once, kept by browsers for a year under their digest."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    media_type: str
    body: bytes
    packed: bytes


class StaticFiles:
    """``version`` is part of every address, so a new release is never read from an old cache."""

    def __init__(self) -> None:
        self._files = {name: _read(file) for name, file in _walk(files("kkt_adapter.api.ui") / "static")}
        digest = sha256()
        for name in sorted(self._files):
            digest.update(name.encode() + self._files[name].body)
        self.version = digest.hexdigest()[:12]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    async def answer(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None:
            return PlainTextResponse("not found", status_code=404)
        headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                file.packed, media_type=file.media_type, headers=headers | {"Content-Encoding": "gzip"}
            )
        return Response(file.body, media_type=file.media_type, headers=headers)


def _walk(folder: Traversable, above: str = "") -> "list[tuple[str, Traversable]]":
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        name = f"{above}{entry.name}"
        found += _walk(entry, f"{name}/") if entry.is_dir() else [(name, entry)]
    return [(name, entry) for name, entry in found if name.rpartition(".")[2] in _TYPES]


def _read(file: Traversable) -> _File:
    body = file.read_bytes()
    return _File(
        media_type=_TYPES[file.name.rpartition(".")[2]],
        body=body,
        packed=gzip.compress(body, 9, mtime=0),
    )
