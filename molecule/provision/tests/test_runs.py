# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further runs of the playbook: in check mode, after a run that was killed, and with what it has to refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Any write to a file changes its inode's ctime; a restart changes the main process, a reload the workers.
STATE = r"""
find /etc /srv /backup /usr/local /var/lib/blyan-ops -printf '%p %y %m %U:%G %s %C@ %l\n' | sort
systemctl show --property=Id,MainPID,ActiveState,UnitFileState nginx postgresql@15-main redis-server 'blyan-backup-*'
pgrep --parent $(cat /run/nginx.pid)
"""
VALUES = {
    "provision_client_max_body_size": "7m",
    "provision_redis_maxmemory": "512mb",
    "provision_backup_time": "04:30",
    "provision_frontend_root": "/srv/www",
    "provision_tls_certificate": "/etc/ssl/site.pem",
    "provision_tls_key": "/etc/ssl/private/site.key",
    # The host itself plays Cloudflare.
    "provision_cloudflare_realip": True,
    "blyan_cloudflare_ranges": ["127.0.0.1/32"],
}
BAD_VALUES = {
    "blyan_redis_password": ('a"b', "blyan_database_password or blyan_redis_password has a space, a quote"),
    "provision_backup_keep_days": (0, "provision_backup_keep_days or provision_log_keep_days is below 1"),
    "provision_backup_time": ("25:00", "provision_backup_time is 25:00"),
    "provision_client_addresses": (["db.example"], "one of db.example is a name"),
    "provision_redis_maxmemory": ("lots", "provision_redis_maxmemory is lots"),
    "provision_tls_certificate": ("/etc/ssl/site.pem", "Only one of provision_tls_certificate and provision_tls_key"),
}

Provision = Callable[..., Any]


@pytest.fixture
def certificate(host: Any) -> Iterator[None]:
    """A certificate, and a front end."""
    host.check_output("mkdir -p /srv/www && echo front > /srv/www/index.html")
    host.check_output(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=blyan.com "
        "-keyout /etc/ssl/private/site.key -out /etc/ssl/site.pem 2>/dev/null"
    )
    yield
    host.check_output("rm -r /etc/ssl/site.pem /etc/ssl/private/site.key /srv/www")


def test_new_values_announced_and_then_set(host: Any, provision: Provision, certificate: None) -> None:
    before = host.check_output(STATE)
    checked = provision("--check", "--diff", **VALUES)
    assert host.check_output(STATE) == before
    assert checked.code == 0
    for line in ("client_max_body_size 7m;", "maxmemory 512mb", "04:30:00", "root /srv/www;", "site.pem"):
        assert line in checked.output

    done = provision(**VALUES)
    assert done.changed == checked.changed > 0
    assert host.check_output("redis-cli config get maxmemory").split()[1] == str(512 << 20)
    assert " 04:" in host.check_output("systemctl show --property=NextElapseUSecRealtime blyan-backup-redis.timer")
    assert host.check_output("curl --silent http://127.0.0.1/") == "front"
    curl = "curl --silent --cacert /etc/ssl/site.pem --resolve blyan.com:443:127.0.0.1 --output /dev/null"
    code = f"{curl} --write-out '%{{http_code}}' -H 'CF-Connecting-IP: 198.51.100.7' https://blyan.com/api/health"
    assert host.check_output(code) == "502"
    assert host.check_output("tail -n 1 /var/log/nginx/access.log").startswith("198.51.100.7 ")

    assert provision().code == 0
    assert host.check_output("redis-cli config get maxmemory").split()[1] == "0"


def test_what_a_killed_run_left_and_what_drifted(host: Any, provision: Provision) -> None:
    # As if a run had ended between writing the file and telling the service.
    host.check_output("touch /etc/nginx/nginx.conf /etc/redis/blyan.conf")
    # As if one had ended between removing a file and telling the service.
    listens = "/etc/postgresql/15/main/conf.d/blyan.conf"
    host.check_output(f"touch {listens} && systemctl restart postgresql@15-main && rm {listens}")
    host.check_output("chmod 0777 /srv/blyan/shared && rm /var/log/aiblock.error.log")
    host.check_output("systemctl disable --now blyan-backup-redis.timer")
    finished = provision("-v")
    # The paths, PostgreSQL, nginx, and in one task what belongs to Redis.
    assert (finished.code, finished.changed) == (0, 4)
    for done in ("restart postgresql@15-main.service", "reload nginx.service", "restart redis-server.service"):
        assert done in finished.output
    assert "enable blyan-backup-redis.timer" in finished.output
    assert host.file("/srv/blyan/shared").mode == 0o750
    assert host.file("/var/log/aiblock.error.log").user == "blyan"


