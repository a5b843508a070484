# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.git import Repository, repository
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd
from origin import Origin, git, tree
from units import Units

REQUIREMENTS = "uvicorn\n-r deep/more.txt\n"


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path)


@pytest.fixture(params=[False, True], ids=["whole", "filtered"])
def either(origin: Origin, request: pytest.FixtureRequest) -> Origin:
    """A server that sends all, and one that can leave out files."""
    if request.param:
        origin.allow_filters()
    return origin


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def source(origin: Origin, mirror: Path) -> Iterator[Repository]:
    with repository(str(origin.path), mirror) as opened:
        yield opened


def test_a_branch_is_what_it_is_now(origin: Origin, source: Repository) -> None:
    first = origin.commit({"a": "1"})
    assert source.resolve("main") == first
    second = origin.commit({"a": "2"})
    assert source.resolve("main") == second


def test_a_plain_tag_and_an_annotated_one_name_the_commit(origin: Origin, source: Repository) -> None:
    commit = origin.commit({"a": "1"})
    assert origin.tag("v1") == commit
    assert origin.tag("v2", annotated=True) != commit
    assert (source.resolve("v1"), source.resolve("v2")) == (commit, commit)


def test_a_branch_comes_before_a_tag_of_its_name(origin: Origin, source: Repository) -> None:
    origin.commit({"a": "1"})
    origin.tag("work")
    branch = origin.commit({"a": "2"})
    origin.push("HEAD:refs/heads/work")
    assert source.resolve("work") == branch


def test_only_whole_names_count(origin: Origin, source: Repository) -> None:
    origin.commit({"a": "1"})
    origin.push("HEAD:refs/heads/feature/work")
    with pytest.raises(OpsError, match="no branch, tag or commit 'work'"):
        source.resolve("work")


@pytest.mark.parametrize("length", [40, 12, 7])
def test_a_commit_and_its_short_forms(either: Origin, source: Repository, length: int) -> None:
    first = either.commit({"a": "1"})
    either.commit({"a": "2"})
    assert source.resolve(first[:length]) == first


def test_a_commit_of_the_mirror_needs_no_second_look(origin: Origin, source: Repository, mirror: Path) -> None:
    """The branch moved on by force; what was deployed from it can be named still."""
    first = origin.commit({"a": "1"})
    source.fetch(first)
    origin.commit({"a": "2"}, amend=True)
    assert source.resolve(first[:7]) == first


@pytest.mark.parametrize("version", ["v9", "0123456", "0" * 40])
def test_an_unknown_version_is_refused(either: Origin, source: Repository, version: str) -> None:
    either.commit({"a": "1"})
    with pytest.raises(OpsError, match=f"has no branch, tag or commit '{version}'") as caught:
        source.resolve(version)
    assert str(either.path) in caught.value.next_step


def test_a_repository_that_is_not_there(tmp_path: Path, mirror: Path) -> None:
    with repository(str(tmp_path / "none.git"), mirror) as source, pytest.raises(OpsError) as caught:
        source.resolve("main")
    assert f"the repository {tmp_path}/none.git cannot be reached" in caught.value.reason
    assert any("does not appear to be a git repository" in line for line in caught.value.details)
    assert not mirror.exists()


def test_fetch_and_export(origin: Origin, source: Repository, mirror: Path, tmp_path: Path) -> None:
    commit = origin.commit({"a": "1", "deep/b": "2"})
    origin.commit({"a": "later", "c": "3"})
    source.fetch(commit)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        source.export(commit, tmp_path / name)
        found = {str(path.relative_to(tmp_path / name)) for path in (tmp_path / name).rglob("*") if path.is_file()}
        assert found == {"a", "deep/b"}
        assert (tmp_path / name / "a").read_text() == "1"
    assert not (mirror / "index").exists()


def test_modes_and_links_are_exported(origin: Origin, source: Repository, tmp_path: Path) -> None:
    script = tmp_path / "tree" / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (tmp_path / "tree" / "link").symlink_to("run.sh")
    commit = origin.commit({})
    source.fetch(commit)
    (tmp_path / "out").mkdir()
    source.export(commit, tmp_path / "out")
    assert os.access(tmp_path / "out" / "run.sh", os.X_OK)
    assert os.readlink(tmp_path / "out" / "link") == "run.sh"


def test_a_forced_push_is_followed(origin: Origin, source: Repository, mirror: Path) -> None:
    source.fetch(origin.commit({"a": "1"}))
    amended = origin.commit({"a": "2"}, amend=True)
    source.fetch(amended)
    assert git(mirror, "rev-parse", "refs/heads/main").strip() == amended


def test_refs_that_are_gone_there_go_here(origin: Origin, source: Repository, mirror: Path) -> None:
    first = origin.commit({"a": "1"})
    origin.push("HEAD:refs/heads/old")
    source.fetch(first)
    assert "refs/heads/old" in git(mirror, "for-each-ref")
    origin.remove("refs/heads/old")
    source.fetch(origin.commit({"a": "2"}))
    assert "refs/heads/old" not in git(mirror, "for-each-ref")


def test_a_branch_may_become_a_directory_of_branches(origin: Origin, source: Repository) -> None:
    origin.commit({"a": "1"})
    origin.push("HEAD:refs/heads/work")
    source.fetch(source.resolve("work"))
    origin.remove("refs/heads/work")
    second = origin.commit({"a": "2"})
    origin.push("HEAD:refs/heads/work/one")
    source.fetch(second)
    assert source.resolve("work/one") == second


