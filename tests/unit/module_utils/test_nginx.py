# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import nginx
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed, Shell


@dataclass(frozen=True)
class Says(Shell):
    """A shell in which every program says this."""

    done: Completed = field(default_factory=lambda: Completed(0, ""))

    def run(self, argv: Sequence[str], **_options: Any) -> Completed:
        return self.done


@pytest.mark.parametrize(
    ("before", "now", "over"),
    [
        ({1: False}, {1: False}, False),
        ({1: False}, {1: False, 2: False}, False),
        ({1: False}, {1: True}, False),
        ({1: False}, {1: True, 2: False}, True),
        ({1: False, 2: True}, {2: True, 3: False}, True),
        ({}, {1: False}, True),
    ],
    ids=["nothing yet", "both take requests", "none does", "the new alone", "an older one still ends", "the first"],
)
def test_when_a_reload_is_over(before: dict[int, bool], now: dict[int, bool], over: bool) -> None:
    assert nginx.taken_over(before, now) is over


def test_workers_are_told_from_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "PROC", tmp_path)
    for pid, parent, title in [
        (10, 1, "nginx: master process /usr/sbin/nginx"),
        (11, 10, "nginx: worker process"),
        (12, 10, "nginx: worker process is shutting down"),
        (13, 10, "nginx: cache manager process"),
        (14, 9, "nginx: worker process"),
    ]:
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (ng) inx) S {parent} 0 0\n")
        (tmp_path / str(pid) / "cmdline").write_text(title + "\0")
    assert nginx.workers(10) == {11: False, 12: True}


def test_files_are_those_that_nginx_reads(tmp_path: Path) -> None:
    main, site = tmp_path / "nginx.conf", tmp_path / "sites" / "blyan"
    site.parent.mkdir()
    main.write_bytes(b"main\r\n")
    site.write_bytes(b"caf\xe9\n")
    link = tmp_path / "enabled"
    link.symlink_to(site)
    listing = "".join(f"# configuration file {path}:\ntext\n\n" for path in (main, link, site))
    found = nginx.Nginx(Says(done=Completed(0, listing))).files()
    assert list(found.items()) == [(str(main), b"main\r\n"), (str(site), b"caf\xe9\n")]


def test_a_configuration_that_nginx_does_not_accept_is_refused() -> None:
    said = Says(done=Completed(1, "", 'nginx: [emerg] unknown directive "x" in /etc/nginx/nginx.conf:1\n'))
    with pytest.raises(OpsError, match="nginx does not accept its configuration as it is") as refused:
        nginx.Nginx(said).files()
    assert "unknown directive" in refused.value.details[0]


def test_one_that_does_not_run_is_refused() -> None:
    with pytest.raises(OpsError, match=r"nginx.service does not run"):
        nginx.Nginx(Says(done=Completed(0, "0\n"))).master()


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "site"
    file.write_text("old")
    file.chmod(0o640)
    accepts = nginx.Nginx(Says())
    accepts.put(str(file), b"new")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)
    accepts.put(str(file), None)
    assert not file.exists()
