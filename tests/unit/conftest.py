# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from host import Host
from hypothesis import settings
from units import Units

# The same examples in every run, and nothing written beside the tests.
settings.register_profile("same", derandomize=True, database=None, deadline=None, max_examples=60)
settings.load_profile("same")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Host:
    """A bare host in a directory."""
    return Host(tmp_path, monkeypatch, capsys)


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch) -> Units:
    """The units of that host; none runs."""
    return Units(monkeypatch)
