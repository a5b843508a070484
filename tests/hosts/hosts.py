# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make, list, reboot and remove test hosts. See README.md beside this file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from testhosts import HostsError, down, get, hosts, image, up, write_inventory


def boot(options: argparse.Namespace) -> None:
    for host in up(*options.names, image=options.image):
        print(f"{host.name} {host.address}")


def remove(options: argparse.Namespace) -> None:
    down(*options.names)


def reboot(options: argparse.Namespace) -> None:
    for name in options.names:
        get(name).reboot()


def show(_options: argparse.Namespace) -> None:
    for host in hosts().values():
        print(f"{host.name} {host.address} {host.container}")


def inventory(options: argparse.Namespace) -> None:
    print(write_inventory(options.file, dict(options.groups)))


def ssh(options: argparse.Namespace) -> None:
    argv = get(options.name).ssh_argv(*options.command)
    os.execvp(argv[0], argv)


def make_image(_options: argparse.Namespace) -> None:
    print(image.ensure())


def clean(_options: argparse.Namespace) -> None:
    down()
    image.remove()


def group(text: str) -> tuple[str, list[str]]:
    """blyan_api=one,two"""
    name, equals, members = text.partition("=")
    if not (name and equals and members):
        raise argparse.ArgumentTypeError(f"{text!r} is no group: write it as blyan_api=one,two")
    return name, members.split(",")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="hosts.py", description=__doc__)
    actions = top.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, do: Callable[[argparse.Namespace], None], about: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=about, description=about)
        action.set_defaults(do=do)
        return action

    action = add("up", boot, "boot these hosts, unless they are there; wait until SSH answers")
    action.add_argument("names", nargs="+", metavar="NAME")
    action.add_argument("--image", help="boot from this image instead of the bare one")
    action = add("down", remove, "remove these hosts, or all of this checkout")
    which = action.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="NAME")
    which.add_argument("--all", action="store_true", help="all hosts of this checkout")
    action = add("reboot", reboot, "reboot these hosts; wait until SSH answers")
    action.add_argument("names", nargs="+", metavar="NAME")
    add("list", show, "name, address and container of each host")
    action = add("inventory", inventory, "write an inventory of hosts that are there")
    action.add_argument("file", metavar="FILE.json", type=Path)
    action.add_argument("groups", nargs="+", metavar="GROUP=NAME,...", type=group)
    action = add("ssh", ssh, "a shell on a host, or one command")
    action.add_argument("name", metavar="NAME")
    action.add_argument("command", nargs=argparse.REMAINDER)
    add("image", make_image, "make the image of the hosts when it is missing; print its name")
    add("clean", clean, "remove all hosts of this checkout, and the images")
    return top


if __name__ == "__main__":
    chosen = parser().parse_args()
    try:
        chosen.do(chosen)
    except HostsError as error:
        sys.exit(f"hosts.py: {error}")
