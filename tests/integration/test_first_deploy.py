# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first deploy makes of a provisioned host."""

from __future__ import annotations

import re
from functools import partial

import pytest
from playbook import Playbooks, PlayResult
from site_host import Live, Site


@pytest.fixture(scope="module")
def deployed(site: Site, play: Playbooks) -> PlayResult:
    site.reset()
    site.shell("rm -rf /srv/blyan/venvs /srv/blyan/repo; : > /var/log/aiblock.log; : > /var/log/aiblock.error.log")
    assert site.answer(f"{site.front}/health")[0] == 502
    return play("deploy", deploy_version="v1")


@pytest.fixture(scope="module")
def live(site: Site, deployed: PlayResult) -> Live:
    live = site.live()
    assert live is not None
    return live


def test_the_version_answers_on_both_ports(site: Site, live: Live) -> None:
    for url in (f"{site.front}/health", f"{site.direct}/health"):
        status, headers, body = site.answer(url)
        assert (status, body["status"], body["version"]) == (200, "healthy", "1.0.0")
        assert headers["x-blyan-release"] == live.release


def test_current_names_the_release_and_revision_its_commit(site: Site, live: Live) -> None:
    commit = site.shell("git --git-dir=/srv/git/blyan.git -c safe.directory='*' rev-parse 'v1^{commit}'")
    assert live.commit == commit
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}Z-{commit[:7]}", live.release)
    assert site.shell("readlink /srv/blyan/current") == f"/srv/blyan/releases/{live.release}"


def test_the_result_file_names_release_commit_and_version(deployed: PlayResult, live: Live) -> None:
    assert deployed.told["playbook"] == "deploy"
    assert deployed.told["ok"] is True
    told = {name: deployed.host[name] for name in ("ok", "release", "commit", "version", "slot", "previous")}
    assert told == {
        "ok": True,
        "release": live.release,
        "commit": live.commit,
        "version": "v1",
        "slot": live.slot,
        "previous": "",
    }


def test_people_are_told_what_runs_since_when_and_by_whom(deployed: PlayResult, live: Live) -> None:
    assert re.search(rf"serves {live.release} \(v1\) from {live.slot}\n +since \S+Z by \S+@\S+", deployed.output)


def test_the_database_is_migrated(site: Site, live: Live) -> None:
    count = (
        "runuser -u postgres -- psql --quiet --tuples-only --dbname=blyandb --command='SELECT count(*) FROM api_keys'"
    )
    assert site.shell(count) == "0"


def test_the_master_key_made_on_the_host_opens_the_app(site: Site, live: Live) -> None:
    ask = "curl -s -o /dev/null -w '%{http_code}' --header @- http://127.0.0.1/api/keys/list"
    assert site.shell(f'. /etc/blyan/master_key.env; echo "X-API-Key: $API_MASTER_KEY" | {ask}') == "200"
    assert site.shell(f'echo "X-API-Key: another" | {ask}') == "401"


def test_the_unit_is_hardened(site: Site, live: Live) -> None:
    said = site.shell(f"systemd-analyze security --no-pager aiblock@{live.slot}.service | tail -n 1")
    found = re.search(r"Overall exposure level .*: ([0-9.]+)", said)
    assert found, said
    assert float(found.group(1)) <= 2.0


def test_the_hardening_bites(site: Site, live: Live) -> None:
    """systemd skips what the kernel refuses without a word, so the process itself is looked at."""
    namespace = f"nsenter --target {live.pid} --mount"
    assert site.shell(f"{namespace} touch /etc/written /srv/blyan/written 2>&1 || echo refused").endswith("refused")
    assert site.shell(f"touch /tmp/outside; {namespace} ls -A /tmp; rm /tmp/outside") == ""
    assert "NoNewPrivs:\t1" in site.shell(f"cat /proc/{live.pid}/status")


def test_the_app_runs_as_its_own_user_and_may_not_write_its_code(site: Site, live: Live) -> None:
    assert set(site.shell(f"ps -o user= --pid {live.pid} --ppid {live.pid}").split()) == {"blyan"}
    code = "/srv/blyan/current /srv/blyan/venvs/[0-9a-f]*"
    assert site.shell(rf"find -L {code} \( -user blyan -o -perm /o+w \) ! -type l") == ""


def test_environment_files_are_for_root_alone(site: Site, live: Live) -> None:
    files = f"/etc/blyan/site.env /etc/blyan/master_key.env /etc/blyan/slots/{live.slot}.env"
    assert site.shell(f"stat --format='%a %U:%G' {files}").splitlines() == ["600 root:root"] * 3
    assert site.shell("runuser -u blyan -- cat /etc/blyan/site.env 2>&1 || echo refused").endswith("refused")


def test_units_carry_no_secret(site: Site, live: Live) -> None:
    shown = site.shell("systemctl show 'aiblock*'; systemctl cat 'aiblock@*' aiblock; cat /etc/systemd/system/aiblock*")
    for secret in site.secrets():
        assert secret not in shown
    assert "Environment=PYTHONUNBUFFERED=1" in shown


def test_log_files_and_journal_have_the_lines_of_the_app(site: Site, live: Live) -> None:
    site.answer(f"{site.front}/no-such-page")
    journal = "journalctl --no-pager --unit='aiblock*'"
    for log, line in (
        ("cat /var/log/aiblock.log", '"GET /no-such-page HTTP/1.1" 404'),
        ("cat /var/log/aiblock.error.log", "Uvicorn running on unix socket"),
    ):
        site.wait_for(f"{line} in {log}", partial(has_line, site, log, line), 5)
        site.wait_for(f"{line} in {journal}", partial(has_line, site, journal, line), 5)


def has_line(site: Site, command: str, line: str) -> bool:
    return line in site.shell(command)


def test_status_of_aiblock_names_slot_release_and_version(site: Site, live: Live) -> None:
    status = site.shell("systemctl status --no-pager aiblock")
    assert "Active: active (running)" in status
    assert f'Status: "{live.slot} serves {live.release} (v1)"' in status


def test_status_of_aiblock_says_when_the_app_is_not_healthy(site: Site, live: Live) -> None:
    def status() -> str:
        return site.shell("systemctl show --value --property=StatusText aiblock")

    site.shell("systemctl stop postgresql")
    try:
        site.wait_for("NOT healthy", lambda: "NOT healthy: HTTP 200 with status unhealthy" in status())
    finally:
        site.shell("systemctl start postgresql")
    site.wait_for("healthy again", lambda: status() == f"{live.slot} serves {live.release} (v1)")
