# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import getpass
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from ansible_collections.blyan.ops.plugins.module_utils import envfile, prepare
from ansible_collections.blyan.ops.plugins.module_utils import layout as site
from ansible_collections.blyan.ops.plugins.module_utils.steps import Engine
from host import Host

ROOT = Path(__file__).resolve().parents[3]
VALUES = {"DATABASE_URL": "postgresql://blyan:hunter2@h/d", "PRICE": '$5 "net"', "API_MASTER_KEY": "key-of-the-unit"}
FOLDERS = prepare.folders("/srv/blyan", "blyan")
BARE = prepare.Found(False, [], None, None)
TEXT = prepare.site_environment(VALUES, None)
DONE = prepare.Found(True, [each.path for each in FOLDERS], TEXT, "API_MASTER_KEY=key-of-the-unit\n")


def steps(values: dict[str, str], found: prepare.Found) -> list[str]:
    return [change.step for change in prepare.plan("blyan", FOLDERS, values, found)]


@pytest.mark.parametrize(
    ("values", "found", "planned"),
    [
        (VALUES, BARE, ["user", *["folders"] * 4, "environment", "master_key"]),
        (VALUES, DONE, []),
        ({}, DONE, []),
        ({}, BARE, ["user", *["folders"] * 4]),
        (VALUES, replace(DONE, user=False), ["user"]),
        (VALUES, replace(DONE, master_key="API_MASTER_KEY=another\n"), ["master_key"]),
        (VALUES, replace(DONE, environment=TEXT.replace("hunter2", "x")), ["environment"]),
        (VALUES, replace(DONE, environment=f'MORE="of provision"\n{TEXT}'), []),
        (
            VALUES,
            replace(DONE, environment=envfile.render(envfile.parse(TEXT)).replace('"postgres', "postgres")[:-1]),
            ["environment"],
        ),
    ],
)
def test_plan(values: dict[str, str], found: prepare.Found, planned: list[str]) -> None:
    assert steps(values, found) == planned


def test_no_value_is_told() -> None:
    told = json.dumps([asdict(change) for change in prepare.plan("blyan", FOLDERS, VALUES, BARE)])
    assert "DATABASE_URL" in told
    assert "hunter2" not in told
    assert "key-of-the-unit" not in told


def test_folders_are_those_that_provision_makes() -> None:
    layout = yaml.safe_load((ROOT / "roles/provision/vars/main.yml").read_text())["__provision_layout"]
    made = {}
    for entry in [*layout["all"], *layout["blyan_api"]]:
        path = entry["path"].replace("{{ provision_root }}", "/srv/blyan")
        owner = entry.get("owner", "root").replace("{{ provision_user }}", "blyan")
        made[path] = (int(entry.get("mode", "0755"), 8), owner)
    for folder in FOLDERS:
        assert made[folder.path] == (folder.mode, folder.owner)


def test_it_is_made(host: Host, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    user, root = getpass.getuser(), str(host.root / "blyan")
    # Nobody but root can give a folder away.
    wanted = [replace(each, owner=user) for each in prepare.folders(root, user)]
    monkeypatch.setattr(prepare, "folders", lambda _root, _user: wanted)
    operation = prepare.Prepare(user, root, VALUES)
    engine.run(operation, prepare.plan(user, wanted, VALUES, prepare.find(wanted, user)))
    assert envfile.parse(site.SITE_ENVIRONMENT.read_text()) == {n: v for n, v in VALUES.items() if n != prepare.KEY}
    assert site.MASTER_KEY.read_text() == "API_MASTER_KEY=key-of-the-unit\n"
    assert {each.stat().st_mode & 0o777 for each in (site.SITE_ENVIRONMENT, site.MASTER_KEY)} == {0o600}
    assert (host.root / "blyan/shared").stat().st_mode & 0o777 == 0o750
    assert prepare.plan(user, wanted, VALUES, prepare.find(wanted, user)) == []


def test_a_key_with_odd_characters_is_read_back_as_it_is(host: Host, engine: Engine) -> None:
    values = {prepare.KEY: 'a b"$x'}
    operation = prepare.Prepare("root", str(host.root), values)
    engine.run(operation, prepare.plan("root", [], values, prepare.find([], "root")))
    assert envfile.parse(site.MASTER_KEY.read_text()) == values
