# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import adoption, keepsake, leftovers, nginx, unadopt
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records
from ansible_collections.blyan.ops.plugins.module_utils.steps import Engine
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from host import Host
from units import Units

from .cut import Died, Way, cut, failed, left, points, ways
from .handmade import OUR_UNIT, PORT, WATCH, HandMade, records
from .samples import BLUE, NEW


@pytest.fixture(params=["a folder", "no folder"])
def made(request: pytest.FixtureRequest, host: Host, units: Units, monkeypatch: pytest.MonkeyPatch) -> HandMade:
    """The host, with a nginx that reads all files of a folder, and with one that does not."""
    made = HandMade(host, units, monkeypatch)
    if request.param == "no folder":
        made.folder = ""
    return made


def committed(operation: type[adoption.Adopt | unadopt.Unadopt], point: str) -> bool:
    """Whether a cut at this point is after the point of no return."""
    step = point.partition(".")[2].partition(":")[0]
    return operation.steps.index(step) > operation.steps.index(operation.commit)


def adopted(made: HandMade) -> None:
    """The release serves everywhere, the old app is gone, and its unit's name means the slots."""
    assert (made.front().release, made.port_8000().release) == (NEW.id, NEW.id)
    assert (made.old_app, made.unit.read_text(), made.drop_in.exists()) == (False, OUR_UNIT, False)
    assert (made.checkout / "frontend").resolve() == made.layout.release(NEW.id) / "frontend"
    assert (made.checkout / "frontend.by-hand").is_dir()
    assert made.units.enabled - {PORT} == {BLUE, WATCH}
    assert (PORT in made.units.enabled) == (not made.folder)
    record = Records(made.layout).get(NEW.id)
    assert record is not None
    assert record.state == "good"


def test_a_host_is_taken_over_and_put_back(engine: Engine, made: HandMade) -> None:
    before = made.by_hand_files()
    engine.run(*made.adoption())
    adopted(made)
    assert f"restart {WATCH}" in made.units.calls
    engine.run(*made.going_back())
    assert made.by_hand_files() == before
    assert made.units.enabled == {WATCH}
    assert made.units.states == {WATCH: "active"}
    assert not keepsake.FOLDER.exists()
    assert not made.layout.live.is_symlink()


@ways
@pytest.mark.parametrize("point", points(adoption.Adopt))
def test_an_adoption_cut_short(engine: Engine, made: HandMade, point: str, way: Way) -> None:
    before = made.by_hand_files()
    cut(engine, made.adoption(), point, way)
    assert made.front().good, "the service is up on the old or the new state"
    leftovers.settle(engine)
    assert left(engine) == []
    if committed(adoption.Adopt, point):
        adopted(made)
        return
    assert made.by_hand_files() == before
    assert (made.front().good, made.front().release, made.port_8000().good) == (True, "", True)
    assert not keepsake.FOLDER.exists()
    assert made.units.enabled == {WATCH}
    record = Records(made.layout).get(NEW.id)
    assert record is not None
    assert record.state == "building"
    engine.run(*made.adoption())
    adopted(made)


@ways
@pytest.mark.parametrize("point", points(unadopt.Unadopt))
def test_going_back_cut_short(engine: Engine, made: HandMade, point: str, way: Way) -> None:
    before = made.by_hand_files()
    engine.run(*made.adoption())
    cut(engine, made.going_back(), point, way)
    assert made.front().good, "the service is up on the old or the new state"
    leftovers.settle(engine)
    assert left(engine) == []
    if not committed(unadopt.Unadopt, point):
        adopted(made)
        engine.run(*made.going_back())
    assert made.by_hand_files() == before
    assert (made.front().release, made.port_8000().release) == ("", "")
    assert made.units.states == {WATCH: "active"}


