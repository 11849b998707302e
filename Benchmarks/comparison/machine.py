"""Says where and with what the figures were made: figures of two runs are not to be compared without it."""

import contextlib
import datetime
import os
import platform
import subprocess

from comparison.servers import REPOSITORY, START_PEER, roost_program


def said(*command):
    """What a command prints, or nothing where it fails."""
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=20)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def value_of(path, key):
    with contextlib.suppress(OSError), open(path) as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def describe():
    """Processors, memory and system, as one phrase."""
    processor = value_of("/proc/cpuinfo", "model name") or platform.machine()
    memory = value_of("/proc/meminfo", "MemTotal").split()
    parts = [f"{os.cpu_count()} processors ({processor})"]
    if memory:
        parts.append(f"{round(int(memory[0]) / 2**20)} GiB")
    with contextlib.suppress(OSError):
        parts.append(platform.freedesktop_os_release()["PRETTY_NAME"])
    parts.append(f"Linux {platform.release()}")
    return ", ".join(parts)


def versions(names):
    """What each server is, by its own words."""
    found = {name: said(str(START_PEER), name, "--version") for name in names if name != "roost"}
    # The first line has the number and the commit.
    return {**found, "roost": said(roost_program(), "version").partition("\n")[0]}


def circumstances(names, rounds, seconds):
    commit = said("git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*") or "unknown"
    return {"date": datetime.date.today().isoformat(), "machine": describe(), "commit": commit,
            "rounds": rounds, "seconds": seconds, "versions": versions(names)}


def caption(facts):
    versions = "; ".join(text or f"{name}, version unknown" for name, text in facts["versions"].items())
    return (f"{facts['date']}, {facts['machine']}, commit `{facts['commit']}`: {versions}. "
            f"Medians of {facts['rounds']} round(s) of {facts['seconds']} s each; the server on processor 0, "
            "the load generator on processor 1, over loopback."
            + (f" Stores on {facts['disk']}." if facts.get("disk") else ""))
