"""The whole active catalogue as JSON lines, from one consistent view, in constant memory.

The view is written to a nameless temporary file first: a till on a slow line then reads the file, and no
transaction of the database stays open for as long as that takes. The file is gone when it is closed, and
after a crash too.
"""

import asyncio
import gzip
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Self

from sqlalchemy import Connection, func, select

from kkt_adapter.catalog.model import ProductStatus
from kkt_adapter.catalog.reads.products import StoredProduct, select_products, stored_product
from kkt_adapter.catalog.reads.query import status_is
from kkt_adapter.catalog.store.tables import catalog_state, products
from kkt_adapter.kernel.errors import Overloaded
from kkt_adapter.runtime.db.protocol import Database

CHUNK_BYTES = 256 * 1024
ROWS_AT_ONCE = 200  # in memory
GZIP_LEVEL = 3  # a third of the time of the best level for a few percent more bytes
MOST_WAITING = 20  # callers, those being served included
AT_ONCE = 2  # files being written; the next one waits


class ExportFile:
    """An async iterator over the file's bytes; closes itself at the end, on `aclose`, or when dropped."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._file.closed:
            raise StopAsyncIteration
        chunk = await asyncio.to_thread(self._file.read, CHUNK_BYTES)
        if not chunk:
            self._file.close()
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        self._file.close()

    def __del__(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportHead:
    """Of which revision the export is, and how many products follow."""

    revision: int
    generated_at: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportText:
    """How the lines are written, each without its line end; called in a thread of the database."""

    head: Callable[[ExportHead], str]
    product: Callable[[StoredProduct], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Lines of text: first the head, then active products ordered by id.

    ``chunks`` may be walked once; `close` frees the file early (a gone client). ``etag`` is ready for HTTP.
    """

    revision: int
    etag: str
    chunks: AsyncIterator[bytes]
    compressed: bool

    async def close(self) -> None:
        """May be called at any time, also twice."""
        if isinstance(self.chunks, ExportFile):
            await self.chunks.aclose()


class Exporter:
    """Writes exports into ``directory``; a few at once."""

    def __init__(self, db: Database, directory: Path) -> None:
        self._db = db
        self._directory = directory
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def write(self, text: ExportText, *, compressed: bool, now: datetime) -> tuple[int, ExportFile]:
        """The revision and the file, ready to be read.

        Raises:
            Overloaded: too many exports are waited for already.
        """
        if self._waiting >= MOST_WAITING:
            raise Overloaded(
                "Too many exports at once: try again soon.", "Слишком много выгрузок сразу: повторите позже."
            )
        self._waiting += 1
        try:
            async with self._turn:
                return await self._write(text, compressed=compressed, generated_at=now)
        finally:
            self._waiting -= 1

    async def _write(
        self, text: ExportText, *, compressed: bool, generated_at: datetime
    ) -> tuple[int, ExportFile]:
        file = await asyncio.to_thread(self._new_file)
        fill = partial(_fill, file=file, text=text, compressed=compressed, generated_at=generated_at)
        try:
            revision = await self._db.read(fill)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return revision, ExportFile(file)

    def _new_file(self) -> IO[bytes]:
        self._directory.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._directory)


def _fill(
    connection: Connection,
    *,
    file: IO[bytes],
    text: ExportText,
    compressed: bool,
    generated_at: datetime,
) -> int:
    revision: int = connection.execute(select(catalog_state.c.revision)).scalar_one()
    active = status_is(ProductStatus.ACTIVE, connection.dialect.name)
    count = connection.execute(select(func.count()).select_from(products).where(active)).scalar_one()
    head = ExportHead(revision=revision, generated_at=generated_at, count=count)
    out: IO[bytes] = (
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=GZIP_LEVEL, mtime=0) if compressed else file  # type: ignore[assignment]
    )
    out.write(f"{text.head(head)}\n".encode())
    rows = connection.execute(
        select_products().where(active).order_by(products.c.id),
        execution_options={"yield_per": ROWS_AT_ONCE},
    )
    for part in rows.partitions():
        lines = [text.product(stored_product(row)) for row in part]
        out.write(("\n".join(lines) + "\n").encode())
    if out is not file:
        out.close()
    file.flush()
    return revision
