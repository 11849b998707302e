"""The comparison's modules, from where they are, and its commands with a stand-in for every server."""

import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Benchmarks"))

from comparison import machine, servers  # noqa: E402

STUB = pathlib.Path(__file__).with_name("stub_roost.py")


@pytest.fixture
def stub(monkeypatch, tmp_path):
    """Runs a command's module with arguments; returns its code and the generator's calls."""
    if not shutil.which("taskset") or not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("needs taskset and processors 0 and 1")
    calls = tmp_path / "calls"
    calls.touch()
    monkeypatch.setenv("ROOST_BIN", str(STUB))
    monkeypatch.setenv("STUB_CALLS", str(calls))
    monkeypatch.setattr(servers, "START_PEER", STUB)
    monkeypatch.setattr(machine, "START_PEER", STUB)

    def run(module, *arguments):
        monkeypatch.setattr(sys, "argv", [module.__file__, "--seconds", "1", "--rounds", "1", *arguments])
        return module.main(), calls.read_text().splitlines()

    before = os.sched_getaffinity(0)
    yield run
    os.sched_setaffinity(0, before)
