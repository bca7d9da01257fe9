"""The tables of the tag history."""

from __future__ import annotations

from longshore.transfers.journal.schema import Schema

#: One script per version, as in the journal. Never edit a released script: add another.
SCHEMA = Schema(
    (
        """
        CREATE TABLE changes (
            number INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which changes were announced, by no clock
            id TEXT NOT NULL UNIQUE,
            at REAL NOT NULL,               -- seconds since 1970
            seen INTEGER NOT NULL,          -- clock.number when it was announced
            key TEXT NOT NULL,              -- the place, the same for all its addresses
            place TEXT NOT NULL,            -- JSON, as are the origins
            repository TEXT NOT NULL,       -- with its host
            tag TEXT NOT NULL,
            operation TEXT NOT NULL,
            before TEXT,                    -- a digest, '' for no such tag, NULL for unknown
            after TEXT,
            open INTEGER NOT NULL,          -- 1: announced, and not settled yet
            by TEXT NOT NULL,
            transfer TEXT NOT NULL,
            together TEXT NOT NULL,         -- changes that are undone together have the same text
            undoes TEXT NOT NULL,
            undone_by TEXT NOT NULL,
            origins TEXT NOT NULL
        );
        CREATE INDEX changes_tag ON changes (key, repository, tag);
        CREATE INDEX changes_after ON changes (after);
        CREATE INDEX changes_before ON changes (before);
        CREATE TABLE manifests (            -- that a registry was asked to delete
            digest TEXT PRIMARY KEY,
            media_type TEXT NOT NULL,
            raw BLOB NOT NULL,
            number INTEGER NOT NULL         -- of the change that kept it last
        );
        CREATE TABLE clock (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            day INTEGER NOT NULL,
            dropped INTEGER NOT NULL DEFAULT 0
        );
        """,
        """
        CREATE TABLE lost (                 -- actions that removed images without a name: no undo brings those back
            together TEXT PRIMARY KEY,
            images INTEGER NOT NULL,
            last INTEGER NOT NULL           -- changes.number of the latest change when the last of them was removed
        );
        """,
    ),
    (
        "SELECT number, id, at, seen, key, place, repository, tag, operation, before, after, open, by, transfer,"
        " together, undoes, undone_by, origins FROM changes",
        "SELECT digest, media_type, raw, number FROM manifests",
        "SELECT number, day, dropped FROM clock",
        "SELECT together, images, last FROM lost",
    ),
)
