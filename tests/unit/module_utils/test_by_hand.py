# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import by_hand, legacy_unit, ports
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.legacy_unit import LegacyUnit
from ansible_collections.blyan.ops.plugins.module_utils.shell import Shell
from origin import git

WAITS = "import signal, sys, time\n{}\nprint('up', flush=True)\ntime.sleep(60)\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an app that waits, and files in no commit."""
    root = tmp_path / "blyan"
    for name, text in {
        "api/server.py": WAITS.format(""),
        "frontend/index.html": "hello\n",
        "public/index.html": "hello\n",
        "public/upload.png": "",
        ".env": "A=beside\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "--quiet")
    git(root, "add", "api", "frontend", "public/index.html")
    git(root, "commit", "--quiet", "--message=app")
    return root


@contextmanager
def running(script: Path, code: str = "", **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The script in a process of its own, once it is up."""
    script.write_text(WAITS.format(code))
    argv = [sys.executable, str(script)]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True, cwd=script.parent) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        try:
            yield process
        finally:
            process.kill()


def unit(pid: int, checkout: Path, **declared: str) -> LegacyUnit:
    file = "/etc/systemd/system/aiblock.service"
    return LegacyUnit("active", pid, file, (), True, False, str(checkout), declared, ())


def seen(monkeypatch: pytest.MonkeyPatch, found: LegacyUnit, holders: dict[int, str]) -> None:
    """Have systemd and the kernel say this."""
    monkeypatch.setattr(legacy_unit, "show", lambda _shell: found)
    monkeypatch.setattr(ports, "listeners", lambda _port: [ports.Listener("0.0.0.0", "1")] if holders else [])
    monkeypatch.setattr(ports, "owners", lambda _sockets: holders)


def test_a_host_as_the_runbook_leaves_it(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(checkout / "api/server.py", A="of the unit", B="b c", LANG="C") as process:
        seen(monkeypatch, unit(process.pid, checkout, A="of the unit", B="b c"), {process.pid: "python"})
        found = by_hand.look(Shell())
        assert (found.script, found.checkout) == (str(checkout / "api/server.py"), str(checkout))
        assert found.commit == git(checkout, "rev-parse", "--short", "HEAD").strip()
        assert found.addresses == ["0.0.0.0"]
        assert by_hand.environment(found) == {"A": "of the unit", "B": "b c"}
        (checkout / ".env").write_text("A=beside\nC=beside\n")
        assert by_hand.environment(found) == {"A": "of the unit", "B": "b c", "C": "beside"}


@pytest.mark.parametrize(
    ("holders", "reason"),
    [
        ({}, "port 8000 is held by nobody, and not by aiblock.service"),
        ({1: "node"}, r"port 8000 is held by node \(pid 1\), and not by aiblock.service"),
        ({0: "python", 1: "python"}, "is held by python"),
    ],
)
def test_another_holder_of_the_port_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, holders: dict[int, str], reason: str
) -> None:
    with running(checkout / "api/server.py") as process:
        seen(monkeypatch, unit(process.pid, checkout), {pid or process.pid: name for pid, name in holders.items()})
        with pytest.raises(OpsError, match=reason):
            by_hand.look(Shell())


def test_a_second_one_beside_the_unit_is_refused(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(checkout / "api/server.py") as process, running(checkout / "api/server.py") as other:
        seen(monkeypatch, unit(process.pid, checkout), {process.pid: "python"})
        with pytest.raises(OpsError, match=f"runs more than once: .* there is pid {other.pid}"):
            by_hand.look(Shell())


def test_what_is_in_no_checkout_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path / "server.py") as process:
        seen(monkeypatch, unit(process.pid, tmp_path), {process.pid: "python"})
        with pytest.raises(OpsError, match=r"server.py is in no Git checkout"):
            by_hand.look(Shell())


@pytest.mark.parametrize(
    ("served", "follow", "told"),
    [
        (["/var/www", "/root/blyan-other"], [], ""),
        (["frontend"], ["frontend"], ""),
        (["frontend/", "frontend/assets"], ["frontend"], ""),
        (["public"], [], "public/upload.png in it is in no commit"),
        (["."], [], "releases have no such folder"),
        (["build"], [], "releases have no such folder"),
    ],
)
def test_folders_that_follow_the_release(checkout: Path, served: list[str], follow: list[str], told: str) -> None:
    host = by_hand.ByHand(unit(1, checkout), "", str(checkout), "", [])
    paths = [each if each.startswith("/") else f"{checkout}/{each}" for each in served]
    found, said = by_hand.folders_that_follow(host, paths, Shell())
    assert found == follow
    assert told in " ".join(said)
    assert bool(said) == bool(told)


def test_packages_that_are_missing_are_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand.require_packages(sys.executable, Shell())
    monkeypatch.setattr(by_hand.shutil, "which", lambda *_arguments, **_options: None)
    with pytest.raises(OpsError, match="lacks git and python3-venv") as refused:
        by_hand.require_packages("/bin/false", Shell())
    assert refused.value.next_step.startswith("on the host: apt-get install --no-install-recommends git python3-venv;")


def test_an_app_ends_when_it_wants_to_and_at_the_latest_in_time(checkout: Path) -> None:
    with running(checkout / "api/server.py") as process:
        by_hand.end(process.pid, 0.0)
        assert process.wait(10) == -15 or process.returncode == -9
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    with running(checkout / "api/server.py", deaf) as process:
        by_hand.end(process.pid, 0.1)
        assert process.wait(10) == -9
    by_hand.end(process.pid, 0.1)


def test_whose_process_it_is() -> None:
    assert by_hand.is_app(os.getpid())
    assert not by_hand.is_app(0)