def test_a_boot_in_the_middle_finds_both_started(engine: Engine, made: HandMade) -> None:
    """From before nginx is led elsewhere until the release is recorded, whichever it is told of."""
    for point in [each for each in points(adoption.Adopt) if each.split(".")[1].split(":")[0] in ("nginx", "prove")]:
        cut(engine, made.adoption(), point, Died)
        assert made.units.enabled == {BLUE, WATCH}
        leftovers.settle(engine)


def test_taking_back_that_is_killed_before_nginx_has_read_its_file(
    engine: Engine, made: HandMade, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_nginx: nginx.Nginx) -> None:
        raise Died

    cut(engine, made.adoption(), "adoption.prove:before", Died)
    with monkeypatch.context() as patch:
        patch.setattr(nginx.Nginx, "reload", dies)
        with pytest.raises(Died):
            leftovers.settle(engine)
    assert made.front().good
    leftovers.settle(engine)
    assert (made.front().good, made.front().release) == (True, "")


def test_a_front_door_that_shows_something_else_takes_all_back(engine: Engine, made: HandMade) -> None:
    before = made.by_hand_files()
    planned = made.adoption()
    made.units.states[BLUE] = "failed"
    with pytest.raises(OpsError, match="the front door does not show release") as failed:
        engine.run(*planned)
    assert "what was made so far has been taken back" in failed.value.details
    assert made.by_hand_files() == before
    assert made.front().good


def test_an_old_app_that_does_not_come_up_leaves_the_slots_serving(
    engine: Engine, made: HandMade, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.run(*made.adoption())
    planned = made.going_back()
    start = Systemd.start

    def fails(systemd: Systemd, unit: str) -> None:
        start(systemd, unit)
        if "agent.pyz" not in made.unit.read_text():
            made.old_app = False

    monkeypatch.setattr(Systemd, "start", fails)
    with pytest.raises(OpsError, match="the old app was not up within 0 s: its unit is active, HTTP 502"):
        engine.run(*planned)
    adopted(made)


def test_what_was_changed_since_in_the_site_stays(engine: Engine, made: HandMade) -> None:
    before = made.site_file.read_bytes()
    engine.run(*made.adoption())
    assert unadopt.changed_since() == {}
    changed = made.site_file.read_bytes() + b"# more\n"
    made.site_file.write_bytes(changed)
    assert unadopt.changed_since() == {str(made.site_file): before}
    cut(engine, made.going_back(), "unadoption.prove:before", failed)
    assert made.site_file.read_bytes() == changed
    engine.run(*made.going_back())
    assert made.site_file.read_bytes() == before + b"# more\n"
    assert made.front().good


def test_a_release_without_the_folder_that_nginx_serves_is_refused(made: HandMade) -> None:
    (made.layout.release(NEW.id) / "frontend").rmdir()
    with pytest.raises(OpsError, match=r"\(v2\) has no folder frontend"):
        made.adoption()


def test_the_old_unit_is_neither_shown_nor_written_down(engine: Engine, host: Host, made: HandMade) -> None:
    """It was written by hand, and may hold secrets."""
    operation, changes = made.adoption()
    assert "hunter2" not in json.dumps([asdict(each) for each in changes])
    assert "API_MASTER_KEY" in json.dumps([asdict(each) for each in changes])
    cut(engine, (operation, changes), "adoption.retire:before", Died)
    assert "hunter2" not in records(host.state)
    leftovers.settle(engine)
    cut(engine, made.going_back(), "unadoption.prove:before", Died)
    assert "hunter2" not in records(host.state)
    kept = list(keepsake.FOLDER.iterdir())
    assert {each.stat().st_mode & 0o777 for each in kept} == {0o600}
    assert keepsake.FOLDER.stat().st_mode & 0o777 == 0o700


def test_every_step_is_announced_in_its_order(made: HandMade) -> None:
    steps = [change.step for change in made.adoption()[1]]
    assert list(dict.fromkeys(steps)) == list(adoption.Adopt.steps)
