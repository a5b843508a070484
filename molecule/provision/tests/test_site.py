# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the app, the operators and the world find on a provisioned host."""

from __future__ import annotations

import re
from typing import Any

import pytest

APP_SQL = '. /etc/blyan/site.env; psql --no-psqlrc --tuples-only --no-align "$DATABASE_URL"'


@pytest.mark.parametrize(
    ("path", "user", "group", "mode"),
    [
        ("/etc/blyan", "root", "root", 0o700),
        ("/etc/blyan/slots", "root", "root", 0o700),
        ("/etc/blyan/site.env", "root", "root", 0o600),
        ("/etc/blyan/database_password", "root", "root", 0o600),
        ("/var/lib/blyan-ops", "root", "root", 0o700),
        ("/srv/blyan", "root", "root", 0o755),
        ("/srv/blyan/shared", "blyan", "blyan", 0o750),
        ("/var/log/aiblock.log", "blyan", "adm", 0o640),
        ("/var/log/aiblock.error.log", "blyan", "adm", 0o640),
        ("/etc/redis/blyan.conf", "root", "redis", 0o640),
        ("/backup/postgres", "postgres", "postgres", 0o750),
        ("/backup/redis", "redis", "redis", 0o750),
    ],
)
def test_who_may_what(host: Any, path: str, user: str, group: str, mode: int) -> None:
    found = host.file(path)
    assert (found.user, found.group, found.mode) == (user, group, mode)


def test_the_app_has_no_shell_and_no_rights(host: Any) -> None:
    assert host.user("blyan").shell == "/usr/sbin/nologin"
    assert host.user("blyan").groups == ["blyan"]
    found = host.check_output(
        "runuser -u postgres -- psql -XAtc "
        "\"SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'blyan'\""
    )
    assert found == "t|f|f|f"


def test_the_app_owns_its_database(host: Any) -> None:
    sql = "CREATE TABLE mine (id int); DROP TABLE mine; SELECT current_user, pg_encoding_to_char(encoding)"
    answer = host.check_output(f"{APP_SQL} --command '{sql} FROM pg_database WHERE datname = current_database()'")
    assert answer.splitlines()[-1] == "blyan|UTF8"


def test_no_password_is_stored_in_clear_by_the_server(host: Any) -> None:
    stored = host.check_output(
        "runuser -u postgres -- psql -XAtc \"SELECT rolpassword FROM pg_authid WHERE rolname = 'blyan'\""
    )
    assert stored.startswith("SCRAM-SHA-256$")
    password = host.check_output("cat /etc/blyan/database_password")
    assert len(password) == 40
    assert host.run(f"grep -r --fixed-strings {password} /var/log").rc == 1


def test_servers_listen_on_the_loopback_address_alone(host: Any) -> None:
    listening = host.check_output("ss --no-header --listening --tcp --numeric").splitlines()
    for port in (5432, 6379):
        found = {line.split()[3] for line in listening if line.split()[3].endswith(f":{port}")}
        assert found
        assert found <= {f"127.0.0.1:{port}", f"[::1]:{port}"}


def test_redis_keeps_what_it_is_given(host: Any) -> None:
    assert host.check_output("redis-cli ping") == "PONG"
    assert host.check_output("redis-cli config get appendonly").split() == ["appendonly", "yes"]
    assert host.check_output("redis-cli config get save").split()[1:] == ["3600", "1", "300", "100", "60", "10000"]
    host.check_output("redis-cli -n 5 set quota 42")
    # Without a last snapshot: what survives is what was written as it came.
    host.check_output("systemctl kill --signal=KILL redis-server && systemctl restart redis-server")
    assert host.check_output("until redis-cli ping | grep -q PONG; do :; done; redis-cli -n 5 get quota") == "42"
    host.check_output("redis-cli -n 5 del quota")


def test_logs_are_rotated_under_their_writer(host: Any) -> None:
    log = "/var/log/aiblock.log"
    inode = host.check_output(f"stat --format %i {log}")
    host.check_output(
        'runuser -u blyan -- python3 -c "import subprocess;'
        f"log = open('{log}', 'a'); log.write('before\\n'); log.flush(); open('/tmp/written', 'w');"
        'import os, time\nwhile os.path.exists(\\"/tmp/written\\"): time.sleep(0.01)\n'
        "log.write('after\\n')\" & until test -e /tmp/written; do :; done;"
        "logrotate --force /etc/logrotate.d/blyan && rm /tmp/written && wait"
    )
    assert host.check_output(f"stat --format %i {log}") == inode
    assert host.check_output(f"cat {log}") == "after"
    assert host.check_output(f"cat {log}.1") == "before"
    host.check_output(f"rm {log}.1 && truncate --size 0 {log}")


def test_backups_are_due_daily(host: Any) -> None:
    for kind in ("postgres", "redis"):
        timer = host.check_output(f"systemctl show --property=NextElapseUSecRealtime blyan-backup-{kind}.timer")
        assert re.search(r"\d{4}-\d\d-\d\d 03:\d\d", timer)


@pytest.mark.parametrize("unit", ["blyan-backup-postgres.service", "blyan-backup-redis.service"])
def test_the_backups_are_hardened(host: Any, unit: str) -> None:
    host.check_output(f"systemd-analyze security --threshold=20 --no-pager {unit}")
