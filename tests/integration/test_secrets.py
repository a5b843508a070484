# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are nowhere but in files of root's, whatever is asked to be shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Serving
from playbook import Playbooks, PlayResult
from site_host import Live, Site, Watch
from testhosts.engine import podman_argv

CANARY = "canary-$x\"7'-Gesang"
DECOY = "canary-in-a-command-line"
WATCH = (Path(__file__).parent / "process_watch.py").read_text()
SECRETS = {"PAYMENT_TOKEN": CANARY}


class Deployed:
    """A deploy with a secret, its check before, and what was seen while they ran."""

    def __init__(self, site: Site, play: Playbooks) -> None:
        self.hidden = [CANARY, *site.secrets()]
        texts = [*self.hidden, DECOY]
        on_host = podman_argv("exec", "--interactive", site.host.container, "python3", "-c", WATCH)
        with Watch(on_host, texts) as host, Watch([sys.executable, "-c", WATCH], texts) as controller:
            site.shell(f"sleep 0.2; : {DECOY}")
            self.check = play("deploy", "-vvvv", "--check", "--diff", deploy_version="v2", deploy_secrets=SECRETS)
            self.run = play("deploy", "-vvvv", "--diff", deploy_version="v2", deploy_secrets=SECRETS)
        self.host_processes, self.controller_processes = host.found, controller.found


@pytest.fixture(scope="module")
def deployed(site: Site, play: Playbooks) -> Iterator[Deployed]:
    play("deploy", deploy_version="v1")
    yield Deployed(site, play)
    # Later tests deploy without the secret.
    play("deploy", deploy_version="v2")


@pytest.fixture
def live(site: Site, deployed: Deployed) -> Live:
    live = site.live()
    assert live is not None
    return live


def shown(result: PlayResult) -> str:
    """All that people and machines are told; a secret may stand there with its quotes escaped."""
    return (result.output + json.dumps(result.told)).replace("\\", "")


def test_the_app_has_the_secret_as_it_is(site: Site, live: Live) -> None:
    environment = site.shell(f"cat /proc/{live.pid}/environ").split("\0")
    assert f"PAYMENT_TOKEN={CANARY}" in environment


def test_no_output_shows_one(deployed: Deployed) -> None:
    for result in (deployed.check, deployed.run):
        for secret in deployed.hidden:
            assert secret not in shown(result)
        assert "PAYMENT_TOKEN" in result.output, "a diff names what changes"


def test_no_command_line_carries_one(deployed: Deployed) -> None:
    assert deployed.host_processes == [DECOY]
    assert deployed.controller_processes == [DECOY], "podman's own carries the decoy here"


def test_files_that_hold_one_are_readable_by_root_alone(site: Site, deployed: Deployed, live: Live) -> None:
    """All of the disk is searched: journals, logs, what Ansible and pip leave."""
    expected = {
        CANARY: {f"/etc/blyan/slots/{live.slot}.env"},
        deployed.hidden[1]: {"/etc/blyan/master_key.env"},
        deployed.hidden[2]: {"/etc/blyan/database_password", "/etc/blyan/site.env"},
    }
    for secret, files in expected.items():
        # In an environment file the quotes are escaped: its longest plain part is what is looked for.
        plain = max(secret.replace('"', "$").split("$"), key=len)
        found = site.shell(
            "grep --recursive --files-with-matches --fixed-strings --file=- --exclude-dir=proc --exclude-dir=sys"
            " --devices=skip / || true",
            stdin=plain + "\n",
        )
        assert set(found.splitlines()) == files
        modes = site.shell(f"stat --format='%a %U' {' '.join(files)}").splitlines()
        assert set(modes) == {"600 root"}


def test_systemd_shows_none(site: Site, deployed: Deployed, live: Live) -> None:
    journal = "journalctl --no-pager --all --output=export | tr --complement --delete '[:print:]\\n'"
    everything = site.shell(f"systemctl show '*'; systemctl show-environment; {journal}")
    assert f"aiblock@{live.slot}.service" in everything
    for secret in deployed.hidden:
        assert secret not in everything


def test_the_same_secret_again_changes_nothing(play: Playbooks, deployed: Deployed) -> None:
    assert play("deploy", deploy_version="v2", deploy_secrets=SECRETS).changed == 0


def test_log_lines_in_an_error_have_it_blotted_out(site: Site, play: Playbooks, serving: Serving) -> None:
    secret = {"PHRASE": "this version cannot start"}
    refused = play("deploy", deploy_version="broken-import", deploy_secrets=secret, code=2)
    assert "RuntimeError: ***" in refused.message
    assert secret["PHRASE"] not in shown(refused)
    record = json.dumps(play("releases").host["releases"][-1])
    assert secret["PHRASE"] not in record
