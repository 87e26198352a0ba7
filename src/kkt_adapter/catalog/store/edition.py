"""Which numbering of revisions a catalogue has: one for each life of its database.

A till goes on from the last revision it saw. After a restore from an older copy, or in a new database, the
same numbers would come again for other changes: the till would get a 304 for another catalogue, and its copy
would differ for ever. So each new identity or epoch of the database begins a range of numbers of its own, and
whoever asks for changes since a number outside it gets 410 and takes a fresh export.
"""

from sqlalchemy import Connection, update

from kkt_adapter.catalog.store.products import lock_state
from kkt_adapter.catalog.store.tables import THE_ROW, catalog_state

EPOCH_SHIFT = 40  # revisions of one epoch; an epoch below 4096 stays exact in programs that count in floats
SALT_BITS = 20  # keeps databases with the same epoch apart
SALT_SHIFT = EPOCH_SHIFT - SALT_BITS


def begin_edition(connection: Connection, *, uuid: str, epoch: int, salt: int) -> bool:
    """Give the catalogue a range of its own if its database has another identity than it remembers; true when
    it did. ``salt`` is a random number of `SALT_BITS`.

    A catalogue of before there were identities keeps its numbers while its database is in its first epoch.
    """
    state = lock_state(connection)
    if (state.database_uuid, state.database_epoch) == (uuid, epoch):
        return False
    values: dict[str, object] = {"database_uuid": uuid, "database_epoch": epoch}
    upgraded = state.database_uuid is None and epoch == 1 and state.revision > 0
    if not upgraded:
        first = max((epoch << EPOCH_SHIFT) + (salt << SALT_SHIFT), state.revision + 1)
        values |= {"revision": first, "feed_floor": first}
    connection.execute(update(catalog_state).where(catalog_state.c.id == THE_ROW).values(values))
    return not upgraded
