"""What the commands that measure share: options, what they need of the machine, and where results go."""

import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile

from comparison import bare, machine, table
from comparison.servers import GENERATOR_PROCESSOR, ROOST, Failure, roost_program


def several(known):
    """Reads names separated by commas."""
    def read(text):
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
        return names
    return read


def parser(description, row_names):
    """The options that all have."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    options.add_argument("--seconds", type=int, default=5, help="how long each benchmark measures (5)")
    options.add_argument("--only", type=several(row_names), default=row_names, metavar="NAMES",
                         help=f"rows, of {','.join(row_names)} (all)")
    options.add_argument("--folder", metavar="DIR", default=tempfile.gettempdir(),
                         help=f"where stores are made, on a disk ({tempfile.gettempdir()})")
    options.add_argument("--json", metavar="FILE", help="where the raw results go, after every round")
    options.add_argument("--markdown", metavar="FILE", help="where the tables go, besides standard output")
    return options


def check_machine(chosen, needs_disk):
    """Refuses to begin what would fail later or measure something else; pins this process to the generator's side."""
    if not shutil.which("taskset") or not {0, int(GENERATOR_PROCESSOR)} <= os.sched_getaffinity(0):
        raise Failure("This needs Linux, taskset and processors 0 and 1.")
    roost_program()
    for path in filter(None, (chosen.json, chosen.markdown)):
        if not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK):
            raise Failure(f"{path} can't be written: its folder is missing or not yours to write to.")
    chosen.disk = bare.check_folder(chosen.folder) if needs_disk else None
    # Whatever this does itself, it does not do on the server's processor.
    os.sched_setaffinity(0, {int(GENERATOR_PROCESSOR)})


def tell(found, rows):
    """Says on standard error what one run has found."""
    line = next(row.lines[0] for row in rows if row.name == found.row)
    first = found.figure(line.figure)
    result = f"{table.number(first)} {line.unit}" if first is not None else "; ".join(found.faults)
    print(f"round {found.round}: {found.row} {found.server}: {result or found.arguments or 'nothing'}",
          file=sys.stderr, flush=True)


def write(path, text):
    """Writes a file that is whole at any time."""
    partial = f"{path}.partial"
    try:
        with open(partial, "w") as file:
            file.write(text)
        os.replace(partial, path)
    except OSError as error:
        raise Failure(f"{path} can't be written: {error.strerror}") from None


def save(path, facts, measurements):
    """Keeps the raw results."""
    write(path, json.dumps({**facts, "measurements": [dataclasses.asdict(m) for m in measurements]},
                           indent=1, ensure_ascii=False))


def run(chosen, rows, names, one_round, page):
    """Measures round after round, prints the page and keeps what was asked for; returns whether anything but a peer was
    at fault.

    - one_round: yields the measurements of the round with that number.
    - page: makes the text out of all measurements and the caption."""
    facts = {**machine.circumstances(names, chosen.rounds, chosen.seconds), "disk": chosen.disk}
    measurements = []
    try:
        for number in range(1, chosen.rounds + 1):
            for found in one_round(number):
                tell(found, rows)
                measurements.append(found)
            if chosen.json:
                save(chosen.json, facts, measurements)
    except KeyboardInterrupt:
        print("interrupted: the table is of what was measured so far", file=sys.stderr)
    facts["rounds"] = len({m.round for m in measurements})
    text = page(measurements, machine.caption(facts))
    print(text)
    if chosen.markdown:
        write(chosen.markdown, f"{text}\n")
    return any(m.faults for m in measurements if m.server not in names or m.server == ROOST.name)
