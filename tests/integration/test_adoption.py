# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first deploy to a host as the runbook leaves it, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import testhosts
from by_hand_host import NAME, PASSWORD, RESTART, SITE_FILE, UNIT, ByHandHost, Seen, up
from conftest import SITE_VARIABLES
from playbook import Playbooks, PlayResult
from site_host import lost
from testhosts.engine import ROOT

KEY = "made-by-hand-0123456789"


@pytest.fixture
def by_hand(by_hand_image: str) -> Iterator[ByHandHost]:
    """Such a host, which nothing of this collection has touched."""
    testhosts.down(NAME)
    (host,) = testhosts.up(NAME, image=by_hand_image)
    yield up(host)
    testhosts.down(NAME)


@pytest.fixture
def runs(by_hand: ByHandHost, tmp_path: Path) -> Playbooks:
    """Runs playbooks against it; it was never provisioned."""
    groups = {"blyan_api": (NAME,)}
    return Playbooks(testhosts.write_inventory(tmp_path / "inventory.json", groups, SITE_VARIABLES), tmp_path)


def require_nothing_lost(seen: Seen) -> None:
    """Nothing under /api/ failed, no stream was cut, and every file was served."""
    assert lost(seen.api) == {}
    assert seen.api.streams_ended > 0
    assert lost(seen.files) == {}
    kinds = set(seen.port.failures)
    assert kinds <= {"connection"}


def test_taken_over_and_put_back(by_hand: ByHandHost, runs: Playbooks) -> None:
    made = by_hand.made()
    with by_hand.watched() as watched:
        first = runs("deploy", deploy_version="v2")
        by_hand.settled()
    (seen,) = watched
    require_nothing_lost(seen)
    assert seen.gap < 1.0, "port 8000 is between the old app's end and nginx's listen"
    live = by_hand.live()
    assert live is not None
    assert seen.api.releases == seen.port.releases == ["", live.release]
    assert by_hand.answering() == {live.release}
    assert first.host["version"] == "v2"
    look_at_what_was_taken_over(by_hand, first, live.pid)
    look_at_secrets(by_hand, first)

    again = runs("deploy", "--diff", deploy_version="v2")
    assert (again.changed, again.diffs) == (0, [])
    next_one = runs("deploy", deploy_version="v1")
    assert next_one.host["previous"] == live.release
    by_hand.settled()
    by_hand.host.reboot()
    by_hand.wait_for("answers after a boot", partial(answers, by_hand, next_one.host["release"]))

    with by_hand.watched() as watched:
        back = runs("deploy", deploy_adopt="undo")
        by_hand.settled()
    (seen,) = watched
    require_nothing_lost(seen)
    assert seen.api.releases == [next_one.host["release"], ""]
    assert by_hand.made() == made
    assert by_hand.answering() == {""}
    assert "the app of /root/blyan serves again" in back.output
    states = by_hand.shell("systemctl is-active aiblock aiblock@blue aiblock@green || true")
    assert states.split() == ["active", "inactive", "inactive"]
    assert by_hand.shell("readlink /proc/$(systemctl show --value --property=MainPID aiblock)/cwd") == "/root/blyan"
    assert runs("deploy", deploy_adopt="undo").changed == 0
    by_hand.host.reboot()
    by_hand.await_app()


def answers(by_hand: ByHandHost, release: str) -> bool:
    return by_hand.answering() == {release}


