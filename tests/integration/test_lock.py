# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time changes a host: a second one is refused, waits, or takes over; a dead one strands nobody."""

from __future__ import annotations

import json
from typing import Any

from conftest import Serving
from playbook import Playbooks, Running
from site_host import Site, lost

LOCK = "cat /var/lib/blyan-ops/lock.json 2>/dev/null || true"


def begun(site: Site, play: Playbooks, seconds: int) -> tuple[Running, dict[str, Any]]:
    """A deploy of v2, which takes so long to start; it holds the lock, as the second value tells."""
    first = play.start(
        "playbooks/deploy.yml", deploy_version="v2", deploy_environment={"BLYAN_START_DELAY": str(seconds)}
    )
    starting = "ls /var/lib/blyan-ops/steps/slot.json 2>/dev/null || true"
    site.wait_for("the first deploy starts its release", lambda: site.shell(starting) != "")
    return first, json.loads(site.shell(LOCK))


def serves(site: Site, version: str) -> None:
    live = site.live()
    assert live is not None
    assert (live.version, site.answering()) == (version, {live.release})
    assert site.unclean() == []


def test_a_second_deploy_is_refused_by_the_name_of_the_first_which_goes_on(
    site: Site, play: Playbooks, serving: Serving
) -> None:
    serving("v1")
    first, holder = begun(site, play, 6)
    second = play("deploy", deploy_version="v1", code=2)
    assert f"is held: {holder['what']} by {holder['who']} since {holder['since']}, for " in second.message
    assert "Next: wait for it to end" in second.message
    first.finish()
    serves(site, "v2")


def test_a_second_deploy_waits_when_told_to(site: Site, play: Playbooks, serving: Serving) -> None:
    serving("v1")
    first, holder = begun(site, play, 6)
    second = play("deploy", deploy_version="v3", deploy_lock_wait="60s")
    assert f"is held: {holder['what']} by {holder['who']}" in second.output, "no word of what it waits for"
    first.finish()
    serves(site, "v3")


def test_a_broken_lock_stops_the_one_and_lets_the_other_go_on(site: Site, play: Playbooks, serving: Serving) -> None:
    serving("v1")
    with site.load() as load:
        first, holder = begun(site, play, 40)
        play("deploy", deploy_version="v3", deploy_lock="break")
        assert "this run lost the lock of this host" in first.finish(2).message
    assert lost(load.result) == {}
    live = site.live()
    assert live is not None
    assert (live.version, site.answering()) == ("v3", {live.release})
    # The one that was stopped took nothing back: the next deploy does.
    play("deploy", deploy_version="v1")
    serves(site, "v1")
    broken = [
        change
        for line in site.shell("cat /var/lib/blyan-ops/journal.jsonl").splitlines()
        for change in json.loads(line)["changes"]
        if change["step"] == "lock"
    ]
    assert [change["before"]["holder"] for change in broken] == [
        f"{holder['what']} by {holder['who']} since {holder['since']}"
    ]


def test_the_lock_of_a_killed_run_falls_within_its_lease(site: Site, play: Playbooks, serving: Serving) -> None:
    serving("v1")
    first, _holder = begun(site, play, 300)
    # A module comes over standard input, so that its command line has nothing more.
    site.shell("pkill --signal KILL --full '^/usr/bin/python3$'")
    first.process.kill()
    first.process.wait()
    second = play("deploy", "-v", deploy_version="v3", deploy_lock_wait="70s")
    assert "took back the slot that an earlier run left at step healthy" in second.output
    serves(site, "v3")


def test_pip_of_a_killed_run_ends_before_the_next_run_builds(
    site: Site, play: Playbooks, serving: Serving, fresh: Site
) -> None:
    # pip opens the pipe, and waits for whoever would write into it.
    limits = site.shell("name=$(mktemp --dry-run /tmp/limits.XXXXXX) && mkfifo -m 644 $name && echo $name")
    given: dict[str, Any] = {"deploy_pip_extra_args": f"--no-index --find-links /srv/wheelhouse --constraint {limits}"}
    first = play.start("playbooks/deploy.yml", deploy_version="v1", **given)
    pip = "systemctl list-units --plain --no-legend 'aiblock-venv-*' | cut -d' ' -f1"
    hangs = f"pgrep --full '^/srv/blyan/venvs/.*pip install' >/dev/null && {pip} || true"
    site.wait_for("pip hangs", lambda: site.shell(hangs) != "", 60)
    unit = site.shell(pip)
    pid = site.shell(f"systemctl show --value --property=MainPID {unit}")
    site.shell("pkill --signal KILL --full '^/usr/bin/python3$'")
    first.process.kill()
    first.process.wait()
    assert site.shell(pip) == unit
    site.shell(f"rm {limits} && install -m 644 /dev/null {limits}")
    second = play("deploy", "-v", deploy_version="v1", deploy_lock="break", **given)
    assert "took back the release that an earlier run left at step venv" in second.output
    assert site.shell(f"kill -0 {pid} 2>&1 || true").endswith("No such process")
    serves(site, "v1")
    site.shell(f"rm {limits}")
