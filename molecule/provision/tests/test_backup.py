# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that were made, restored; and backups that could not be made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

POSTGRES = "/backup/postgres"
SQL = "runuser -u postgres -- psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1"
SCRIPT = "/usr/local/libexec/blyan-ops/backup.py"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND (application_name = 'blyan-backup' OR application_name LIKE 'pg_dump%')"
)


@pytest.fixture
def data(host: Any) -> Iterator[Any]:
    """The host, with tables of the app that have rows, odd names and a foreign key."""
    host.check_output(
        f"""{SQL} --dbname blyandb <<'END'
SET ROLE blyan;
CREATE TABLE keys (id int PRIMARY KEY, note text);
INSERT INTO keys SELECT n, repeat('x', n % 100) FROM generate_series(1, 5000) n;
CREATE TABLE "odd ""name" (id int REFERENCES keys);
INSERT INTO "odd ""name" VALUES (1), (2), (3);
CREATE TABLE parts (id int) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
INSERT INTO parts VALUES (1), (2);
CREATE SCHEMA other; CREATE TABLE other.empty (id int);
END"""
    )
    yield host
    host.check_output(
        f'{SQL} --dbname blyandb --command \'DROP TABLE keys, "odd ""name", parts; DROP SCHEMA other CASCADE\''
    )
    host.check_output(f"{SQL} --command 'DROP DATABASE IF EXISTS restored'")


def newest(host: Any) -> str:
    """The name of the newest dump, without its ending."""
    path: str = host.check_output(f"ls {POSTGRES}/daily_*.dump | tail -n 1")
    return path.removesuffix(".dump")


def state(host: Any) -> str:
    """All files of the backups, with their contents."""
    listing: str = host.check_output(f"cd {POSTGRES} && ls -lA --time-style=full-iso && sha256sum daily_*")
    return listing


def test_a_restored_backup_has_every_row_of_its_manifest(data: Any) -> None:
    # While the backup is made, rows come in: the counts and the dump are of one moment all the same.
    feed = "while test -e /tmp/feeding; do echo 'INSERT INTO keys SELECT max(id) + 1 FROM keys;'; done"
    data.check_output(
        f"touch /tmp/feeding; ({feed}) | {SQL} --dbname blyandb & "
        f"until test $({SQL} --dbname blyandb --command 'SELECT count(*) FROM keys') -gt 5100; do :; done; "
        "systemctl start blyan-backup-postgres; code=$?; rm /tmp/feeding; wait; exit $code"
    )
    dump = newest(data)
    manifest = json.loads(data.check_output(f"cat {dump}.manifest.json"))
    assert set(manifest["tables"]) == {'public."odd ""name"', "public.keys", "public.parts_1", "other.empty"}
    assert manifest["tables"]["public.keys"] > 5000
    assert manifest["size"] == data.file(f"{dump}.dump").size
    assert manifest["server_version_num"] // 10000 == 15
    data.check_output(f"cd {POSTGRES} && sha256sum --check --strict {dump}.dump.sha256")

    # As the unprivileged role of the app, over TCP, as a recovery does it.
    data.check_output(f"{SQL} --command 'CREATE DATABASE restored OWNER blyan TEMPLATE template0'")
    data.check_output(
        ". /etc/blyan/site.env; "
        f"pg_restore --exit-on-error --no-owner --dbname ${{DATABASE_URL%/*}}/restored {dump}.dump"
    )
    for table, rows in manifest["tables"].items():
        found = data.check_output(f"{SQL} --dbname restored <<'END'\nSELECT count(*) FROM {table}\nEND")
        assert int(found) == rows, table


def test_the_server_is_unharmed_by_its_backup(host: Any) -> None:
    """It runs as the same user, and a unit that ends may take that user's shared memory along."""
    host.check_output("systemctl start blyan-backup-postgres")
    host.check_output("systemctl start blyan-backup-redis")
    assert host.check_output('. /etc/blyan/site.env; psql -XAtc "SELECT 1" "$DATABASE_URL"') == "1"
    assert host.check_output("redis-cli ping") == "PONG"


