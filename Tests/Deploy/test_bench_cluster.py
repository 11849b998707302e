"""`make bench-cluster`, in small: every table is there, with figures."""

import pathlib
import re
import signal
import subprocess
import sys

import pytest

from checks import PATIENCE

pytestmark = pytest.mark.alone

BENCH = pathlib.Path(__file__).parents[2] / "Benchmarks" / "cluster.py"
SMALL = ["--rounds", "1", "--samples", "20", "--seconds", "1", "--in-flight", "2", "--idle-seconds", "2",
         "--connections", "30"]
STORES = 2 if pathlib.Path("/dev/shm").is_dir() else 1


def rows(page, title):
    """The cells of the table below this title."""
    lines = page.split(title)[1].strip().splitlines()
    table = [line for line in lines[:lines.index("")] if line.startswith("|")] if "" in lines else lines
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:] if line.startswith("|")]


def figure(cell):
    return float(re.match(r"[\d,.]+", cell)[0].replace(",", ""))


def measure(*arguments):
    """What the measurement prints. One that takes too long is ended as by Ctrl-C, which ends what it has started."""
    process = subprocess.Popen([sys.executable, BENCH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        page, complaints = process.communicate(timeout=120 * PATIENCE)
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30 * PATIENCE)
        finally:
            process.kill()
        raise
    assert process.returncode == 0, complaints
    return page


def test_every_table_has_its_figures():
    page = measure(*SMALL)
    # One row of each place where a store is, /dev/shm being one on Linux.
    found = rows(page, "one message at a time:\n")
    assert len(found) == STORES
    for row in found:
        assert all(figure(cell) > 0 for cell in row[1:5]), row
    loads = rows(page, "heard on both:\n")
    assert len(loads) == STORES
    for row in loads:
        # Nearly every message crosses Redis; what a loaded node posts together counts once.
        assert figure(row[2]) > 10 and 0.1 < figure(row[3]) < 5, row
    quiet, watched = rows(page, "over 2 s:\n")
    assert quiet[0] == "0" and watched[0] == "30" and figure(quiet[3]) > 1
    assert re.search(r"[\d,]+ posts/s one by one", page)


def test_what_is_missing_is_said():
    done = subprocess.run([sys.executable, BENCH], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, timeout=60)
    assert (done.returncode, done.stderr) == (2, "cluster: Set ROOST_BIN to a release build of roost.\n")
