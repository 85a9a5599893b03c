"""The tables of a history file, as the steps that lead from each schema version to the next.

A step is never changed once it was released: files of every version are read for ever. To change the schema, add a
step; what is there must stay readable to it.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "STEPS"]

# In the header of the file (https://www.sqlite.org/fileformat2.html#application_id): "MGhi".
APPLICATION_ID = 0x4D476869

Step = Sequence[str]

# Figures come by run: a new run is written at the end of its table, the oldest is removed at the beginning, and one
# test of one run is one look-up. Words (outcomes, verdicts) and node ids are stored once.
_FIRST: Step = (
    """CREATE TABLE environments (
        id INTEGER PRIMARY KEY,
        python TEXT NOT NULL,
        platform TEXT NOT NULL,
        version TEXT NOT NULL,
        distributed INTEGER NOT NULL,
        UNIQUE (python, platform, version, distributed)
    )""",
    "CREATE TABLE nodes (id INTEGER PRIMARY KEY, nodeid TEXT NOT NULL UNIQUE, last_run INTEGER NOT NULL)",
    "CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE)",
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        started TEXT NOT NULL,
        duration_ms INTEGER,
        commit_id TEXT,
        branch TEXT,
        environment INTEGER NOT NULL REFERENCES environments (id),
        tests INTEGER NOT NULL,
        exit_status INTEGER NOT NULL,
        peak_rss_bytes INTEGER,
        peak_nodeid TEXT
    )""",
    """CREATE TABLE figures (
        run INTEGER NOT NULL REFERENCES runs (id),
        node INTEGER NOT NULL REFERENCES nodes (id),
        outcome INTEGER NOT NULL REFERENCES words (id),
        verdict INTEGER NOT NULL REFERENCES words (id),
        duration_us INTEGER,
        retained_bytes INTEGER,
        start_bytes INTEGER,
        end_bytes INTEGER,
        top_bytes INTEGER,
        PRIMARY KEY (run, node)
    ) WITHOUT ROWID""",
    """CREATE TABLE findings (
        run INTEGER NOT NULL REFERENCES runs (id),
        place INTEGER NOT NULL,
        nodeid TEXT NOT NULL,
        signature TEXT NOT NULL,
        kind TEXT NOT NULL,
        verdict TEXT NOT NULL,
        gates INTEGER NOT NULL,
        witnesses INTEGER NOT NULL,
        bytes_per_run INTEGER NOT NULL,
        blocks_per_run INTEGER NOT NULL,
        count_per_run INTEGER NOT NULL,
        site TEXT NOT NULL,
        retainer TEXT NOT NULL,
        PRIMARY KEY (run, place)
    ) WITHOUT ROWID""",
)

STEPS: Sequence[Step] = (_FIRST,)
SCHEMA_VERSION = len(STEPS)
