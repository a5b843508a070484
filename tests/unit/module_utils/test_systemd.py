# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed, Shell
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd


class Notes(Shell):
    """A shell that notes what it is asked, and whose programs fail with this status."""

    def __init__(self, code: int) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "asked", [])

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        self.asked.append(list(argv))
        if argv[0] == "systemd-run" and self.code < 0:
            raise KeyboardInterrupt
        return Completed(self.code, "its last words\n")


def piped(shell: Shell, timeout: float = 100) -> Completed:
    command, given = ["echo", "$HOME"], {"HOME": "/a b"}
    return Systemd(shell).piped("x.service", command, ["User=anna"], given, timeout, lambda line: None)


def test_a_command_in_a_unit() -> None:
    shell = Notes(101)
    assert piped(shell) == Completed(101, "its last words\n")
    (argv,) = shell.asked
    assert argv[:6] == ["systemd-run", "--quiet", "--wait", "--collect", "--unit=x.service", "--pipe"]
    assert argv[6:] == [
        "--setenv=HOME=/a b",
        "--property=User=anna",
        "--property=RuntimeMaxSec=100",
        "--",
        "echo",
        "$$HOME",
    ]


def test_a_unit_that_took_too_long_says_so() -> None:
    with pytest.raises(OpsError, match=r"x\.service did not end within 0s"):
        piped(Notes(1), timeout=0)


def test_an_interruption_ends_the_unit() -> None:
    shell = Notes(-1)
    with pytest.raises(KeyboardInterrupt):
        piped(shell)
    assert shell.asked[-1] == ["systemctl", "kill", "--signal=KILL", "x.service"]


class Says(Shell):
    """A shell in which every systemctl fails."""

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        if argv[0] == "journalctl":
            return Completed(0, "its last words\n")
        return Completed(1, "", "Job for broken.service failed.\n")


def test_a_service_that_cannot_be_reloaded_shows_its_log() -> None:
    with pytest.raises(OpsError, match=r"systemctl reload broken\.service failed") as caught:
        Systemd(Says()).carry_out("reload", "broken.service", timeout=1)
    assert caught.value.details == ["Job for broken.service failed.", "its last words"]
