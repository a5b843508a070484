# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations: one at a time, told of, refused where they may not be, and in the way of a rollback."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import NAME
from playbook import Playbooks, Running
from site_host import Live, Site, lost
from testhosts.engine import ROOT, podman_argv

LOCK = 2668397095819844745
TOLD: dict[str, Any] = {"deploy_schema_command": "python scripts/migrate_db.py --print-schema"}
DUMP = "runuser -u postgres -- pg_dump --dbname=blyandb | grep -vE '^.(un)?restrict '"


def now(site: Site) -> Live:
    live = site.live()
    assert live is not None
    assert site.answering() == {live.release}
    return live


def schemas(play: Playbooks) -> list[tuple[str, str, str, str]]:
    """Version, state, and schema before and after of each release."""
    return [
        (each["version"], each["state"], each["schema_before"], each["schema_after"])
        for each in play("releases").host["releases"]
    ]


def test_releases_record_the_schema(fresh: Site, play: Playbooks) -> None:
    assert play("deploy", deploy_version="v1", **TOLD).host["schema"] == "1"
    assert play("deploy", deploy_version="v2", **TOLD).host["schema"] == "1"
    assert play("deploy", deploy_version="v3", **TOLD).host["schema"] == "2"
    assert schemas(play) == [("v1", "good", "0", "1"), ("v2", "good", "1", "1"), ("v3", "good", "1", "2")]


