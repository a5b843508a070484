# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host finds mounted: the reference app's repository, and a wheel of all that it requires."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from .engine import BUILD, GIT, ROOT, WHEELHOUSE, HostsError, lock, run, write

MAKE_REPO = ROOT / "tests" / "reference_app" / "make_repo.py"
# Of the hosts, whatever the controller has.
HOST_PYTHON = "3.11"
STAMP = WHEELHOUSE / ".requirements"


def ensure() -> None:
    """Make both, or leave them when they are up to date."""
    with lock():
        run([sys.executable, str(MAKE_REPO), str(GIT / "blyan.git")])
        _wheelhouse(run([sys.executable, str(MAKE_REPO), "--requirements"]).stdout)


def _wheelhouse(requirements: str) -> None:
    key = hashlib.sha256(f"{HOST_PYTHON}\n{requirements}".encode()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == key:
        return
    WHEELHOUSE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=".wheelhouse-") as folder:
        wanted, wheels = Path(folder, "requirements.txt"), Path(folder, "wheels")
        wanted.write_text(requirements)
        run([
            str(_python()), "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(wheels),
            f"--python-version={HOST_PYTHON}", "--implementation=cp", "--requirement", str(wanted),
        ], timeout=600)  # fmt: skip
        # The folder itself stays: hosts have it mounted.
        STAMP.unlink(missing_ok=True)
        for old in WHEELHOUSE.iterdir():
            old.unlink()
        for wheel in wheels.iterdir():
            shutil.move(wheel, WHEELHOUSE / wheel.name)
    write(STAMP, key)


def _python() -> Path:
    """One that has pip: Debian's own may not."""
    venv = ROOT / ".venv" / "bin" / "python"
    chosen = venv if venv.exists() else Path(sys.executable)
    if run([str(chosen), "-m", "pip", "--version"], check=False).returncode != 0:
        raise HostsError(f"{chosen} has no pip to fetch the app's wheels with: run `make venv`.")
    return chosen
