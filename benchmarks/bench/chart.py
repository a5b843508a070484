# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The side-by-side results as one small picture, legible on light and on dark."""

from __future__ import annotations

from html import escape

from .results import Results

WIDTH, LABEL, BAR, STEP = 720, 236, 18, 26
NOTE = 190
"""Room to the right of the longest bar for what it says."""

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.head { font-weight: 600 }
.note { fill: #57606a }
.other { fill: #8c959f }
.ours { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note { fill: #9198a1 }
  .other { fill: #6e7681 }
  .ours { fill: #3fb950 }
}
"""


def chart(results: Results) -> str:
    """The picture as SVG."""
    longest = max(sample.seconds for sample in results.compared)
    scale = (WIDTH - LABEL - NOTE) / longest
    parts, top = [], 0
    for action in ("deploy", "rollback"):
        top += 24
        parts.append(f'<text class="head" x="0" y="{top - 6}">{action.capitalize()}, until healthy</text>')
        for way, title in results.titles.items():
            seconds, failed = results.median(way, action), results.failed(way, action)
            length, middle = seconds * scale, top + BAR - 4
            said = f"{seconds:.1f} s, {failed} requests failed"
            parts += [
                f'<text x="{LABEL - 8}" y="{middle}" text-anchor="end">{escape(title)}</text>',
                f'<rect class="{"ours" if way == "ours" else "other"}" x="{LABEL}" y="{top}" '
                f'width="{length:.1f}" height="{BAR}" rx="2"/>',
                f'<text class="note" x="{LABEL + length + 8:.1f}" y="{middle}">{said}</text>',
            ]
            top += STEP
        top += 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        f'role="img" aria-label="Seconds and failed requests of each way">\n<style>{STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
