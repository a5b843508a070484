# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent's archive: this package's own files, put on the host for what has to work without a controller."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import zipfile
from pathlib import Path
from types import ModuleType

from . import atomic
from .errors import OpsError

AGENT = Path("/usr/local/lib/blyan-ops/agent.pyz")

#: The modules that the agent needs, itself among them; a test keeps the list whole.
MODULES = (
    "abandon",
    "adoption",
    "agent",
    "atomic",
    "build",
    "by_hand",
    "database",
    "dotenv",
    "durations",
    "envfile",
    "errors",
    "git",
    "health",
    "journal",
    "keepsake",
    "layout",
    "leftovers",
    "legacy_unit",
    "lock",
    "migration",
    "migrator",
    "nginx",
    "pack",
    "paths",
    "port8000",
    "ports",
    "prepare",
    "registry",
    "releases",
    "run",
    "schema",
    "shell",
    "slots",
    "start",
    "static",
    "steps",
    "systemd",
    "traffic",
    "unadopt",
    "urls",
    "venvs",
    "web",
)
_START = "from blyan_ops.agent import main\n\nmain()\n"


def archive(entry: ModuleType) -> bytes:
    """A Python archive with the agent; the same sources give the same bytes.

    Args:
        entry: the agent's module. Whoever installs it imports it, which makes Ansible send it to the host.

    Raises:
        OpsError: one of the modules that it needs is not here.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, text in [("__main__.py", _START), ("blyan_ops/__init__.py", ""), *_sources(str(entry.__package__))]:
            # A fixed date, so that the archive's digest tells whether anything changed.
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def installed() -> str:
    """The digest of the archive on this host; empty where there is none."""
    try:
        return digest(AGENT.read_bytes())
    except FileNotFoundError:
        return ""


def install(data: bytes) -> None:
    """Put the archive on this host."""
    AGENT.parent.mkdir(parents=True, exist_ok=True)
    # The app's user runs it as well, in the unit of a migration, whatever the umask is here.
    AGENT.parent.chmod(0o755)
    atomic.write(AGENT, data, mode=0o755)


def digest(data: bytes) -> str:
    """What tells one archive from another."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _sources(package: str) -> list[tuple[str, str]]:
    found = []
    for name in MODULES:
        spec = importlib.util.find_spec(f"{package}.{name}")
        # Ansible runs modules from an archive; its loader gives sources like any other.
        read = getattr(spec.loader, "get_source", None) if spec else None
        source = read(f"{package}.{name}") if read else None
        if source is None:
            raise OpsError(f"the module_utils {name} was not sent along", next_step="report this: the agent needs it")
        found.append((f"blyan_ops/{name}.py", source))
    return found
