# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at every step that the operations declare: the old or the new version serves, and the next run goes on.

The cases are made from the declarations, so that a new step is tested without anyone adding it. A run that a case kills
also has to get past what the case before it left.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.build import Build
from ansible_collections.blyan.ops.plugins.module_utils.migration import Migrate
from ansible_collections.blyan.ops.plugins.module_utils.start import StartSlot
from ansible_collections.blyan.ops.plugins.module_utils.steps import Operation
from ansible_collections.blyan.ops.plugins.module_utils.traffic import Switch
from conftest import SITE_VARIABLES, Serving
from playbook import SECONDS, Playbooks
from site_host import Site, lost

#: A module comes over standard input, so that its command line has nothing more.
MODULE = "^/usr/bin/python3$"
STOPPED = f"for pid in $(pgrep --full '{MODULE}'); do grep -q '^State:.T' /proc/$pid/status && echo $pid; done; true"


def points(*operations: type[Operation], without: Sequence[str] = ()) -> list[str]:
    """Where runs are killed: after each step, which is before the next one."""
    found = [f"{operation.name}.{step}" for operation in operations for step in operation.steps]
    return [point for point in found if point not in without]


DEPLOY = points(Build, Migrate, StartSlot, Switch)
#: A release on disk with the environment and the units of the one that serves: what makes those is not part of it.
MADE = ("slot.master_key", "slot.environment", "slot.agent", "slot.files")
ROLLBACK = points(StartSlot, Switch, without=MADE)
RESTART = points(StartSlot, Switch, without=(*MADE, "traffic.current", "traffic.record"))

#: What gives a deploy the step that it otherwise does not need: a command on the host, and variables.
GIVES: dict[str, tuple[str, dict[str, Any]]] = {
    "release.venv": ("true", {"deploy_pip_extra_args": SITE_VARIABLES["deploy_pip_extra_args"] + " --no-color"}),
    "slot.master_key": ("rm /etc/blyan/master_key.env", {}),
    "slot.agent": ("echo >> /usr/local/lib/blyan-ops/agent.pyz", {}),
}


@pytest.fixture(autouse=True)
def _nobody_is_left(site: Site) -> Iterator[None]:
    """Whatever became of a test, the next one finds neither a stopped module nor a lock."""
    yield
    site.shell(f"pkill --signal KILL --full '{MODULE}'; rm -f /var/lib/blyan-ops/lock.json")


def faulty(site: Site, fault: str) -> str:
    """A Python on the host whose modules meet a fault."""
    python = "/root/faulty-python"
    script = f'#!/bin/sh\nBLYAN_OPS_FAULT={fault} exec /usr/bin/python3 "$@"\n'
    site.shell(f"printf '%s' '{script}' > {python} && chmod 755 {python}")
    return python


def killed_module(site: Site, play: Playbooks, playbook: str, point: str, variables: dict[str, Any]) -> None:
    """The module dies, and the controller sees it."""
    run = play.start(
        f"playbooks/{playbook}.yml", ansible_python_interpreter=faulty(site, f"{point}:after"), **variables
    )
    assert run.process.wait(SECONDS) == 2, f"{point} never came"
    assert "rc: 137" in run.finish(2).output


def killed_controller(site: Site, play: Playbooks, playbook: str, point: str, variables: dict[str, Any]) -> None:
    """The controller dies with all its processes while the module is at that step; the module goes on to its end."""
    python = faulty(site, f"{point}:after:stop")
    run = play.start(f"playbooks/{playbook}.yml", ansible_python_interpreter=python, **variables)
    site.wait_for(f"{point}", lambda: run.process.poll() is not None or site.shell(STOPPED) != "", 60)
    assert run.process.poll() is None, f"{point} never came"
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    # A step may come several times, and stops it each time.
    go_on = f"pkill --signal CONT --full '{MODULE}'; pgrep --full '{MODULE}' || true"
    site.wait_for("the module has ended", lambda: site.shell(go_on) == "", 60)


KILLS: list[Callable[..., None]] = [killed_module, killed_controller]
ways = pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.__name__)


def one_release_answers(site: Site) -> None:
    answering = site.answering()
    assert len(answering) == 1
    assert not answering.pop().startswith(("4", "5"))


@ways
def test_deploy(site: Site, play: Playbooks, kill: Callable[..., None]) -> None:
    """Each run has another environment and other units and keeps few releases: every step has something to do."""
    versions = cycle(["v1", "v2", "v3"])
    common: dict[str, Any] = {"deploy_lock": "break", "deploy_keep_releases": 2}
    for version in ("v1", "v2", "v3"):
        play("deploy", deploy_version=version, **common)
    with site.load() as load:
        for number, point in enumerate(DEPLOY):
            if point == "slot.keep":
                play("restart", deploy_keep_warm="10m", deploy_lock="break")
            command, variables = GIVES.get(point, ("true", {}))
            site.shell(command)
            live = site.live()
            assert live is not None
            own = {
                "deploy_environment": {"NUMBER": str(number)},
                "deploy_drain_timeout": f"{30 + number}s",
                "deploy_version": next(version for version in versions if version != live.version),
                **variables,
            }
            kill(site, play, "deploy", point, {**common, **own})
            one_release_answers(site)
        play("deploy", deploy_version=next(versions), **common)
    assert lost(load.result) == {}
    live = site.live()
    assert live is not None
    site.drained("green" if live.slot == "blue" else "blue")
    assert site.unclean() == []


@ways
@pytest.mark.parametrize(("playbook", "points"), [("rollback", ROLLBACK), ("restart", RESTART)])
def test_going_back_and_starting_anew(
    site: Site, play: Playbooks, serving: Serving, kill: Callable[..., None], playbook: str, points: list[str]
) -> None:
    serving("v1")
    serving("v2")
    targets = cycle(["v1", "v2"])
    with site.load() as load:
        for point in points:
            if point == "slot.keep":
                play("restart", deploy_keep_warm="10m", deploy_lock="break")
            live = site.live()
            assert live is not None
            back = next(version for version in targets if version != live.version)
            # What the case before left in the idle slot would be what is wanted there.
            site.shell(f"rm -f /srv/blyan/slots/{'green' if live.slot == 'blue' else 'blue'}")
            kill(site, play, playbook, point, {"deploy_lock": "break", "deploy_rollback_to": back})
            one_release_answers(site)
        play(playbook, deploy_lock="break", deploy_rollback_to=back)
    assert lost(load.result) == {}
    live = site.live()
    assert live is not None
    site.drained("green" if live.slot == "blue" else "blue")
    assert site.unclean() == []
