# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one kind of failure that this collection reports to people."""

from __future__ import annotations

from collections.abc import Sequence


class OpsError(Exception):
    """A refusal or failure that an operator can act on.

    Args:
        reason: what is wrong, naming the value, as one sentence without a full stop.
        next_step: what the operator can do about it, as one sentence without a full stop.
        details: lines that help, such as the last log lines of the service.
    """

    def __init__(self, reason: str, *, next_step: str, details: list[str] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.next_step = next_step
        self.details = details or []

    def message(self) -> str:
        """The error as a person reads it: reason, next step, details."""
        text = f"{self.reason}. Next: {self.next_step}."
        if self.details:
            text += "\n" + "\n".join(f"  | {line}" for line in self.details)
        return text

    @classmethod
    def of(cls, problems: Sequence[OpsError], reason: str) -> OpsError:
        """One error for several, so that all can be mended at once; a single one is told as it is.

        Args:
            problems: at least one.
            reason: what they come to.
        """
        if len(problems) == 1:
            return problems[0]
        lines = [line for problem in problems for line in problem.message().splitlines()]
        return cls(f"{reason}, for {len(problems)} reasons", next_step="mend each of them", details=lines)
