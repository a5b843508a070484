#!/usr/bin/env python3
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make, list, reboot and remove test hosts. See README.md beside this file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from testhosts import HostsError, down, get, hosts, image, up, write_inventory


def main() -> None:
    options = parser().parse_args()
    if options.action == "up":
        for host in up(*options.names, image=options.image):
            print(f"{host.name} {host.address}")
    elif options.action == "down":
        down(*options.names)
    elif options.action == "reboot":
        for name in options.names:
            get(name).reboot()
    elif options.action == "list":
        for host in hosts().values():
            print(f"{host.name} {host.address} {host.container}")
    elif options.action == "inventory":
        print(write_inventory(options.file, dict(options.groups)))
    elif options.action == "ssh":
        argv = get(options.name).ssh_argv(*options.command)
        os.execvp(argv[0], argv)
    elif options.action == "image":
        print(image.ensure())
    else:
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
    actions = top.add_subparsers(dest="action", required=True)
    action = actions.add_parser("up", help="boot these hosts, unless they are there; wait until SSH answers")
    action.add_argument("names", nargs="+", metavar="NAME")
    action.add_argument("--image", help="boot from this image instead of the bare one")
    action = actions.add_parser("down", help="remove these hosts, or all of this checkout")
    which = action.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="NAME")
    which.add_argument("--all", action="store_true", help="all hosts of this checkout")
    action = actions.add_parser("reboot", help="reboot these hosts; wait until SSH answers")
    action.add_argument("names", nargs="+", metavar="NAME")
    actions.add_parser("list", help="name, address and container of each host")
    action = actions.add_parser("inventory", help="write an inventory of hosts that are there")
    action.add_argument("file", metavar="FILE.json", type=Path)
    action.add_argument("groups", nargs="+", metavar="GROUP=NAME,...", type=group)
    action = actions.add_parser("ssh", help="a shell on a host, or one command")
    action.add_argument("name", metavar="NAME")
    action.add_argument("command", nargs=argparse.REMAINDER)
    actions.add_parser("image", help="make the image of the hosts when it is missing; print its name")
    actions.add_parser("clean", help="remove all hosts of this checkout, and the images")
    return top


if __name__ == "__main__":
    try:
        main()
    except HostsError as error:
        sys.exit(f"hosts.py: {error}")
