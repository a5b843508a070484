# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import envfile, options
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.slots import HostFile


def test_the_layout_under_an_existing_root(tmp_path: Path) -> None:
    assert options.layout({"root": str(tmp_path)}).current == tmp_path / "current"
    with pytest.raises(OpsError, match=f"{tmp_path}/none is not on this host"):
        options.layout({"root": str(tmp_path / "none")})


def test_files() -> None:
    given = {"path": "/etc/x", "content": "y", "mode": "0640"}
    assert options.files({"files": [given]}) == [HostFile("/etc/x", "y", 0o640)]


def test_a_mode_that_is_none() -> None:
    with pytest.raises(OpsError, match="the mode of /etc/x is 'rw-r--r--'"):
        options.files({"files": [{"path": "/etc/x", "content": "y", "mode": "rw-r--r--"}]})


def test_secrets_win_over_the_environment() -> None:
    text = options.environment({"environment": {"A": "1", "B": "2"}, "secrets": '{"B": "3"}'})
    assert text is not None
    assert envfile.parse(text) == {"A": "1", "B": "3"}


def test_unset_and_empty_are_two_things() -> None:
    assert options.environment({"environment": None, "secrets": None}) is None
    assert options.environment({"environment": {}, "secrets": None}) == ""
    assert options.environment({"environment": None, "secrets": "{}"}) == ""


@pytest.mark.parametrize("secrets", ["[1]", '"hunter2"', "{'KEY': 'hunter2'}", "hunter2"])
def test_secrets_that_are_no_mapping_are_refused_and_not_repeated(secrets: str) -> None:
    with pytest.raises(OpsError) as caught:
        options.environment({"environment": None, "secrets": secrets})
    assert "the secrets are not a JSON object" in caught.value.reason
    assert "hunter2" not in caught.value.message()