def test_a_rollback_across_a_migration_is_refused_unless_it_is_forced(fresh: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v1", **TOLD)
    old = now(fresh)
    deployed = play("deploy", deploy_version="undeclared", **TOLD)
    assert f"deploy_rollback_to={old.commit[:7]} -e deploy_rollback_across_migrations=true" in deployed.output
    new = now(fresh)
    before = fresh.files()
    for named in ({}, {"deploy_rollback_to": "v1"}):
        refused = play("rollback", code=2, **named)
        assert refused.host["phase"] == "Preflight"
        assert f"{old.release} (v1) was deployed with schema 1" in refused.message
        assert f"since {new.release} (undeclared) the database has schema 2" in refused.message
        assert "Next: " in refused.message
        assert "deploy_rollback_across_migrations" in refused.message
    assert fresh.files() ^ before == set()
    play("restart")
    with fresh.load() as load:
        play("rollback", deploy_rollback_across_migrations=True)
    assert lost(load.result) == {}
    assert now(fresh).release == old.release
    play("rollback", deploy_rollback_to="undeclared")
    assert now(fresh).release == new.release


def test_a_rollback_to_what_the_release_says_it_is_compatible_with(fresh: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v1", **TOLD)
    old = now(fresh)
    assert "across_migrations" not in play("deploy", deploy_version="v3", **TOLD).output
    play("rollback")
    assert now(fresh).release == old.release


def test_a_deploy_that_fails_after_its_migration_says_so(fresh: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v1", **TOLD)
    play("deploy", deploy_version="v2", **TOLD)
    old = now(fresh)
    failed = play("deploy", deploy_version="broken-after-migration", deploy_health_timeout="3s", code=2, **TOLD)
    assert failed.host["phase"] == "Start it in the idle slot"
    assert failed.host["schema"] == {"schema_before": "1", "schema_after": "2"}
    assert "was not healthy within 3s" in failed.message
    for text in (
        "The database was migrated: its schema went from 1 to 2, and stays so.",
        f"{old.commit[:7]} (v2) serves on, with schema 2 from now on;",
        "(broken-after-migration) does not say that code for schema 1 works with it.",
        "Next: see that it works, and deploy a version that is made for the new schema",
    ):
        assert text in failed.message
        assert text in failed.output[failed.output.rindex(f"{NAME}: FAILED") :]
    assert now(fresh) == old
    assert fresh.unclean() == []
    assert schemas(play)[-1] == ("broken-after-migration", "bad", "1", "2")
    refused = play("rollback", code=2)
    assert "(v1) was deployed with schema 1" in refused.message
    play("deploy", deploy_version="v2", deploy_environment={"A": "b"}, **TOLD)


def test_a_deploy_that_fails_without_one_says_nothing_of_it(fresh: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v1", **TOLD)
    for version in ("broken-import", "broken-migration"):
        failed = play("deploy", deploy_version=version, code=2, **TOLD)
        assert "was migrated" not in failed.message
        assert schemas(play)[-1] == (version, "bad", "1", "1")


def test_a_version_that_migrates_is_refused_where_there_may_be_no_migrations(fresh: Site, play: Playbooks) -> None:
    refused = play("deploy", deploy_version="v1", deploy_allow_migrations=False, code=2)
    assert "without deploy_schema_command nobody can tell" in refused.message
    play("deploy", deploy_version="v1", **TOLD)
    old, before = now(fresh), fresh.shell(DUMP)
    refused = play("deploy", deploy_version="v3", deploy_allow_migrations=False, code=2, **TOLD)
    assert refused.host["phase"] == "Run the migrations"
    assert "(v3) needs schema 2, and the database has 1; deploy_allow_migrations is false" in refused.message
    assert fresh.shell(DUMP) == before
    assert (now(fresh), fresh.unclean()) == (old, [])
    play("deploy", deploy_version="v2", deploy_allow_migrations=False, **TOLD)
    assert now(fresh).version == "v2"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("python scripts/migrate_db.py --dance", "deploy_schema_command failed (it ended with status 1)"),
        ("echo schema is 12", "deploy_schema_command printed 'schema is 12' last"),
        ("no-such-program", "deploy_schema_command failed"),
    ],
)
def test_a_schema_that_is_not_told_stops_before_the_migration(
    fresh: Site, play: Playbooks, command: str, why: str
) -> None:
    refused = play("deploy", deploy_version="v1", deploy_schema_command=command, code=2)
    assert why in refused.message
    assert "CREATE TABLE" not in fresh.shell(DUMP)


@contextmanager
def migrating(site: Site) -> Iterator[Callable[[], None]]:
    """Another tool migrates the database, by the lock; yields what ends it."""
    argv = podman_argv("exec", "--interactive", site.host.container, "runuser", "-u", "postgres", "--", "psql", "-qtA")
    with subprocess.Popen(
        [*argv, "--dbname=blyandb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def end() -> None:
            process.communicate(timeout=30)

        process.stdin.write(f"SET application_name = 'by hand'; SELECT pg_advisory_lock({LOCK}); SELECT 'held';\n")
        process.stdin.flush()
        while process.stdout.readline() != "held\n":
            pass
        try:
            yield end
        finally:
            process.kill()


def waits(site: Site) -> bool:
    status = "systemctl show --value --property=StatusText 'aiblock-migrate-*'"
    return "waiting up to" in site.shell(status)


def test_one_waits_for_another_migration_of_the_database(fresh: Site, play: Playbooks) -> None:
    with migrating(fresh) as end:
        running = play.start("playbooks/deploy.yml", deploy_version="v1", **TOLD)
        fresh.wait_for("the migration waits", lambda: waits(fresh), seconds=120)
        # The progress of the module is shown every two seconds.
        fresh.wait_for("people are told", lambda: told_to_wait(running), seconds=30)
        assert "schema_migrations" not in fresh.shell(DUMP)
        end()
    running.finish()
    assert now(fresh).version == "v1"


def told_to_wait(running: Running) -> bool:
    return bool(
        re.search(
            NAME + r": \.\.\. waiting up to .* for another migration of this database \(by hand, pid", running.said()
        )
    )


def test_one_that_waits_too_long_fails_and_names_the_other(fresh: Site, play: Playbooks) -> None:
    with migrating(fresh):
        failed = play("deploy", deploy_version="v1", deploy_migrate_timeout="2s", code=2)
    assert "another migration of this database did not end within 2s (by hand, pid" in failed.message
    assert "CREATE TABLE" not in fresh.shell(DUMP)
    assert fresh.unclean() == []


def test_the_lock_is_held_as_long_as_the_migration_runs(fresh: Site, play: Playbooks) -> None:
    """And the command is one that a shell would expand, which nobody here does but the shell that it names."""
    taken = f"SELECT count(*) FROM pg_locks WHERE granted AND objid = {LOCK % 2**32}"
    command = f"""sh -c 'psql -qtA "$DATABASE_URL" -c "{taken}"; exit 1'"""
    failed = play("deploy", deploy_version="v1", deploy_migrate_command=command, code=2)
    assert re.search(r"\| 1$", failed.message, re.M), failed.message


def test_one_that_takes_too_long_is_ended(fresh: Site, play: Playbooks) -> None:
    failed = play("deploy", deploy_version="v1", deploy_migrate_command="sleep 77", deploy_migrate_timeout="1s", code=2)
    assert "the migrations did not end within 1s, and were ended" in failed.message
    assert fresh.shell("pgrep -x sleep || true") == ""
    assert fresh.unclean() == []


def test_without_the_hosts_driver_the_lock_is_taken_with_that_of_the_app(fresh: Site, play: Playbooks) -> None:
    hide = "mv /usr/lib/python3/dist-packages/psycopg2 /run/psycopg2"
    fresh.shell(hide)
    try:
        with migrating(fresh):
            blocked = play("deploy", deploy_version="v1", deploy_migrate_timeout="2s", code=2)
        play("deploy", deploy_version="v1")
    finally:
        fresh.shell("mv /run/psycopg2 /usr/lib/python3/dist-packages/psycopg2")
    assert "another migration of this database did not end within 2s" in blocked.message
    assert now(fresh).version == "v1"


FAULTS = [f"{point}:{side}" for point in ("migration.migrate", "slot.registry") for side in ("before", "after")]


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_at_a_step_the_old_version_serves_and_a_second_run_finishes(
    fresh: Site, play: Playbooks, fault: str
) -> None:
    play("deploy", deploy_version="v1", **TOLD)
    old = now(fresh)
    text = (ROOT / "playbooks" / "deploy.yml").read_text()
    killed = play.scratch / "deploy.yml"
    killed.write_text(
        text.replace("  become: true\n", f"  become: true\n  environment: {{BLYAN_OPS_FAULT: '{fault}'}}\n")
    )
    failed = play.start(str(killed), deploy_version="v3", **TOLD).finish(2)
    assert (now(fresh), fresh.unclean()) == (old, [])
    migrated = fault != "migration.migrate:before"
    assert ("its schema went from 1 to 2, and stays so" in failed.message) == migrated
    assert schemas(play)[-1][2:] == (("1", "2") if migrated else ("", ""))
    play("deploy", deploy_version="v3", **TOLD)
    assert now(fresh).version == "v3"