def look_at_what_was_taken_over(by_hand: ByHandHost, first: PlayResult, pid: int) -> None:
    """Environment, key, static files and unit; and that nothing else of nginx changed."""
    environment = by_hand.shell(f"tr '\\0' '\\n' < /proc/{pid}/environ").splitlines()
    for line in (
        f"DATABASE_URL=postgresql://blyan:{PASSWORD}@localhost/blyandb",
        "REDIS_URL=redis://localhost:6379",
        "ENABLE_STREAMING=true",
        "BLYAN_COLOUR=teal green",
        "BLYAN_MOTTO=five $ a day",
        'PRICE=$5 "net"',
        f"API_MASTER_KEY={KEY}",
    ):
        assert line in environment
    assert not any(line.startswith(("PYTHONPATH=", "VIRTUAL_ENV=")) for line in environment)
    ask = "curl -s -o /dev/null -w '%{http_code}' --header @- http://127.0.0.1/api/keys/list"
    assert by_hand.shell(f"echo 'X-API-Key: {KEY}' | {ask}") == "200"
    before = (Path(__file__).parent / "by_hand" / "site.conf").read_text()
    after = by_hand.shell(f"cat {SITE_FILE}")
    assert (
        after
        == before.replace(
            "proxy_pass   http://localhost:8000/;", "proxy_pass   http://unix:/srv/blyan/live.sock:/;"
        ).strip()
    )
    assert by_hand.shell("readlink /etc/nginx/sites-enabled/blyan") == "../sites-available/blyan"
    assert by_hand.shell("readlink -f /root/blyan/frontend").endswith(
        "/releases/" + first.host["release"] + "/frontend"
    )
    assert by_hand.shell("pgrep -f '[a]pi/server.py' || true") == ""
    assert by_hand.shell("systemctl is-active aiblock") == "active"
    assert "serves" in by_hand.shell("systemctl show --value --property=StatusText aiblock")
    assert by_hand.shell("systemctl --failed --plain --no-legend") == ""
    assert (
        by_hand.shell("ls /var/lib/blyan-ops/steps /var/lib/blyan-ops/lock.json 2>/dev/null || true")
        == "/var/lib/blyan-ops/steps:"
    )


def look_at_secrets(by_hand: ByHandHost, first: PlayResult) -> None:
    """They are where they belong, and nowhere else."""
    places = "/etc /srv/blyan /var/lib/blyan-ops /var/log /usr/local /run/blyan-ops /tmp"
    holds = set(by_hand.shell(f"grep -rlE '{KEY}|{PASSWORD}' {places} 2>/dev/null || true").splitlines())
    kept = {each for each in holds if each.startswith("/var/lib/blyan-ops/adoption/")}
    assert holds - kept <= {"/etc/aiblock.env", "/etc/blyan/site.env", "/etc/blyan/master_key.env"}
    modes = by_hand.shell(f"stat --format='%a %U' /var/lib/blyan-ops/adoption {' '.join(kept)} /etc/blyan/*.env")
    assert set(modes.splitlines()) == {"700 root", "600 root"}
    journal = by_hand.shell(
        "journalctl --no-pager --boot; systemctl show 'aiblock*'; systemctl cat aiblock 'aiblock@*'"
    )
    for secret in (KEY, PASSWORD):
        assert secret not in first.output + json.dumps(first.told)
        # What systemd itself was told by hand is its own; nothing new of it is said.
        assert secret not in journal


def test_one_file_of_nginx_and_no_master_key(by_hand: ByHandHost, runs: Playbooks) -> None:
    """As the figures of the runbook's own commands are taken: nginx reads no folder, so that another has port 8000."""
    conf = (ROOT / "benchmarks" / "baselines" / "nginx.conf").read_text()
    by_hand.shell("cat > /etc/nginx/nginx.conf", stdin=conf)
    python = "PYTHONPATH=/root/blyan:/root/blyan/venv/lib/python3.11/site-packages"
    by_hand.shell(
        f"rm -r {UNIT}.d /root/blyan/.env; sed -i -e 's|venv/bin/python /root|usr/bin/python3 /root|'"
        f" -e 's|ExecStart=/root/blyan/usr|ExecStart=/usr|' -e 's|PYTHONPATH=/root/blyan|{python}|' {UNIT};"
        f" {RESTART}; systemctl restart nginx"
    )
    by_hand.await_app()
    made = by_hand.made()
    for _again in range(2):
        with by_hand.watched() as watched:
            result = runs("deploy", deploy_version="v1")
            by_hand.settled()
        (seen,) = watched
        assert (lost(seen.api), set(seen.port.failures) <= {"connection"}) == ({}, True)
        assert seen.gap < 1.0
        assert by_hand.answering() == {result.host["release"]}
        assert (
            by_hand.shell("cat /etc/nginx/nginx.conf")
            == conf.replace("http://localhost:8000/", "http://unix:/srv/blyan/live.sock:/").strip()
        )
        by_hand.host.reboot()
        by_hand.wait_for("answers after a boot", partial(answers, by_hand, result.host["release"]))
        assert runs("deploy", deploy_version="v1").changed == 0
        with by_hand.watched() as watched:
            runs("deploy", deploy_adopt="undo")
            by_hand.settled()
        assert lost(watched[0].api) == {}
        assert by_hand.made() == made
        assert by_hand.answering() == {""}


