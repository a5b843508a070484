# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's archive holds what the agent needs, and runs on every Python that hosts may have."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import agent, pack

from .checkout import ROOT

FOLDER = ROOT / "plugins" / "module_utils"
#: The oldest Python of a host, and those between it and this one, where this machine has them.
PYTHONS = sorted(
    {sys.executable}
    | {str(path) for path in Path.home().glob(".pyenv/versions/3.9.*/bin/python3.9")}
    | set(filter(None, (shutil.which(f"python3.{minor}", path="/usr/local/bin:/usr/bin") for minor in range(9, 15))))
)
on_each = pytest.mark.parametrize("python", PYTHONS)
IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module("ansible_collections.blyan.ops.plugins.module_utils." + name)
"""


def imports(module: str) -> set[str]:
    """The modules beside it that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((FOLDER / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found


def closure(module: str) -> set[str]:
    """A module and all that it needs."""
    found, waiting = set(), {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imports(name) - found
    return found


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "agent.pyz"
    path.write_bytes(pack.archive(agent))
    return path


def test_it_names_what_the_agent_needs_and_nothing_else() -> None:
    assert sorted(pack.MODULES) == sorted(closure("agent"))
    assert len(set(pack.MODULES)) == len(pack.MODULES)


def test_nothing_of_ansible_is_among_it() -> None:
    for module in pack.MODULES:
        assert "import ansible" not in (FOLDER / f"{module}.py").read_text()
        assert "from ansible" not in (FOLDER / f"{module}.py").read_text()


def test_the_same_sources_give_the_same_bytes(archive: Path) -> None:
    assert archive.read_bytes() == pack.archive(agent)
    package = {f"blyan_ops/{module}.py" for module in pack.MODULES}
    assert set(zipfile.ZipFile(archive).namelist()) == {"__main__.py", "blyan_ops/__init__.py"} | package


def test_it_is_installed_where_the_units_look_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = (ROOT / "roles" / "deploy" / "templates" / "aiblock.service.j2").read_text()
    assert f"ExecStart=/usr/bin/python3 {pack.AGENT} serve" in unit
    monkeypatch.setattr(pack, "AGENT", tmp_path / "lib" / "agent.pyz")
    assert pack.installed() == ""
    pack.install(b"bytes")
    assert pack.installed() == pack.digest(b"bytes")
    assert (tmp_path / "lib" / "agent.pyz").stat().st_mode & 0o777 == 0o755


@on_each
def test_it_runs(python: str, archive: Path) -> None:
    done = subprocess.run([python, "-I", str(archive)], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip() == f"usage: {archive} serve|swap|stop|retire SLOT"


@on_each
def test_everything_that_goes_to_hosts_can_be_imported(python: str) -> None:
    """The runner excepted, which needs Ansible, and which Ansible brings along."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("runner", "__init__"))
    subprocess.run(
        [python, "-B", "-W", "error", "-c", IMPORT_ALL, *names],
        env={"PYTHONPATH": str(ROOT / ".collections")},
        check=True,
        timeout=60,
    )


@on_each
def test_everything_that_goes_to_hosts_compiles(python: str) -> None:
    files = [*FOLDER.glob("*.py"), *(ROOT / "plugins" / "modules").glob("*.py"), *(ROOT / "roles").glob("*/files/*.py")]
    script = "import sys\nfor name in sys.argv[1:]: compile(open(name, encoding='utf-8').read(), name, 'exec')"
    subprocess.run([python, "-W", "error", "-c", script, *map(str, files)], check=True, timeout=60)
