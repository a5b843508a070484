# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from .scripts import load, program

append_only = load("append_only")

REDIS_CONF = """\
# port 1
bind 127.0.0.1 -::1
 Port 6379
save ""
requirepass first
include {base}/more/*.conf
dir "/var/lib/redis"
"""


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A redis-cli that notes its arguments and its password; the server's configuration, without any of ours."""
    program(tmp_path, "redis-cli", f'echo "$* / $REDISCLI_AUTH" > {tmp_path}/asked\nexit 3')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(append_only, "CONFIGURATION", str(tmp_path / "redis.conf"))
    (tmp_path / "redis.conf").write_text("daemonize yes\n")
    return tmp_path


def test_the_last_word_of_all_files_holds(redis: Path) -> None:
    (redis / "more").mkdir()
    (redis / "more" / "a.conf").write_text('port 6380\nrequirepass "it\'s"\n')
    (redis / "redis.conf").write_text(REDIS_CONF.format(base=redis))
    found = append_only.settings(str(redis / "redis.conf"))
    assert found == {
        "bind": "127.0.0.1 -::1",
        "port": "6380",
        "save": "",
        "requirepass": "it's",
        "dir": "/var/lib/redis",
    }
    assert append_only.main() == 3
    assert (redis / "asked").read_text() == "-e -p 6380 config set appendonly yes / it's\n"


def test_a_server_that_says_nothing_of_it_has_the_usual_port_and_no_password(redis: Path) -> None:
    append_only.main()
    assert (redis / "asked").read_text() == "-e -p 6379 config set appendonly yes / \n"
