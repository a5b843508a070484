#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Make a release of the app on an API host, or take one back
version_added: 0.1.0
description:
  - Brings the mirror of the repository up to date, writes the files of one commit to a directory of their own,
    builds its virtual environment unless one with the same requirements is there, and removes old releases.
  - Nothing that serves is touched. Where the live release is of the same commit and needs the same packages,
    it is used again.
author: Blyan operators (@blyan)
extends_documentation_fragment: [blyan.ops.run, blyan.ops.layout, blyan.ops.layout.venv]
attributes:
  check_mode:
    support: full
    description: Writes nothing on the host; the version is looked up in the repository all the same.
  diff_mode:
    support: full
    description: Names each thing that is made or removed.
options:
  state:
    description:
      - V(present) has the release on disk.
      - V(abandoned) ends O(id) in the idle slot and, if it never served, removes it and records O(reason).
        A live release is left alone. It also takes back what a killed run left half done.
    type: str
    choices: [present, abandoned]
    default: present
  repo:
    description: The app's Git repository, as a URL or a path on the host. Needed for V(present).
    type: str
    default: ''
  commit:
    description: The full commit to release. Needed for V(present).
    type: str
    default: ''
  version:
    description: What the operator called that commit; a branch, a tag or the commit.
    type: str
    default: ''
  id:
    description: The release to abandon; empty where none was made.
    type: str
    default: ''
  reason:
    description: Why it is abandoned.
    type: str
    default: ''
  schema_before:
    description: The schema that the database had before the migrations of what is abandoned; empty where not known.
    type: str
    default: ''
  schema_after:
    description: The schema that the database has after them, which stays.
    type: str
    default: ''
  drain_timeout:
    description: How long what the release answers while it is abandoned may need to end, such as V(30s).
    type: str
    default: 30s
  user:
    description: The unprivileged account that runs the app, and pip.
    type: str
    default: blyan
  keep:
    description:
      - How many good releases stay on disk, the live one included; at least 2.
      - With 2, one more stays until the next deploy, so that there is one to go back to when that fails.
    type: int
    default: 5
  min_free_mb:
    description: Megabytes that have to be free under O(root).
    type: int
    default: 500
"""

EXAMPLES = r"""
- name: Have the release of a commit on disk
  blyan.ops.release:
    repo: https://github.com/blyan/blyan.git
    commit: 3f2c1d0e9b8a7f6e5d4c3b2a190817263544a1b2
    version: main
"""

RETURN = r"""
release:
  description: The record of the release; in check mode, of the one that would be made.
  returned: O(state=present)
  type: dict
  contains:
    id: {description: Name of its directory., type: str, sample: 20261123T204501Z-3f2c1d0}
    commit: {description: Its commit., type: str, sample: 3f2c1d0e9b8a7f6e5d4c3b2a190817263544a1b2}
    version: {description: What was asked for., type: str, sample: main}
    venv: {description: Name of its virtual environment., type: str, sample: 0f1e2d3c4b5a6978}
    state: {description: 'V(building), V(good) or V(bad).', type: str, sample: building}
live:
  description: The record of the release that serves, with its C(slot); null where none does.
  returned: O(state=abandoned)
  type: dict
moved:
  description: What it means that its migrations changed the schema of the database; empty where they did not.
  returned: O(state=abandoned)
  type: str
notes:
  description: What was done about an earlier run that was killed, in sentences.
  returned: always
  type: list
  elements: str
seconds:
  description: Seconds that each step took.
  returned: always
  type: dict
"""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils import abandon, build, options, schema, venvs
from ansible_collections.blyan.ops.plugins.module_utils.git import repository
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records, serving
from ansible_collections.blyan.ops.plugins.module_utils.runner import Context, run_module
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd

ARGUMENTS: dict[str, Any] = {
    **options.ROOT,
    **options.VENV,
    "state": {"type": "str", "choices": ["present", "abandoned"], "default": "present"},
    "repo": {"type": "str", "default": ""},
    "commit": {"type": "str", "default": ""},
    "version": {"type": "str", "default": ""},
    "id": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": ""},
    "schema_before": {"type": "str", "default": ""},
    "schema_after": {"type": "str", "default": ""},
    "drain_timeout": {"type": "str", "default": "30s"},
    "user": {"type": "str", "default": "blyan"},
    "keep": {"type": "int", "default": 5},
    "min_free_mb": {"type": "int", "default": 500},
}


def present(context: Context) -> dict[str, Any]:
    """Have the release on disk."""
    p = context.params
    layout = options.layout(p, there=not context.check)
    build.check_keep(p["keep"])
    context.settle()
    arguments = venvs.split_arguments(p["pip_extra_args"])
    build.check_room(layout.root, p["min_free_mb"])
    with repository(p["repo"], layout.mirror, context.progress, Systemd()) as source:
        if not context.check:
            context.engine.fence()
            source.fetch(p["commit"])
        venv = options.venv(p, lambda path: source.show(p["commit"], path))
        compatible = schema.names(source.show(p["commit"], schema.COMPATIBLE_FILE) or "")
        version = p["version"] or p["commit"]
        wanted = build.Wanted(p["commit"], version, venv, p["keep"], context.run.who, compatible)
        release, changes = build.plan(wanted, build.find(layout))

        def make_venv(path: Path) -> None:
            venvs.build(
                path,
                python=p["python"],
                release=layout.release(release.id),
                requirements=p["requirements"],
                arguments=arguments,
                user=p["user"],
                progress=context.progress,
                fence=context.engine.fence,
                systemd=Systemd(),
            )

        context.apply(build.Build(layout, release, source, make_venv, p["python"]), changes)
    return {"release": asdict(release)}


def abandoned(context: Context) -> dict[str, Any]:
    """Take back what a failed run left."""
    p = context.params
    layout = options.layout(p, there=False)
    context.settle(finish=False)
    records = Records(layout)
    record = records.get(p["id"])
    changes = abandon.plan(layout, p["id"], Systemd())
    known = {name: p[name] for name in ("schema_before", "schema_after") if p[name]}
    context.apply(abandon.Abandon(layout, p["id"], p["reason"], context.duration("drain_timeout"), known), changes)
    live = serving(layout)
    if record is None or record.state != "building":
        return {"moved": "", "live": live}
    told = replace(record, **known)
    serves = records.get(live["id"]) if live else None
    moved = schema.moved(told.schema_before, told.schema_after, told, serves.label if serves else "")
    return {"moved": moved, "live": live}


def act(context: Context) -> dict[str, Any]:
    """Do what the state asks for."""
    os.umask(0o022)
    return present(context) if context.params["state"] == "present" else abandoned(context)


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, act)


if __name__ == "__main__":
    main()
