# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import getpass
import sys
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import venvs
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("-r base.txt\n", ["base.txt"]),
        (
            "  --requirement=base.txt # why\n-c  limits.txt\n--constraint limits2.txt",
            ["base.txt", "limits.txt", "limits2.txt"],
        ),
        ("fastapi==1\n# -r not.txt\nrequests # -r not.txt\n", []),
        ("", []),
    ],
)
def test_included(text: str, files: list[str]) -> None:
    assert venvs.included(text) == files


def test_gather_follows_what_is_included() -> None:
    files = {
        "requirements.txt": "-r deep/base.txt\nuvicorn\n",
        "deep/base.txt": "-c ../limits.txt\n-r more.txt\n",
        "deep/more.txt": "-r base.txt\nfastapi\n",
        "limits.txt": "fastapi<1\n",
        "other.txt": "never\n",
    }
    found = venvs.gather("requirements.txt", files.get)
    assert found == {name: text for name, text in files.items() if name != "other.txt"}


def test_gather_names_the_file_that_is_missing() -> None:
    with pytest.raises(OpsError, match=r"the version has no deep/base\.txt"):
        venvs.gather("requirements.txt", {"requirements.txt": "-r deep/base.txt"}.get)


KEY = venvs.key({"a.txt": "x", "b.txt": "y"}, "/usr/bin/python3.11 Python 3.11.2", "--no-index")


def test_the_same_requirements_give_the_same_key() -> None:
    assert venvs.key({"b.txt": "y", "a.txt": "x"}, "/usr/bin/python3.11 Python 3.11.2", "--no-index") == KEY
    assert len(KEY) == 16


@pytest.mark.parametrize(
    "other",
    [
        ({"a.txt": "x", "b.txt": "z"}, "/usr/bin/python3.11 Python 3.11.2", "--no-index"),
        ({"a.txt": "x", "c.txt": "y"}, "/usr/bin/python3.11 Python 3.11.2", "--no-index"),
        ({"a.txt": "x"}, "/usr/bin/python3.11 Python 3.11.2", "--no-index"),
        ({"a.txt": "x", "b.txt": "y"}, "/usr/bin/python3.11 Python 3.11.4", "--no-index"),
        ({"a.txt": "x", "b.txt": "y"}, "/usr/bin/python3.11 Python 3.11.2", ""),
    ],
)
def test_anything_else_gives_another_key(other: tuple[dict[str, str], str, str]) -> None:
    assert venvs.key(*other) != KEY


def test_an_interpreter_is_its_real_path_and_version(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    version = ".".join(map(str, sys.version_info[:3]))
    assert venvs.interpreter(str(tmp_path / "python")) == f"{Path(sys.executable).resolve()} Python {version}"


def test_a_missing_interpreter_is_refused() -> None:
    with pytest.raises(OpsError, match="/no/such/python is not on this host"):
        venvs.interpreter("/no/such/python")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", []),
        ("--no-index --find-links '/srv/wheel house'", ["--no-index", "--find-links", "/srv/wheel house"]),
        ("--index-url https://host/simple", ["--index-url", "https://host/simple"]),
        ("--index-url https://host:8443/simple", ["--index-url", "https://host:8443/simple"]),
    ],
)
def test_split_arguments(text: str, arguments: list[str]) -> None:
    assert venvs.split_arguments(text) == arguments


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(OpsError, match="deploy_pip_extra_args is '--find-links \"/srv'"):
        venvs.split_arguments('--find-links "/srv')


@pytest.mark.parametrize(
    "text",
    [
        "--index-url=https://anna:{}@host/simple",
        "--index-url https://{}@host/simple",
        "--extra-index-url 'https://'{}@host/simple",
        "git+https://{}@host/x.git@main",
        "--index-url 'https://{}@host/simple",
    ],
)
@given(st.from_regex(r"[A-Za-z0-9%._-]{6,30}", fullmatch=True))
def test_a_password_or_token_is_refused_and_not_repeated(text: str, secret: str) -> None:
    with pytest.raises(OpsError) as caught:
        venvs.split_arguments(text.format(f"{secret}QQ"))
    assert "deploy_pip_extra_args carries a password or token" in caught.value.reason
    assert ".netrc" in caught.value.next_step
    assert f"{secret}QQ" not in caught.value.message()


def test_whole_is_what_was_built_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    assert not venvs.is_whole(tmp_path)
    (tmp_path / ".complete").touch()
    assert venvs.is_whole(tmp_path)


def test_a_link_that_a_package_leaves_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip installs runs as the app's user, in a directory that is root's only afterwards."""
    venv, outside = tmp_path / "venvs" / "a", tmp_path / "outside"

    def run(shell: venvs.Shell, argv: list[str], **_options: object) -> Completed:
        if "pip" in argv:
            (venv / ".complete").symlink_to(outside)
        return Completed(0, "")

    monkeypatch.setattr(venvs.Shell, "run", run)
    monkeypatch.setattr(venvs, "to_disk", lambda directory: None)
    venvs.build(
        venv,
        python="/usr/bin/python3",
        release=tmp_path,
        requirements="requirements.txt",
        arguments=[],
        user=getpass.getuser(),
        progress=lambda line: None,
    )
    assert not outside.exists()
    assert venvs.is_whole(venv)
