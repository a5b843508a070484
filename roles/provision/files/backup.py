# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the daily backup of PostgreSQL or of Redis on this host.

A backup takes its name only once it was read back whole, so that whatever bears such a name can be restored. When it
fails, the former ones are as they were, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import datetime
import fcntl
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

# What stays free, so that a backup never fills the disk that the service may share.
RESERVE = 256 << 20
UNFINISHED = ".unfinished-"
DAILY = re.compile(r"daily_(\d{8})\.(dump|rdb)")
SIDECARS = (".sha256", ".manifest.json")
# A dump waits for a migration that holds a table, but not for ever.
LOCK_TIMEOUT = "300s"

# The tables whose rows pg_dump writes: none of a system schema, of another session or of an extension.
TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND NOT EXISTS (
          SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
    ORDER BY 1
"""


class BackupError(Exception):
    """A backup could not be made; the text is for the journal."""


def sidecar(dump: str, suffix: str) -> str:
    """The name of a file beside a dump: daily_20260131.dump.sha256, daily_20260131.manifest.json."""
    return dump + suffix if suffix == ".sha256" else dump.partition(".")[0] + suffix


def expired(names: Iterable[str], keep: int) -> list[str]:
    """The backups that retention removes: all but the newest, by the date in the name.

    It counts backups and not days, so that a fortnight of failures does not leave one alone.
    """
    daily = sorted(name for name in names if DAILY.fullmatch(name))
    return daily[: max(len(daily) - keep, 0)]


def space_problem(free: int, former: int, live: int) -> str | None:
    """Why there is too little disk.

    Args:
        free: bytes that are free.
        former: size of the newest backup, 0 where there is none.
        live: size of the data in the server, which a compressed backup does not reach.
    """
    needed = (former + former // 2 if former else live) + RESERVE
    if free >= needed:
        return None
    return f"{free >> 20} MB of disk are free of {needed >> 20} MB needed. Next: free some, or keep fewer backups."


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def table_counts(cursor: Any) -> dict[str, int]:
    """The rows of each table, in the snapshot of the cursor's transaction."""
    cursor.execute(TABLES)
    counts = {}
    for (name,) in cursor.fetchall():
        cursor.execute(f"SELECT count(*) FROM {name}")  # The server quoted the name.
        counts[name] = cursor.fetchone()[0]
    return counts


def run(argv: Sequence[str], what: str) -> str:
    """Run a command and return what it printed; its last lines explain a failure."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        told = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise BackupError(f"{what} failed ({argv[0]} exited with {done.returncode}): {told}")
    return done.stdout


@contextmanager
def workspace(directory: Path) -> Iterator[Path]:
    """A folder for unfinished files on the same file system: one backup at a time, and nothing left behind."""
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise BackupError(f"another backup to {directory} is running. Next: wait for it.") from error
    for left in directory.glob(f"{UNFINISHED}*"):  # By a backup that was killed.
        shutil.rmtree(left)
    place = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=directory))
    try:
        yield place
    finally:
        shutil.rmtree(place)
        os.close(lock)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(finished: Path, directory: Path) -> None:
    """Give files their names: first the dump, then what describes it.

    Where a dump of the same day is replaced, the description of the old one goes first: at no moment does a checksum
    stand beside a dump that it does not fit.
    """
    dumps = [path for path in finished.iterdir() if DAILY.fullmatch(path.name)]
    for path in finished.iterdir():
        path.chmod(0o640)
        sync(path)
    for dump in dumps:
        for suffix in SIDECARS:
            (directory / sidecar(dump.name, suffix)).unlink(missing_ok=True)
        dump.rename(directory / dump.name)
    for path in finished.iterdir():
        path.rename(directory / path.name)
    sync(directory)


def prune(directory: Path, keep: int) -> None:
    """Remove the backups that have had their time, each after what describes it."""
    for name in expired((path.name for path in directory.iterdir()), keep):
        for doomed in [*(sidecar(name, suffix) for suffix in SIDECARS), name]:
            (directory / doomed).unlink(missing_ok=True)


def former_size(directory: Path) -> int:
    """The size of the newest backup."""
    daily = sorted(path for path in directory.iterdir() if DAILY.fullmatch(path.name))
    return daily[-1].stat().st_size if daily else 0


def require_space(directory: Path, live: int) -> None:
    """Refuse to start what would fill the disk."""
    problem = space_problem(shutil.disk_usage(directory).free, former_size(directory), live)
    if problem:
        raise BackupError(f"{directory}: {problem}")


def backup_postgres(options: argparse.Namespace, place: Path, today: str) -> str:
    """Dump a database, with the rows of each table counted in the same snapshot."""
    psycopg2, extras = (importlib.import_module(name) for name in ("psycopg2", "psycopg2.extras"))
    # Else a signal is not seen while the server lets us wait.
    psycopg2.extensions.set_wait_callback(extras.wait_select)
    dump = place / f"daily_{today}.dump"
    login = {"dbname": options.database, "port": options.port, "application_name": "blyan-backup"}
    try:
        with closing(psycopg2.connect(**login)) as connection, connection.cursor() as cursor:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            cursor.execute("SET lock_timeout = %s; SET idle_in_transaction_session_timeout = 0", (LOCK_TIMEOUT,))
            cursor.execute("SELECT pg_export_snapshot(), now(), version(), pg_database_size(current_database())")
            snapshot, taken_at, version, live = cursor.fetchone()
            require_space(options.directory, live)
            # Counted first: this session must be alive only until pg_dump has taken the snapshot over.
            counts = table_counts(cursor)
            argv = ["pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--lock-wait-timeout={LOCK_TIMEOUT}"]
            run([*argv, f"--port={options.port}", f"--file={dump}", "--no-password", options.database], "the dump")
            number = connection.server_version
    except psycopg2.Error as error:
        raise BackupError(f"PostgreSQL refused: {str(error).strip()}") from error
    # Reads and unpacks all of it, where --list would read its table of contents alone.
    run(["pg_restore", "--file=/dev/null", str(dump)], "reading the dump back")
    digest = checksum(dump)
    manifest = {
        "database": options.database,
        "dump": dump.name,
        "server_version": version,
        "server_version_num": number,
        "sha256": digest,
        "size": dump.stat().st_size,
        "tables": counts,
        "taken_at": taken_at.astimezone(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    (place / sidecar(dump.name, ".sha256")).write_text(f"{digest}  {dump.name}\n")
    (place / sidecar(dump.name, ".manifest.json")).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return f"{dump.name}: {manifest['size']} bytes, {sum(counts.values())} rows in {len(counts)} tables"


def backup_redis(options: argparse.Namespace, place: Path, today: str) -> str:
    """Have Redis send its data as it would to a replica, whatever its own files are called and wherever they lie.

    Its password, where it has one, comes in the variable REDISCLI_AUTH, which redis-cli reads by itself.
    """
    client = ["redis-cli", "-e", "-p", str(options.port)]
    told = run([*client, "info", "memory"], "asking Redis").split()
    require_space(options.directory, int(next(line for line in told if line.startswith("used_memory:"))[12:]))
    dump = place / f"daily_{today}.rdb"
    run([*client, "--rdb", str(dump)], "the copy")
    run(["redis-check-rdb", str(dump)], "reading the copy back")
    # A second name for the same file: what the runbook restores from.
    os.link(dump, place / "dump.rdb")
    return f"{dump.name}: {dump.stat().st_size} bytes"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(description=__doc__)
    kinds = top.add_subparsers(dest="kind", required=True)
    for kind, port in (("postgres", 5432), ("redis", 6379)):
        options = kinds.add_parser(kind)
        options.add_argument("--directory", type=Path, default=Path("/backup", kind), help="where backups lie")
        options.add_argument("--keep", type=int, default=14, help="how many daily backups to keep")
        options.add_argument("--port", type=int, default=port, help="TCP port of the server, which runs on this host")
        if kind == "postgres":
            options.add_argument("--database", default="blyandb")
    return top


def main() -> None:
    """Make one backup, then remove those that have had their time."""
    options = parser().parse_args()
    # systemd's SIGTERM ends the backup as an error does: its unfinished files go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped before it was done"))
    make = {"postgres": backup_postgres, "redis": backup_redis}[options.kind]
    try:
        with workspace(options.directory) as place:
            made = make(options, place, datetime.datetime.now().strftime("%Y%m%d"))
            publish(place, options.directory)
    except (BackupError, OSError) as error:
        sys.exit(f"No backup of {options.kind} was made; the former ones are as they were. {error}")
    print(made)
    prune(options.directory, options.keep)


if __name__ == "__main__":
    main()
