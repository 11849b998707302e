#!/usr/bin/env python3
"""Compares Roost with other servers on this machine and prints the table (README.md says how to read it).

    Benchmarks/peers/install.sh && ROOST_BIN=… Benchmarks/compare.py
"""

import sys

from comparison import bare, command, table
from comparison.measuring import measure
from comparison.rows import BARE
from comparison.rows import rows as all_rows
from comparison.servers import PEERS, ROOST, Failure, raise_open_files

IDLE_CONNECTIONS = 19_000
# Open files that a server or the generator needs besides its connections.
FILES_BESIDES = 500


def options(row_names):
    parser = command.parser(__doc__.splitlines()[0], row_names)
    parser.add_argument("--peers", type=command.several(list(PEERS)), default=list(PEERS), metavar="NAMES",
                        help=f"servers besides Roost, of {','.join(PEERS)} (all)")
    return parser.parse_args()


def one_round(number, rows, kinds, chosen):
    """Measures every row on every server, in another order each round, so that none always comes after the same."""
    start = number % len(kinds)
    for row in rows:
        if row.base == BARE:
            yield from bare.measure(row, number, chosen.seconds, chosen.folder)
        else:
            for kind in kinds[start:] + kinds[:start]:
                yield measure(row, kind, number, chosen.seconds)


def compare(chosen, rows):
    """Returns whether Roost, or what it is measured against without a peer, was at fault in any run."""
    peers = chosen.peers if any(row.base != BARE for row in rows) else []
    kinds = [PEERS[name] for name in peers] + [ROOST]
    names = [kind.name for kind in kinds]
    return command.run(
        chosen, rows, names, one_round=lambda number: one_round(number, rows, kinds, chosen),
        page=lambda measurements, caption: table.page(rows, measurements, names, caption))


def main():
    known = all_rows(min(IDLE_CONNECTIONS, raise_open_files() - FILES_BESIDES))
    chosen = options([row.name for row in known])
    rows = [row for row in known if row.name in chosen.only]
    try:
        command.check_machine(chosen, needs_disk=any(row.benchmark == "store" for row in rows))
        return 1 if compare(chosen, rows) else 0
    except Failure as failure:
        print(f"compare: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