@pytest.fixture
def stuck(data: Any) -> Iterator[Any]:
    """The host, with a backup that waits for a table that someone else holds."""
    data.check_output("systemctl start blyan-backup-postgres")
    hold = "BEGIN; LOCK TABLE keys IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(120)"
    holder = (
        "systemd-run --quiet --collect --unit=holder --uid=postgres --setenv=PGAPPNAME=holder psql --dbname blyandb"
    )
    data.check_output(f"{holder} --command '{hold}'")
    held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'keys'::regclass"
    data.check_output(f'until test $({SQL} --dbname blyandb --command "{held}") -gt 0; do :; done')
    yield data
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'"
    data.check_output(f'{SQL} --command "{end}"')
    data.check_output("while systemctl is-active --quiet holder; do :; done; systemctl reset-failed")
    data.check_output("systemctl start blyan-backup-postgres")
    assert ".unfinished" not in state(data)


@pytest.mark.parametrize("end", ["systemctl stop", "systemctl kill --signal=KILL"])
def test_a_backup_that_is_ended_leaves_the_former(stuck: Any, end: str) -> None:
    before = state(stuck)
    stuck.check_output("systemctl start --no-block blyan-backup-postgres")
    stuck.check_output(f'until test $({SQL} --command "{WAITING}") -gt 0; do :; done')
    assert ".unfinished" in stuck.check_output(f"ls -A {POSTGRES}")
    stuck.check_output(f"{end} blyan-backup-postgres")
    stuck.check_output("while systemctl is-active --quiet blyan-backup-postgres; do :; done")
    after = [line for line in state(stuck).splitlines() if ".unfinished" not in line and not line.endswith(" .")]
    # The killed one could not clean up; the next one does, as the fixture sees.
    assert [line for line in before.splitlines() if "daily_" in line] == [line for line in after if "daily_" in line]
    assert stuck.check_output("systemctl show --property=ActiveState --value blyan-backup-postgres") == "failed"


def test_a_full_disk_is_refused_before_anything_is_written(host: Any) -> None:
    place = "/run/small"
    host.check_output(f"mkdir -p {place} && mount -t tmpfs -o size=1m,uid=$(id --user postgres) tmpfs {place}")
    try:
        done = host.run(f"runuser -u postgres -- python3 {SCRIPT} postgres --directory {place}")
        assert done.rc == 1
        assert "MB of disk are free" in done.stderr
        assert host.check_output(f"ls -A {place}") == ""
    finally:
        host.check_output(f"umount {place} && rmdir {place}")


def test_a_database_that_is_not_there(host: Any) -> None:
    before = state(host)
    done = host.run(f"runuser -u postgres -- python3 {SCRIPT} postgres --database nosuch")
    assert done.rc == 1
    assert 'database "nosuch" does not exist' in done.stderr
    assert "Traceback" not in done.stderr
    assert state(host) == before


def test_redis_starts_from_its_backup(host: Any) -> None:
    host.check_output("redis-cli -n 3 set board 1 && redis-cli -n 5 mset a 1 b 2 c 3")
    host.check_output("systemctl start blyan-backup-redis && redis-cli -n 3 flushall")
    scratch = (
        "runuser -u redis -- redis-server --port 0 --unixsocket /tmp/scratch/r.sock --dir /tmp/scratch --daemonize yes"
    )
    client = "redis-cli -s /tmp/scratch/r.sock"
    host.check_output("rm -rf /tmp/scratch && install -d -o redis /tmp/scratch")
    host.check_output(f"cp --preserve /backup/redis/dump.rdb /tmp/scratch && {scratch}")
    host.check_output(f"until {client} ping 2>/dev/null | grep -q PONG; do :; done")
    counts = host.check_output(f"{client} -n 3 dbsize; {client} -n 5 dbsize; {client} -n 5 get c")
    host.check_output(f"{client} shutdown nosave; rm -rf /tmp/scratch")
    assert counts.split() == ["1", "3", "3"]
    assert host.check_output("stat --format %U /backup/redis/dump.rdb") == "redis"
