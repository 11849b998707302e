#!/usr/bin/env python3
"""Measures whether a delivery costs the same when other things are there ten times over, and what a room costs in
memory; prints the tables (README.md says how to read them).

    ROOST_BIN=… Benchmarks/growth.py
"""

import sys

from comparison import command, growing
from comparison.servers import ROOST, Failure, raise_open_files
from comparison.table import beside, notes

READERS, CONNECTIONS = 1000, 10_000
# Open files that a server needs besides its connections.
FILES_BESIDES = 500


def options(row_names):
    parser = command.parser(" ".join(__doc__.split("\n\n")[0].split()), row_names)
    parser.add_argument("--readers", type=int, default=READERS, help=f"of the room that is measured ({READERS})")
    parser.add_argument("--connections", type=int, default=CONNECTIONS,
                        help=f"how many are there where many are; a tenth where few are ({CONNECTIONS})")
    return parser.parse_args()


def page(cases, measurements, caption):
    """Everything that is printed."""
    grown = [case.row for case in cases if isinstance(case, growing.Growth)]
    memory = [case for case in cases if isinstance(case, growing.Memory)]
    parts = [caption]
    if grown:
        parts.append(beside(grown, measurements, growing.BASE, growing.GROWN, ["few", "ten times as many"]))
    if memory:
        parts += ["What a room with one reader takes:", growing.rooms_in_memory(memory, measurements)]
    return "\n\n".join(part for part in [*parts, notes(measurements)] if part)


def check(chosen):
    files = raise_open_files()
    if not (1000 <= chosen.connections and 1 <= chosen.readers <= files - FILES_BESIDES - chosen.connections):
        raise Failure(f"--connections must be 1,000 at least, and with --readers not more than "
                      f"{files - FILES_BESIDES:,} (ulimit -Hn is {files:,}).")


def main():
    names = [case.row.name for case in growing.cases(READERS, CONNECTIONS)]
    chosen = options(names)
    cases = [case for case in growing.cases(chosen.readers, chosen.connections) if case.row.name in chosen.only]
    try:
        check(chosen)
        command.check_machine(chosen, needs_disk=any(case.on_disk for case in cases))
        failed = command.run(
            chosen, [case.row for case in cases], [ROOST.name],
            one_round=lambda number: (found for case in cases
                                      for found in growing.measure(case, number, chosen.seconds, chosen.folder)),
            page=lambda measurements, caption: page(cases, measurements, caption))
    except Failure as failure:
        print(f"growth: {failure}", file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