def test_check_announces_what_the_run_does_and_writes_nothing(by_hand: ByHandHost, runs: Playbooks) -> None:
    # Signing in leaves something behind; the runs that follow use the same connection.
    assert "was deployed by hand, so that no release serves there" in runs("releases", code=2).message
    found = by_hand.files()
    check = runs("deploy", "--check", "--diff", deploy_version="v1")
    assert by_hand.files() ^ found == set()
    for secret in (KEY, PASSWORD):
        assert secret not in check.output
    real = runs("deploy", "--diff", deploy_version="v1")
    assert check.changed == real.changed > 0
    assert check.diffs == real.diffs
    by_hand.settled()
    # Weeks later, somebody has been at the site.
    by_hand.shell(f"sed -i 's|burst=200|burst=300|' {SITE_FILE}; nginx -s reload")
    found = by_hand.files()
    check = runs("deploy", "--check", "--diff", deploy_adopt="undo")
    assert by_hand.files() ^ found == set()
    real = runs("deploy", "--diff", deploy_adopt="undo")
    assert check.diffs == real.diffs
    before = (Path(__file__).parent / "by_hand" / "site.conf").read_text()
    assert by_hand.shell(f"cat {SITE_FILE}") == before.replace("burst=200", "burst=300").strip()


@pytest.mark.parametrize(
    ("point", "committed"),
    [
        # Every step is cut short in the unit tests; here, one on each side of the commit, with load on a real host.
        ("adoption.nginx:after", False),
        ("adoption.retire:before", True),
    ],
)
def test_killed_and_run_again(
    by_hand: ByHandHost, runs: Playbooks, tmp_path: Path, point: str, committed: bool
) -> None:
    made = by_hand.made()
    text = (ROOT / "playbooks" / "deploy.yml").read_text()
    faulty = tmp_path / "faulty.yml"
    faulty.write_text(
        text.replace("  become: true\n", f"  become: true\n  environment: {{BLYAN_OPS_FAULT: '{point}'}}\n")
    )
    with by_hand.watched() as watched:
        runs.start(str(faulty), deploy_version="v2").finish(2)
        live = by_hand.live()
        assert (live is not None) == committed
        if not committed:
            assert by_hand.made() == made
        # As if the lease of the lock had run out, for which nobody wants to wait here.
        by_hand.shell("rm -f /var/lib/blyan-ops/lock.json")
        runs("deploy", deploy_version="v2")
        by_hand.settled()
    (seen,) = watched
    require_nothing_lost(seen)
    live = by_hand.live()
    assert live is not None
    assert by_hand.answering() == {live.release}
    assert by_hand.shell("pgrep -f '[a]pi/server.py' || true") == ""
    runs("deploy", deploy_adopt="undo")
    assert by_hand.made() == made


def test_a_version_that_is_not_healthy_leaves_the_old_app_alone(by_hand: ByHandHost, runs: Playbooks) -> None:
    made = by_hand.made()
    pid = by_hand.shell("systemctl show --value --property=MainPID aiblock")
    with by_hand.watched() as watched:
        result = runs("deploy", deploy_version="broken-unhealthy", deploy_health_timeout="3s", code=2)
    (seen,) = watched
    require_nothing_lost(seen)
    assert seen.port.failed == 0
    assert "was not healthy within 3s" in result.message
    assert by_hand.made() == made
    assert by_hand.shell("systemctl show --value --property=MainPID aiblock") == pid
