"""A back office that asks: events of receipts into a database of its own, each once.

    python poller.py http://127.0.0.1:8000 events.db [TOKEN]

Run it every minute. Events and cursor are stored in one transaction: after a crash the same page comes again,
and what is stored already is replaced by itself.
"""

import json
import sqlite3
import sys
from contextlib import closing

from kkt_adapter.client import Client

TABLES = """
CREATE TABLE IF NOT EXISTS events (event_id INTEGER PRIMARY KEY, receipt_id TEXT, state TEXT, event TEXT);
CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), after INTEGER);
INSERT OR IGNORE INTO cursor VALUES (1, 0);
"""


def main(url: str, file: str, token: str | None = None) -> int:
    stored = 0
    with closing(sqlite3.connect(file)) as db, Client(url, token=token) as client:
        db.executescript(TABLES)
        more = True
        while more:
            (after,) = db.execute("SELECT after FROM cursor").fetchone()
            page = client.back_offices.export_events(after=after, limit=500)
            rows = [(e["event_id"], e["receipt_id"], e["state"], json.dumps(e)) for e in page["events"]]
            with db:
                db.executemany("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?)", rows)
                db.execute("UPDATE cursor SET after = ?", (page["next_after"],))
            stored += len(rows)
            more = page["has_more"]
    print(f"stored: {stored}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
