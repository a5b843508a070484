# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Callable

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import build, leftovers, migration
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.migrator import Report
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records
from ansible_collections.blyan.ops.plugins.module_utils.steps import Change, Engine
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from host import Host
from units import Units

from .cut import Died, Planned, Way, cut, left, points, ways
from .samples import NEW


@pytest.fixture
def planned(host: Host, site: Layout, units: Units, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Planned]:
    """Plans the migrations of the new release, which bring the schema from 1 to 2."""
    monkeypatch.setattr(migration, "REPORTS", host.progress)
    monkeypatch.setattr(migration.shutil, "chown", lambda path, user: None)
    units.report = Report("1", "2", "2")
    Records(site).save(NEW)

    def plan() -> Planned:
        command = ["python", "x.py"]
        operation = migration.Migrate(site, NEW.id, "green", command, ["python", "y.py"], True, "blyan", 60.0)
        return operation, migration.plan(command, NEW.label)

    return plan


def schema(site: Layout) -> tuple[str, str]:
    record = Records(site).get(NEW.id)
    assert record is not None
    return record.schema_before, record.schema_after


@ways
@pytest.mark.parametrize("point", points(migration.Migrate))
def test_what_became_of_the_schema_is_remembered(
    engine: Engine, site: Layout, units: Units, planned: Callable[[], Planned], point: str, way: Way
) -> None:
    cut(engine, planned(), point, way)
    assert (leftovers.settle(engine) != []) == (way is Died)
    assert schema(site) == (("1", "2") if point.endswith("after") else ("", ""))
    assert left(engine) == []
    engine.run(*planned())
    assert schema(site) == ("1", "2")
    assert list(migration.REPORTS.iterdir()) == []


def test_a_unit_that_outlives_its_module_is_waited_for_and_then_asked(
    engine: Engine, site: Layout, units: Units, planned: Callable[[], Planned], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object, **options: object) -> None:
        raise Died

    operation, changes = planned()
    monkeypatch.setattr(Systemd, "run", die)
    with pytest.raises(Died):
        engine.run(operation, changes)
    waited: list[str] = []

    def await_end(systemd: Systemd, unit: str, *_: object) -> None:
        waited.append(unit)
        (report,) = migration.REPORTS.iterdir()
        report.write_text('{"before": "1", "after": "2", "needs": "2", "outcome": "", "note": ""}')

    monkeypatch.setattr(Systemd, "await_end", await_end)
    leftovers.settle(engine)
    assert waited == [f"aiblock-migrate-{NEW.id}.service"]
    assert schema(site) == ("1", "2")


def test_the_next_deploy_does_not_forget_it(engine: Engine, site: Layout) -> None:
    """It removes what never served, records included."""
    records = Records(site)
    records.save(replace(NEW, schema_after="2"))
    prune = Change("prune", "release", {"release": NEW.id, "state": "building"}, None)
    engine.run(build.Build(site, NEW), [prune])
    found = records.get(NEW.id)
    assert found is not None
    assert (found.state, found.pruned, found.schema_after) == ("bad", True, "2")
    records.save(NEW)
    engine.run(build.Build(site, NEW), [prune])
    assert records.get(NEW.id) is None
