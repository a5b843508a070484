# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import getpass
import sys
from functools import reduce
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import venvs
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from hypothesis import given
from hypothesis import strategies as st
from units import Units

#: An interpreter whose ``-m venv`` makes one that says what it is told, and fails at what is in FAILS.
PYTHON = """#!/bin/sh
echo "$*" >> SAID
case "$*" in *FAILS*) echo "its last line"; exit 1;; esac
[ "$2" != venv ] || { mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; }
[ "$2" != pip ] || [ -z "LINK" ] || ln -s "LINK" VENV/.complete
"""


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


class Builder:
    """Builds a virtual environment with a stand-in for Python, and not as root."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.venv, self.base = base / "venvs" / "v", base
        self.owned: list[str] = []
        monkeypatch.setattr(venvs.Shell, "must", lambda shell, argv, **options: self.owned.append(argv[0]))

    def build(self, fails: str = "nothing", lost: bool = False, link: str = "") -> None:
        python = self.base / "python"
        words = {"FAILS": fails, "SAID": str(self.base / "said"), "LINK": link, "VENV": str(self.venv)}
        python.write_text(reduce(lambda text, word: text.replace(*word), words.items(), PYTHON))
        python.chmod(0o755)
        venvs.build(
            self.venv,
            python=str(python),
            release=self.base,
            requirements="deep/requirements.txt",
            arguments=["--find-links", "/srv/wheel $house"],
            user=getpass.getuser(),
            progress=lambda line: None,
            fence=self._lost if lost else lambda: None,
            systemd=Systemd(),
        )

    @staticmethod
    def _lost() -> None:
        raise OpsError("this run lost the lock", next_step="see what is live")


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, units: Units) -> Builder:
    return Builder(tmp_path, monkeypatch)


def test_a_build(builder: Builder) -> None:
    builder.build()
    assert (builder.base / "said").read_text().splitlines() == [
        f"-m venv {builder.venv}",
        "-m pip install --no-input -r deep/requirements.txt --find-links /srv/wheel $house",
        "-c import uvicorn",
    ]
    assert builder.owned == ["chown", "sync"]
    assert venvs.is_whole(builder.venv)


def test_pip_of_an_earlier_run_is_ended_before_its_work_is_removed(builder: Builder, units: Units) -> None:
    builder.venv.mkdir(parents=True)
    (builder.venv / "half").touch()
    units.states["aiblock-venv-v.service"] = "active"
    builder.build()
    assert units.calls == ["kill aiblock-venv-v.service", "run aiblock-venv-v.service"]
    assert not (builder.venv / "half").exists()


def test_a_run_that_lost_its_lock_while_pip_ran_touches_nothing_more(builder: Builder) -> None:
    with pytest.raises(OpsError, match="lost the lock"):
        builder.build(lost=True)
    assert builder.owned == []
    assert not venvs.is_whole(builder.venv)


@pytest.mark.parametrize(
    ("fails", "reason"),
    [
        ("venv", "python -m venv failed"),
        ("install", r"pip could not install deep/requirements\.txt"),
        ("uvicorn", r"deep/requirements\.txt does not bring uvicorn"),
    ],
)
def test_what_could_not_be_done_is_told_with_the_last_lines(builder: Builder, fails: str, reason: str) -> None:
    with pytest.raises(OpsError, match=reason) as caught:
        builder.build(fails=fails)
    assert caught.value.details == ["its last line"]
    assert not venvs.is_whole(builder.venv)


def test_a_link_that_a_package_leaves_is_not_followed(builder: Builder) -> None:
    """What pip installs runs as the app's user, in a directory that is root's only afterwards."""
    outside = builder.base / "outside"
    builder.build(link=str(outside))
    assert not outside.exists()
    assert venvs.is_whole(builder.venv)
