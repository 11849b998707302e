#!/usr/bin/env python3
"""Compares Roost with other servers on this machine and prints the table (README.md says how to read it).

    Benchmarks/peers/install.sh && ROOST_BIN=… Benchmarks/compare.py
"""

import argparse
import dataclasses
import json
import os
import shutil
import sys

from comparison import machine, table
from comparison.measuring import measure
from comparison.rows import rows as all_rows
from comparison.servers import GENERATOR_PROCESSOR, PEERS, ROOST, Failure, raise_open_files, roost_program

IDLE_CONNECTIONS = 19_000
# Open files that a server or the generator needs besides its connections.
FILES_BESIDES = 500


def several(known):
    """Reads names separated by commas."""
    def read(text):
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
        return names
    return read


def options(row_names):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--seconds", type=int, default=5, help="how long each benchmark measures (5)")
    parser.add_argument("--only", type=several(row_names), default=row_names, metavar="NAMES",
                        help=f"rows, of {','.join(row_names)} (all)")
    parser.add_argument("--peers", type=several(list(PEERS)), default=list(PEERS), metavar="NAMES",
                        help=f"servers besides Roost, of {','.join(PEERS)} (all)")
    parser.add_argument("--json", metavar="FILE", help="where the raw results go, after every round")
    return parser.parse_args()


def check_machine():
    if not shutil.which("taskset") or not {0, int(GENERATOR_PROCESSOR)} <= os.sched_getaffinity(0):
        raise Failure("This needs Linux, taskset and processors 0 and 1.")
    roost_program()
    # Whatever this does itself, it does not do on the server's processor.
    os.sched_setaffinity(0, {int(GENERATOR_PROCESSOR)})


def one_round(number, rows, kinds, seconds):
    """Measures every row on every server, in another order each round, so that none always comes after the same."""
    start = number % len(kinds)
    for row in rows:
        for kind in kinds[start:] + kinds[:start]:
            found = measure(row, kind, number, seconds)
            first = found.figure(row.lines[0].figure)
            result = f"{table.number(first)} {row.lines[0].unit}" if first is not None else "; ".join(found.faults)
            print(f"round {number}: {row.name} {kind.name}: {result or found.arguments}", file=sys.stderr, flush=True)
            yield found


def save(path, facts, measurements):
    """Keeps the raw results, whole at any time."""
    partial = f"{path}.partial"
    with open(partial, "w") as file:
        json.dump({**facts, "measurements": [dataclasses.asdict(m) for m in measurements]}, file,
                  indent=1, ensure_ascii=False)
    os.replace(partial, path)


def compare(chosen, rows):
    kinds = [PEERS[name] for name in chosen.peers] + [ROOST]
    names = [kind.name for kind in kinds]
    facts = machine.circumstances(names, chosen.rounds, chosen.seconds)
    measurements = []
    try:
        for number in range(1, chosen.rounds + 1):
            measurements += one_round(number, rows, kinds, chosen.seconds)
            if chosen.json:
                save(chosen.json, facts, measurements)
    except KeyboardInterrupt:
        print("interrupted: the table is of what was measured so far", file=sys.stderr)
    facts["rounds"] = len({m.round for m in measurements})
    print(table.page(rows, measurements, names, machine.caption(facts)))
    return any(m.faults for m in measurements if m.server == ROOST.name)


def main():
    known = all_rows(min(IDLE_CONNECTIONS, raise_open_files() - FILES_BESIDES))
    chosen = options([row.name for row in known])
    try:
        check_machine()
        return 1 if compare(chosen, [row for row in known if row.name in chosen.only]) else 0
    except Failure as failure:
        print(f"compare: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
