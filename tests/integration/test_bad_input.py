# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input is refused before anything changes, by an error with the value, the reason and the next step."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from conftest import Serving
from playbook import Playbooks
from site_host import Site
from testhosts.engine import ROOT

DEPLOYS: list[tuple[str, Any, str]] = [
    ("deploy_health_timeout", "abc", "deploy_health_timeout is 'abc'"),
    ("deploy_drain_timeout", "-5s", "deploy_drain_timeout is '-5s'"),
    ("deploy_migrate_timeout", "soon", "deploy_migrate_timeout is 'soon'"),
    ("deploy_version", "v2; touch /run/pwned", "deploy_version is 'v2; touch /run/pwned'"),
    ("deploy_version", "--upload-pack=touch /run/pwned", "deploy_version is '--upload-pack=touch /run/pwned'"),
    ("deploy_repo", "--upload-pack=touch /run/pwned", "deploy_repo is '--upload-pack=touch /run/pwned'"),
    ("deploy_repo", "ext::sh -c 'touch /run/pwned'", "the repository ext::sh -c 'touch /run/pwned' cannot be reached"),
    ("deploy_keep_releases", 0, "deploy_keep_releases is 0"),
    ("deploy_root", "/srv/nowhere", "/srv/nowhere is not on this host"),
    ("deploy_user", "nobody-here", "there is no user 'nobody-here'"),
    ("deploy_python", "/usr/bin/python9", "/usr/bin/python9"),
    ("deploy_environment", {"A B": "c"}, "'A B' in deploy_environment"),
    ("deploy_pip_extra_args", "--index-url 'https://", "deploy_pip_extra_args is"),
    ("deploy_migrate_command", "python 'migrate.py", "deploy_migrate_command is"),
    ("deploy_min_free_mb", 1_000_000_000, "a release needs 1000000000 MB"),
    ("blyan_front_url", "http://127.0.0.1:9/api", "nothing answers at http://127.0.0.1:9/api/health"),
]


@pytest.mark.parametrize(("name", "value", "says"), DEPLOYS, ids=[f"{name}={value}" for name, value, _says in DEPLOYS])
def test_a_deploy_with_it_is_refused_and_changes_nothing(
    site: Site, play: Playbooks, serving: Serving, name: str, value: Any, says: str
) -> None:
    live = serving("v1")
    before = site.files()
    refused = play("deploy", code=2, **{"deploy_version": "v2", name: value})
    assert says in refused.message
    assert "Next: " in refused.message
    assert changed(site.files() ^ before) == set()
    assert site.live() == live


@pytest.mark.parametrize(("name", "value"), [("deploy_keep_releases", "many"), ("deploy_secrets", "pass-the-canary")])
def test_a_value_of_another_type_is_refused_by_name(
    site: Site, play: Playbooks, serving: Serving, name: str, value: str
) -> None:
    live = serving("v1")
    refused = play("deploy", deploy_version="v2", code=2, **{name: value})
    assert f"argument '{name}' is of type" in refused.message
    assert "pass-the-canary" not in refused.output
    assert site.live() == live


def changed(lines: set[str]) -> set[str]:
    """Less the state directory, which tells of the failed try, and the half-made release that came and went."""
    own = ("/var/lib/blyan-ops", "/run/blyan-ops", "/srv/blyan/")
    return {line for line in lines if not line.startswith(own)}


def test_an_empty_answer_to_a_question_of_a_survey_means_unset(site: Site, play: Playbooks, serving: Serving) -> None:
    """It deploys the default version, which it could not with an empty timeout, root or user."""
    serving("v1")
    site_variables = ("deploy_repo", "deploy_pip_extra_args")
    specs = yaml.safe_load((ROOT / "roles/deploy/meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    texts = [name for name, spec in specs["options"].items() if spec["type"] in ("str", "path")]
    unset: dict[str, Any] = {name: "" for name in texts if name not in site_variables}
    play("deploy", **unset)
    live = site.live()
    assert live is not None
    assert site.answering() == {live.release}
    assert site.answer(f"{site.front}/health")[2]["version"] == "2.0.0"


def test_a_password_in_the_repository_is_refused_and_not_repeated(play: Playbooks) -> None:
    refused = play("deploy", deploy_repo="https://pass-the-canary@127.0.0.1:1/blyan.git", code=2)
    assert "deploy_repo carries a password or token" in refused.message
    assert "pass-the-canary" not in refused.output + json.dumps(refused.told)


def test_a_password_for_pip_is_refused_and_not_repeated(play: Playbooks, serving: Serving) -> None:
    serving("v1")
    refused = play(
        "deploy",
        deploy_version="v2",
        deploy_pip_extra_args="--index-url https://me:pass-the-canary@127.0.0.1:1/simple",
        code=2,
    )
    assert "deploy_pip_extra_args carries a password" in refused.message
    assert "pass-the-canary" not in refused.output + json.dumps(refused.told)


def test_a_host_that_cannot_be_reached_fails_with_2_and_is_in_the_result_file(play: Playbooks) -> None:
    away = Playbooks(play.scratch / "away.json", play.scratch / "away")
    away.scratch.mkdir()
    away.inventory.write_text(
        json.dumps({"blyan_api": {"hosts": {"away": {"ansible_host": "127.0.0.1", "ansible_port": 1}}}})
    )
    refused = away("deploy", deploy_repo="/srv/git/blyan.git", code=2)
    assert "away cannot be reached" in refused.message
    assert "Next: see that `ssh` to it works" in refused.message