def test_what_is_in_the_mirror_is_not_fetched_again(origin: Origin, source: Repository, tmp_path: Path) -> None:
    commit = origin.commit({"a": "1"})
    source.fetch(commit)
    origin.path.rename(tmp_path / "away.git")
    source.fetch(commit)


def test_a_fetch_of_an_earlier_run_is_ended_before_its_locks_are_removed(
    origin: Origin, mirror: Path, tmp_path: Path, units: Units
) -> None:
    commit = origin.commit({"a": "1"})
    units.states["aiblock-fetch.service"] = "active"
    with repository(str(origin.path), mirror, systemd=Systemd()) as source:
        source.fetch(commit)
        # What only looks goes to scratch space, where nobody else is.
        units.states["aiblock-fetch.service"] = "active"
        assert source.show(origin.commit({"a": "2"}), "a") == "2"
    assert git(mirror, "rev-parse", "refs/heads/main").strip() == commit
    assert units.calls == ["kill aiblock-fetch.service", "run aiblock-fetch.service"]


def test_locks_that_a_power_cut_left_do_not_matter(origin: Origin, source: Repository, mirror: Path) -> None:
    source.fetch(origin.commit({"a": "1"}))
    for name in ("packed-refs.lock", "config.lock", "refs/heads/main.lock"):
        (mirror / name).touch()
    source.fetch(origin.commit({"a": "2"}))


def test_a_commit_that_is_nowhere(origin: Origin, source: Repository) -> None:
    origin.commit({"a": "1"})
    with pytest.raises(OpsError, match="fetching from"):
        source.fetch("0" * 40)


def test_progress_is_told_while_it_fetches(origin: Origin, mirror: Path) -> None:
    told: list[str] = []
    commit = origin.commit({str(number): str(number) for number in range(30)})
    with repository(str(origin.path), mirror, told.append) as source:
        source.fetch(commit)
    assert any("objects" in line for line in told)


def test_a_file_of_a_commit(origin: Origin, source: Repository) -> None:
    commit = origin.commit({"requirements.txt": REQUIREMENTS, "deep/more.txt": "fastapi\n"})
    origin.commit({"requirements.txt": "other\n"})
    source.fetch(commit)
    assert source.show(commit, "requirements.txt") == REQUIREMENTS
    assert source.show(commit, "deep/more.txt") == "fastapi\n"
    assert source.show(commit, "none.txt") is None


def test_looking_writes_nothing(either: Origin, source: Repository, mirror: Path) -> None:
    """As check mode does, on a host with a mirror that lacks the commit, and on one without a mirror."""
    old = either.commit({"requirements.txt": "old\n"})
    for made in (False, True):
        if made:
            source.fetch(old)
        commit = either.commit({"requirements.txt": REQUIREMENTS, "more.txt": str(made)})
        before = tree(mirror)
        with repository(str(either.path), mirror) as looking:
            assert looking.resolve("main") == commit
            assert looking.resolve(commit[:8]) == commit
            assert looking.show(commit, "requirements.txt") == REQUIREMENTS
            assert looking.show(commit, "more.txt") == str(made)
        assert tree(mirror) == before


def test_scratch_space_is_gone_afterwards(origin: Origin, mirror: Path) -> None:
    commit = origin.commit({"a": "1"})
    with repository(str(origin.path), mirror) as source:
        source.show(commit, "a")
        scratch = source._scratch
        assert (scratch / "shallow").is_dir()
    assert not scratch.exists()


def test_hooks_and_settings_of_a_person_play_no_part(
    origin: Origin, source: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = origin.commit({"a": "1"})
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    assert source.resolve("main") == commit
    source.fetch(commit)


def test_submodules_are_files_of_the_release(origin: Origin, source: Repository, tmp_path: Path) -> None:
    """One in the other, by relative URLs, as they stand in the commit and not as they are now."""
    roots = [tmp_path / name for name in ("inner", "outer")]
    for root in roots:
        root.mkdir()
    inner, outer = map(Origin, roots)
    inner.commit({"deep.txt": "inner"})
    outer.commit({"lib.py": "outer"})
    outer.add_submodule("../../inner/origin.git", "sub")
    commit = origin.add_submodule("../outer/origin.git", "vendor/outer")
    outer.commit({"lib.py": "newer"})
    source.fetch(commit)
    made = tmp_path / "release"
    made.mkdir()
    source.export(commit, made)
    assert (made / "vendor/outer/lib.py").read_text() == "outer"
    assert (made / "vendor/outer/sub/deep.txt").read_text() == "inner"
    assert list(made.rglob(".git")) == []


def test_a_submodule_that_cannot_be_reached_is_told(origin: Origin, source: Repository, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    Origin(gone).commit({"lib.py": "x"})
    commit = origin.add_submodule("../gone/origin.git", "vendor")
    (gone / "origin.git").rename(gone / "elsewhere.git")
    source.fetch(commit)
    made = tmp_path / "release"
    made.mkdir()
    with pytest.raises(OpsError, match=f"the submodules of {commit[:7]} cannot be fetched") as caught:
        source.export(commit, made)
    assert any("does not exist" in line or "not appear to be a git repository" in line for line in caught.value.details)
