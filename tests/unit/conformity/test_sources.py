# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every Python file carries the license, and none grows out of hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from .checkout import ROOT

FOLDERS = ("plugins", "roles", "tests", "benchmarks")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path.stat().st_size)
LICENSE = """\
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
#: Files of the app that the tests deploy; they stand for another project's.
NOT_OURS = ROOT / "tests" / "reference_app" / "app"


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_license_and_length(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    head = text.partition("\n")[2] if text.startswith("#!") else text
    assert NOT_OURS in file.parents or head.startswith(LICENSE)
    assert len(text.splitlines()) <= 300
