# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site whose API, PostgreSQL and Redis have hosts of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import testhosts
from conftest import Play, reach

API, DATABASE, REDIS = NAMES = ("provision-api", "provision-db", "provision-redis")
PACKAGES = {
    API: "nginx git python3-venv python3-psycopg2 python3-redis logrotate postgresql-client-15 redis-tools",
    DATABASE: "postgresql-15 python3-psycopg2",
    REDIS: "redis-server redis-tools",
}
INSTALL = "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends"
CONNECT = '. /etc/blyan/site.env; psql -XAtc "SELECT {}" "$DATABASE_URL"'


@pytest.fixture(scope="module")
def site() -> Iterator[dict[str, Any]]:
    """The variables of such a site, on bare hosts."""
    there = set(NAMES) & set(testhosts.hosts())
    testhosts.up(*NAMES)
    yield {
        "blyan_database_host": testhosts.get(DATABASE).address,
        "blyan_redis_host": testhosts.get(REDIS).address,
    }
    testhosts.down(*(name for name in NAMES if name not in there))


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory, site: dict[str, Any]) -> Path:
    groups = {"blyan_api": [API], "blyan_postgres": [DATABASE], "blyan_redis": [REDIS]}
    return testhosts.write_inventory(tmp_path_factory.mktemp("split") / "hosts.json", groups)


@pytest.fixture(scope="module")
def first(provision: Callable[..., Play], inventory: Path, site: dict[str, Any]) -> Play:
    """The first run on the bare hosts."""
    return provision("--diff", inventory=inventory, **site)


def test_what_cannot_be_reached_is_refused_on_all_hosts(provision: Callable[..., Play], inventory: Path) -> None:
    refused = provision(inventory=inventory)
    assert (refused.code, refused.changed) == (2, 0)
    assert "blyan_database_host is 127.0.0.1, and provision-api cannot reach" in refused.message(API)


def test_one_host_that_cannot_be_stops_the_others(
    provision: Callable[..., Play], inventory: Path, site: dict[str, Any]
) -> None:
    refused = provision(inventory=inventory, **{**site, "blyan_database_host": "192.0.2.1"})
    assert (refused.code, refused.changed) == (2, 0)
    assert "'192.0.2.1', which is not an address of this host" in refused.message(DATABASE)


def test_a_check_of_bare_hosts_says_what_it_can(
    provision: Callable[..., Play], inventory: Path, site: dict[str, Any]
) -> None:
    checked = provision("--check", "--diff", inventory=inventory, **site)
    assert (checked.code, checked.changed) == (0, 3)
    assert "postgresql-15" in checked.output
    assert not reach(DATABASE).file("/etc/blyan").exists


def test_a_check_of_hosts_that_have_the_packages_foresees_the_run(
    provision: Callable[..., Play], inventory: Path, site: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    for name, packages in PACKAGES.items():
        reach(name).check_output(f"{INSTALL} acl sudo ca-certificates curl {packages}")
    checked = provision("--check", inventory=inventory, **site)
    assert checked.code == 0, checked.output
    assert not reach(DATABASE).file("/etc/blyan").exists
    assert request.getfixturevalue("first").changed == checked.changed > 20


def test_second_run_changes_nothing(
    first: Play, provision: Callable[..., Play], inventory: Path, site: dict[str, Any]
) -> None:
    assert first.code == 0, first.output
    second = provision(inventory=inventory, **site)
    assert (second.code, second.changed) == (0, 0)


def test_no_password_is_shown(first: Play) -> None:
    database = reach(DATABASE).check_output("cat /etc/blyan/database_password")
    redis = reach(REDIS).check_output("sed \"s/REDISCLI_AUTH='\\(.*\\)'/\\1/\" /etc/blyan/redis_auth.env")
    assert len(database) == len(redis) == 40
    assert database not in first.output
    assert redis not in first.output
    assert reach(API).check_output("stat --format %a /etc/blyan/site.env") == "600"


def test_the_api_host_reaches_both_over_the_network(first: Play, site: dict[str, Any]) -> None:
    host = reach(API)
    answer = host.check_output(
        CONNECT.format("current_user, host(inet_server_addr()), ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    )
    assert answer == f"blyan|{site['blyan_database_host']}|t"
    ping = "python3 -c \"import os, redis; print(redis.from_url(os.environ['REDIS_URL']).ping())\""
    assert host.check_output(f"set -a; . /etc/blyan/site.env; {ping}") == "True"


def test_others_are_kept_out(first: Play, site: dict[str, Any]) -> None:
    url = reach(API).check_output(". /etc/blyan/site.env; echo $DATABASE_URL")
    stranger = reach(REDIS)
    assert stranger.run(f"timeout 5 bash -c '</dev/tcp/{site['blyan_database_host']}/5432'").rc == 0
    # Known by its password, but not by its address.
    script = "import sys, psycopg2; psycopg2.connect(sys.argv[1])"
    stranger.check_output("apt-get install --yes --quiet python3-psycopg2")
    refused = stranger.run(f"python3 -c '{script}' '{url}'")
    assert "no pg_hba.conf entry" in refused.stderr
    answer = reach(API).run(f"redis-cli -h {site['blyan_redis_host']} ping")
    assert "NOAUTH" in answer.stdout


def test_the_backup_of_redis_knows_its_password(first: Play) -> None:
    host = reach(REDIS)
    host.check_output("systemctl start blyan-backup-redis")
    host.check_output("redis-check-rdb /backup/redis/dump.rdb")
    environment = host.check_output("systemctl show --property=Environment blyan-backup-redis")
    assert environment == "Environment="


def test_the_servers_listen_again_after_a_reboot(first: Play, site: dict[str, Any]) -> None:
    for name in (DATABASE, REDIS):
        testhosts.get(name).reboot()
    host = reach(API)
    assert host.check_output(f"until {CONNECT.format(1)} 2>/dev/null; do sleep 0.1; done") == "1"
    assert "NOAUTH" in host.check_output(f"until redis-cli -h {site['blyan_redis_host']} ping; do sleep 0.1; done")


def test_an_api_host_alone_can_be_provisioned_again(
    first: Play, provision: Callable[..., Play], inventory: Path, site: dict[str, Any]
) -> None:
    before = reach(API).check_output("cat /etc/blyan/site.env")
    reach(API).check_output("rm /etc/blyan/site.env")
    again = provision(f"--limit={API}", inventory=inventory, **site)
    assert (again.code, again.changed) == (0, 1)
    assert reach(API).check_output("cat /etc/blyan/site.env") == before
