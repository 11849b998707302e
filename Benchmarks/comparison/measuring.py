"""Runs the load generator, `roost bench`, against a fresh server, and keeps what it said."""

import json
import subprocess
from dataclasses import dataclass, field

from comparison.rows import IN_FLIGHT_AT_MOST
from comparison.servers import GENERATOR_PROCESSOR, Failure, environment, roost_program, serving

# How long the generator may take beyond the time it measures: the slowest peer takes a minute for 19,000 connections.
GRACE = 240


@dataclass
class Measurement:
    """What one run has found, or why it is worth nothing."""

    row: str
    server: str
    round: int
    arguments: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def figure(self, name):
        """A figure, unless something was lost or the run did not end well: then nothing it says counts."""
        return None if self.faults else self.figures.get(name)


def report(program_output):
    """The generator's one object of JSON."""
    try:
        found = json.loads(program_output)
        figures = {figure["name"]: float(figure["value"]) for figure in found["figures"]}
        return figures, list(found["warnings"]), list(found["faults"])
    except (ValueError, KeyError, TypeError):
        return None


def generate(row, server, more):
    """Runs the row's benchmark; returns its figures, warnings and faults."""
    path = server.kind.echo if row.echo else server.kind.rooms
    dialect = ["--dialect", server.kind.dialect] if row.speaks_dialects else []
    arguments = [row.benchmark, "--url", server.url(path), *dialect, *row.arguments, *more]
    command = ["taskset", "-c", GENERATOR_PROCESSOR, roost_program(), "bench", *arguments,
               "--pid", str(server.pid), "--json"]
    patience = GRACE + (int(more[more.index("--seconds") + 1]) if "--seconds" in more else 0)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=patience, env=environment())
    except subprocess.TimeoutExpired:
        raise Failure(f"the generator did not end within {patience} s") from None
    found = report(done.stdout)
    if found is None:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise Failure(f"the generator ended with {done.returncode} and said: {said}")
    figures, warnings, faults = found
    if done.returncode and not faults:
        faults = [f"the generator ended with {done.returncode}"]
    if server.process.poll() is not None:
        faults.append(f"the server ended: {server.last_words()}")
    return figures, warnings, faults


def run(row, kind, more):
    with serving(kind, echo=row.echo) as server:
        return generate(row, server, more)


def half_of_maximum(row, kind, timing):
    """Half of the publications a second that the server manages when it always has some to do."""
    figures, _, faults = run(row, kind, ["--in-flight", IN_FLIGHT_AT_MOST, *timing])
    if faults:
        raise Failure(f"at full load: {faults[0]}")
    if not figures.get("publications/s"):
        raise Failure("at full load: the generator told no publications/s")
    return max(1, round(figures["publications/s"] / 2))


def measure(row, kind, round_number, seconds):
    """One row of one server in one round."""
    measurement = Measurement(row.name, kind.name, round_number)
    if row.echo and kind.echo is None:
        measurement.arguments = "it has no echo"
        return measurement
    timing = ["--seconds", str(seconds)] if row.timed else []
    try:
        if row.half_load:
            timing += ["--rate", str(half_of_maximum(row, kind, timing))]
        measurement.arguments = " ".join([row.benchmark, *row.arguments, *timing])
        measurement.figures, measurement.warnings, measurement.faults = run(row, kind, timing)
    except Failure as failure:
        measurement.faults = [str(failure)]
    return measurement
