# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The phases of taking over a host that was deployed by hand, and of going back; the module ``adoption`` runs them."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import adoption, by_hand, keepsake, legacy_unit, options, prepare, traffic, unadopt
from . import layout as site
from .by_hand import ByHand
from .errors import OpsError
from .layout import Layout
from .nginx import Nginx
from .releases import Records
from .shell import Shell
from .systemd import Systemd
from .web import Unanswered, get

if TYPE_CHECKING:
    from .runner import Context


def found(context: Context) -> dict[str, Any]:
    """Whether the host was deployed by hand, and the files of its nginx that the controller has to read."""
    context.settle()
    if context.check and context.engine.leftovers():
        raise OpsError(
            "a run that was killed left a takeover of this host half done",
            next_step="run the deploy without --check, which first takes that back or finishes it",
        )
    layout = Layout(Path(context.params["root"]))
    hand_made, files, kept = is_by_hand(layout, []), {}, {}
    if hand_made:
        nginx = Nginx()
        nginx.master()
        files = nginx.files()
    else:
        kept = unadopt.changed_since()
        files = {path: Path(path).read_bytes() for path in kept}
    return {
        "by_hand": hand_made,
        "files": {path: b64encode(content).decode() for path, content in files.items()},
        "kept": {path: b64encode(content).decode() for path, content in kept.items()},
        "live_link": str(layout.live),
    }


def is_by_hand(layout: Layout, leftovers: list[str]) -> bool:
    """Whether something that was deployed by hand serves, or did when a run was killed that took it over."""
    if layout.live_slot() is not None and adoption.Adopt.name not in leftovers:
        return False
    return legacy_unit.by_hand(legacy_unit.show(Shell()))


def no_releases() -> OpsError:
    """What is told to whoever asks a host that was deployed by hand for its releases."""
    return OpsError(
        f"{legacy_unit.UNIT} of this host was deployed by hand, so that no release serves there",
        next_step="deploy one with the playbook deploy, which takes the host over (--check --diff shows how)",
    )


def prepared(context: Context) -> dict[str, Any]:
    """Have user, folders and environment, after everything was refused that is not understood."""
    p, shell = context.params, Shell()
    if p["nginx"] is None:
        return {"by_hand": False, "key_given": site.MASTER_KEY.exists()}
    host = by_hand.look(shell)
    _texts(p["nginx"])
    Nginx(shell).require_group()
    values = by_hand.environment(host)
    wanted = prepare.folders(p["root"], p["user"])
    changes = prepare.plan(p["user"], wanted, values, prepare.find(wanted, p["user"]))
    context.apply(prepare.Prepare(p["user"], p["root"], values), changes)
    return {"by_hand": True, "key_given": prepare.KEY in values or site.MASTER_KEY.exists()}


def present(context: Context) -> dict[str, Any]:
    """Move the traffic to the release, and retire what was deployed by hand."""
    p, shell = context.params, Shell()
    layout, release, systemd = Layout(Path(p["root"])), options.release(p), Systemd()
    wanted = traffic.Wanted(p["slot"], release.id, release.label, context.run.who)
    door = traffic.FrontDoor(p["front_url"], p["health_path"], p["health_statuses"], p["validate_certs"])
    timeout = context.duration("timeout")
    told: list[str] = []
    if p["nginx"] is None:
        operation, changes = traffic.switch(layout, wanted, door, systemd=systemd, timeout=timeout)
        previous = operation.previous
        context.apply(operation, changes)
    else:
        host = by_hand.look(shell)
        found = traffic.find(layout, wanted.slot, wanted.release, systemd)
        folders, told = by_hand.folders_that_follow(host, p["nginx"]["folders"], shell)
        things = adoption.Wanted(_unit(p), _texts(p["nginx"]), p["nginx"]["include"], folders)
        switch = traffic.Switch(layout, wanted, found.current, door, timeout, systemd=systemd)
        previous = found.current
        drain = context.duration("drain_timeout")
        context.apply(*adoption.adopt(host, things, switch, adoption.moves(found, wanted), drain))
        told = [*_told(host), *told]
    now = Records(layout).get(release.id) or release
    live = {**asdict(now), "slot": p["slot"]}
    return {"by_hand": p["nginx"] is not None, "live": live, "previous": previous, "told": told}


def absent(context: Context) -> dict[str, Any]:
    """Put back what was deployed by hand."""
    p = context.params
    context.refuse_locked()
    context.settle()
    layout = Layout(Path(p["root"]))
    there = unadopt.find(layout, _texts(p["nginx"]) if p["nginx"] else {})
    if there is None:
        if is_by_hand(layout, []):
            return {"by_hand": True, "told": ["nothing to do: what was deployed by hand serves"]}
        raise OpsError(
            f"this host was not taken over from a deployment by hand: {keepsake.FOLDER} is not there",
            next_step="go back to a release with playbooks/rollback.yml",
        )
    door = traffic.FrontDoor(p["front_url"], p["health_path"], p["health_statuses"], p["validate_certs"])
    operation = unadopt.Unadopt(layout, there.facts, there.nginx, door, context.duration("health_timeout"))
    context.apply(operation, unadopt.plan(there))
    text = f"the app of {there.facts['checkout']} {'would serve' if context.check else 'serves'} again, as it was left "
    return {"by_hand": True, "told": [f"{text}on {there.facts['when']}; releases and {site.CONFIGURATION} stay"]}


def _texts(nginx: Mapping[str, Any]) -> dict[str, bytes]:
    """The new contents of the files of nginx, which have to be as they were when they were read."""
    for path, digest in nginx["hashes"].items():
        if hashlib.sha256(Path(path).read_bytes()).hexdigest() != digest:
            raise OpsError(f"{path} was changed while this ran", next_step="see by whom, then run this again")
    return {path: b64decode(text) for path, text in nginx["texts"].items()}


def _unit(params: Mapping[str, Any]) -> str:
    for file in options.files(params):
        if file.path == adoption.UNIT_FILE and file.content is not None:
            return file.content
    raise OpsError(f"the files have no {adoption.UNIT_FILE}", next_step="report this: the role gives it")


def require_host(url: str, validate_certs: bool, python: str) -> None:
    """Refuse a host that lacks what a deploy needs, or whose front door does not lead to the app now.

    Args:
        url: the health of the app as nginx shows it, where the takeover is proven.
        validate_certs: whether its certificate has to be valid.
        python: the interpreter for virtual environments.

    Raises:
        OpsError: with the next step; nothing is installed unasked.
    """
    by_hand.require_packages(python, Shell())
    try:
        answer = get(url, validate_certs=validate_certs)
        seen = "" if answer.status == 200 else f"HTTP {answer.status}"
    except Unanswered as error:
        seen = str(error)
    if seen:
        raise OpsError(
            f"{url} does not show the app that serves now: {seen}",
            next_step="set blyan_front_url to a URL at which nginx shows it on this host, such as https://127.0.0.1/api",
        )


def _told(host: ByHand) -> list[str]:
    at = f" (at {host.commit})" if host.commit else ""
    text = [f"took over from {host.checkout}{at}; back to that: ansible-playbook deploy.yml -e deploy_adopt=undo"]
    names = legacy_unit.left_out(host.unit)
    return text + ([f"left out of its environment: {', '.join(names)}"] if names else [])
