#!/usr/bin/python
# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Tell people and machines what a playbook did
version_added: 0.1.0
description:
  - Prints a short summary of all hosts of the play, writes it as JSON to a file of the controller where one is named,
    and sets it as the statistic C(blyan), which AWX workflows read.
  - Stands in the C(always) section of a playbook, so that a failure is told as well.
author: Blyan operators (@blyan)
attributes:
  check_mode:
    support: full
    description: Reports what would be done; the result file is written, as it is asked for on the controller.
  diff_mode:
    support: none
    description: It changes nothing on hosts.
options:
  playbook:
    description: The name of the playbook.
    type: str
    required: true
  result:
    description:
      - The variable in which the role left its result for each host, a mapping.
      - Its C(summary), a list of lines, is what people see.
    type: str
    required: true
  file:
    description: A file on the controller to write the result to; empty for none.
    type: str
    default: ''
notes:
  - It runs on the controller, once for all hosts.
"""

EXAMPLES = r"""
- name: Report
  blyan.ops.report:
    playbook: deploy
    result: deploy_result
    file: "{{ blyan_result_file | default('') }}"
"""

RETURN = r"""
"""