def test_redis_without_an_append_only_file_keeps_its_data(host: Any, provision: Provision) -> None:
    host.check_output(
        "redis-cli -n 5 set quota 42 && redis-cli save && systemctl stop redis-server && "
        "rm -r /var/lib/redis/appendonlydir /etc/redis/blyan.conf && "
        "sed -i '/blyan.conf/d' /etc/redis/redis.conf && systemctl start redis-server"
    )
    assert host.check_output("redis-cli config get appendonly").split()[1] == "no"
    assert provision().code == 0
    assert host.check_output("redis-cli config get appendonly").split()[1] == "yes"
    assert host.check_output("redis-cli -n 5 get quota") == "42"
    host.check_output("redis-cli -n 5 del quota")


def test_a_redis_that_listens_on_another_port_than_it_is_to_keeps_its_data(host: Any, provision: Provision) -> None:
    host.check_output(
        "redis-cli -n 5 set quota 42 && redis-cli save && systemctl stop redis-server && "
        "rm -r /var/lib/redis/appendonlydir /etc/redis/blyan.conf && sed -i '/blyan.conf/d' /etc/redis/redis.conf && "
        "echo port 6381 >> /etc/redis/redis.conf && systemctl start redis-server"
    )
    try:
        assert provision(blyan_redis_port=6380).code == 0
        assert host.check_output("redis-cli -p 6380 config get appendonly").split()[1] == "yes"
        assert host.check_output("redis-cli -p 6380 -n 5 getdel quota") == "42"
    finally:
        host.check_output("sed -i '/^port 6381$/d' /etc/redis/redis.conf")
        assert provision().code == 0
    assert host.check_output("redis-cli ping") == "PONG"


def test_a_broken_configuration_never_goes_live(host: Any, provision: Provision) -> None:
    host.check_output("echo 'nonsense;' > /etc/nginx/conf.d/broken.conf")
    # Where the lock was, which the run took and gave back.
    all_but_lock = STATE.replace(" /var/lib/blyan-ops ", " ")
    before = host.check_output(all_but_lock)
    try:
        refused = provision(provision_client_max_body_size="7m")
        assert (refused.code, refused.changed) == (2, 0)
        assert "broken.conf" in refused.message()
        assert host.check_output(all_but_lock) == before
        assert not host.file("/var/lib/blyan-ops/lock.json").exists
    finally:
        host.check_output("rm /etc/nginx/conf.d/broken.conf")


@pytest.fixture
def squatter(host: Any) -> Iterator[None]:
    """An app that was started by hand holds port 8000."""
    host.check_output("systemctl stop nginx")
    host.check_output("systemd-run --quiet --collect --unit=squatter python3 -m http.server 8000")
    host.check_output("until ss --no-header --listening --tcp --numeric | grep -q :8000; do :; done")
    yield
    host.check_output("systemctl stop squatter && systemctl start nginx")


def test_a_host_that_is_not_ready_is_refused(host: Any, provision: Provision, squatter: None) -> None:
    missing = {"provision_tls_certificate": "/no.pem", "provision_tls_key": "/no.key"}
    refused = provision(provision_min_free_mb=999999999, **missing)
    assert (refused.code, refused.changed) == (2, 0)
    for told in ("Port 8000 is held by python3", "/no.key", "/var/lib is too full"):
        assert told in refused.message()


def test_bad_values_are_refused_all_at_once(host: Any, provision: Provision) -> None:
    before = host.check_output(STATE)
    refused = provision(**{name: value for name, (value, _told) in BAD_VALUES.items()})
    assert (refused.code, refused.changed) == (2, 0)
    for _value, told in BAD_VALUES.values():
        assert told in refused.message()
    assert refused.message().count("Next: ") == len(BAD_VALUES)
    assert host.check_output(STATE) == before


def test_a_host_that_cannot_be_reached_is_reported_with_the_reason(provision: Provision) -> None:
    refused = provision(ansible_port=1)
    assert (refused.code, refused.changed) == (2, 0)
    assert "provision-site cannot be reached: " in refused.message()
    assert "Connection refused" in refused.message()
