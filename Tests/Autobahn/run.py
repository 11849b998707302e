#!/usr/bin/env python3
"""Runs the Autobahn suite against `roost serve --conformance` and says in one line what came out.

run.py [--jobs N] [--lenient] [--tls] [--url URL] PATTERN…      (a pattern: 1.* or 6.4.3; none: all cases)

ROOST_BIN names the program under test; with --tls it is spoken to over TLS, where the suite trusts any certificate. A
case that the suite calls non-strict fails the run unless --lenient is given; either way it is named. Exits 0 where every
case has passed, else 1.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# The suite's words, from good to bad, for the case and for how the connection ended.
GOOD, INFORMATIONAL, NON_STRICT = "OK", "INFORMATIONAL", "NON-STRICT"


class Server:
    """The program under test, from its start to its exit code."""

    def __init__(self, program, log, *flags):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ROOST_")}
        self.process = subprocess.Popen(
            [program, "serve", "--conformance", "--port", "0", "--store", "memory:",
             "--rate-limit-connects", "0", *flags],
            env=clean, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        match = re.fullmatch(r"roost: listening on http(s?)://(\S+)\n", line)
        if not match:
            self.process.kill()
            raise SystemExit(f"autobahn: the server does not listen; it wrote {line!r}")
        self.url = f"ws{match[1]}://{match[2]}/echo"

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)


def certificate(directory):
    """Flags that name a fresh certificate and its key."""
    cert, key = f"{directory}/cert.pem", f"{directory}/key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    return ["--tls-cert", cert, "--tls-key", key]


class Part(threading.Thread):
    """One client, which runs every so many-th of the cases."""

    def __init__(self, number, of, url, patterns):
        super().__init__()
        self.arguments = [str(HERE / "client.py"), url, str(number), str(of), *patterns]
        self.expected, self.results, self.complaint = [], {}, ""

    def run(self):
        with tempfile.TemporaryFile("w+") as errors:
            client = subprocess.Popen(
                [HERE / ".venv/bin/python", "-W", "ignore", *self.arguments], stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, "PYTHONPATH": str(HERE / ".venv/suite")}, text=True)
            self.expected = json.loads(client.stdout.readline() or "[]")
            for line in client.stdout:
                result = json.loads(line)
                self.results[result["id"]] = result
            errors.seek(0)
            complaint = errors.read()
            # Exceptions in the suite are printed and go on; what comes out then is worth nothing.
            if client.wait() != 0 or "Traceback" in complaint:
                self.complaint = complaint[-4000:]


def verdict(result):
    """good, informational, non-strict or failed."""
    behavior, closing = result["behavior"], result["behaviorClose"]
    if closing not in (GOOD, INFORMATIONAL) or behavior not in (GOOD, INFORMATIONAL, NON_STRICT):
        return "failed"
    return {GOOD: "strict", INFORMATIONAL: "informational", NON_STRICT: "non-strict"}[behavior]


def order(case):
    return [int(number) for number in case.split(".")]


def tell(parts, seconds, lenient, way):
    """Prints what came out; whether that is good enough."""
    results = {case: result for part in parts for case, result in part.results.items()}
    expected = sorted((case for part in parts for case in part.expected), key=order)
    kinds = collections.defaultdict(list)
    for case in expected:
        kinds[verdict(results[case]) if case in results else "not run"].append(case)
    for kind in ("failed", "non-strict"):
        for case in kinds[kind]:
            result = results[case]
            print(f"  {kind} {case}: {result['behavior']}, {result['result']} "
                  f"Close: {result['behaviorClose']}, {result['resultClose']}")
    if kinds["not run"]:
        print(f"  not run: {' '.join(kinds['not run'])}")
    for part in parts:
        if part.complaint:
            print(f"  an exception inside the suite:\n{part.complaint}")
    counts = [f"{len(kinds[kind])} {kind}" for kind in ("strict", "non-strict", "informational", "failed")]
    names = f" (non-strict: {' '.join(kinds['non-strict'])})" if kinds["non-strict"] else ""
    print(f"autobahn{way}: {len(expected)} cases, {', '.join(counts)} in {seconds:.0f} s{names}")
    bad = kinds["failed"] + kinds["not run"] + ([] if lenient else kinds["non-strict"])
    return bool(expected) and not bad and not any(part.complaint for part in parts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--lenient", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--url")
    options = parser.parse_args()
    program = os.environ.get("ROOST_BIN")
    if not options.url and not program:
        raise SystemExit("Set ROOST_BIN to the path of the roost binary that shall be tested.")
    subprocess.run([HERE / "install.sh"], check=True)
    with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryDirectory() as directory:
        server = None if options.url else Server(program, log, *(certificate(directory) if options.tls else []))
        started = time.monotonic()
        parts = [Part(number, options.jobs, options.url or server.url, options.patterns)
                 for number in range(options.jobs)]
        for part in parts:
            part.start()
        for part in parts:
            part.join()
        way = " over TLS" if (options.url or server.url).startswith("wss:") else ""
        is_good = tell(parts, time.monotonic() - started, options.lenient, way)
        if server and server.stop() != 0:
            print("autobahn: the server did not end well")
            is_good = False
        if not is_good:
            log.seek(0)
            print(log.read()[-4000:], end="")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
