# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that the role installs on hosts, loaded as a module; and stand-ins for the programs that they call."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

FILES = Path(__file__).parents[3] / "roles" / "provision" / "files"


def load(name: str) -> Any:
    """A program of roles/provision/files as a module."""
    spec = importlib.util.spec_from_file_location(f"blyan_provision_{name}", FILES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def program(folder: Path, name: str, script: str) -> None:
    """Put a stand-in for a program into a folder of the PATH."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
