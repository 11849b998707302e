#!/usr/bin/env python3
"""What the disk itself does on this machine: a bare loop that appends so many bytes to a file and waits until they are
on the disk (fdatasync, as SQLite's commits do), again and again. The latency of acks is to be seen beside it.

    bare_fsync.py FILE      # on the disk to be measured; it is made anew"""

import argparse
import json
import os
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--bytes", type=int, default=65536, help="bytes of each write (65536)")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def append(path, size, seconds):
    """How many seconds each write took until it was on the disk, shortest first."""
    data, took = os.urandom(size), []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        ends = time.perf_counter() + seconds
        while not took or time.perf_counter() < ends:
            began = time.perf_counter()
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left):]
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
    return sorted(took)


def main():
    options = arguments()
    took = append(options.file, options.bytes, options.seconds)
    figures = {
        "writes": len(took),
        "p50 ms": round(1000 * took[len(took) // 2], 3),
        "p99 ms": round(1000 * took[int(len(took) * 0.99)], 3),
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{name}  {value:,}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
