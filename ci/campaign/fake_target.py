#!/usr/bin/env python3
"""Stands in for a fuzz target in the test of campaigns: behaves as libFuzzer does, finds what it is told to.

FAKE_FINDINGS="SIGNATURE ..." are found one after the other, unless CMACHECK_KNOWN has them; with an asterisk at its end
one is found by another input each time. Given a file alone, it prints that finding again. Each input that it leaves is
also written into FAKE_LEDGER, so that the test can see whether a campaign has lost one. A seed whose content is
`hang` ends it as libFuzzer ends at a time-out. FAKE_BROKEN=1: ends at once and leaves nothing. FAKE_KEEPS=FILE: keeps
each finding there itself, as the kernel target does. Its seconds are turns of its loop, added to CMACHECK_CLOCK.
"""

import hashlib
import os
import signal
import sys
import time
from pathlib import Path

options = dict(word[1:].split("=", 1) for word in sys.argv[1:] if word.startswith("-") and "=" in word)
TURN_SECONDS = 0.02
folders = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]


def leave(kind, content, status):
    sha1 = hashlib.sha1(content).hexdigest()
    file = Path(f"{options['artifact_prefix']}{kind}-{sha1}")
    file.write_bytes(content)
    with open(os.environ["FAKE_LEDGER"], "a") as ledger:
        ledger.write(file.name + "\n")
        ledger.flush()
        os.fsync(ledger.fileno())
    print(f"artifact_prefix='{options['artifact_prefix']}'; Test unit written to {file}", flush=True)
    sys.exit(status)


def merge():
    """Keeps two inputs. Leaves one whose content is `crash`, as the engine's child does; `endless` keeps it busy."""
    for path in sorted(folders[1].iterdir()):
        if path.read_bytes() == b"endless":
            time.sleep(600)
        if path.read_bytes() == b"crash" and os.fork() == 0:
            leave("crash", b"crash", 77)
        elif len(list(folders[0].iterdir())) < 2:
            (folders[0] / path.name).write_bytes(path.read_bytes())


def main():
    signal.signal(signal.SIGINT, lambda *_: sys.exit(72))
    if os.environ.get("FAKE_BROKEN"):
        sys.exit(1)
    if options.get("merge") == "1":
        return merge()
    if not options:
        print(f"FINDING: {folders[0].read_text().split('*')[0]}", file=sys.stderr)
        sys.exit(77)
    for seed in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if seed.read_bytes() == b"hang":
            leave("timeout", b"hang", 70)
    known = os.environ["CMACHECK_KNOWN"].split(",")
    turns = int(float(options["max_total_time"]) / TURN_SECONDS)
    for runs in range(100, 100 * turns + 1, 100):
        with open(os.environ["CMACHECK_CLOCK"], "a") as clock:
            clock.write("." * round(100 * TURN_SECONDS))
        content = os.urandom(8)
        (folders[0] / hashlib.sha1(content).hexdigest()).write_bytes(content)
        print(f"#{runs}\tNEW    cov: {runs // 10} ft: {runs // 5} corp: 1/8b lim: 8 exec/s: 100 rss: 1Mb", flush=True)
        for signature in os.environ.get("FAKE_FINDINGS", "").split():
            if runs >= 200 and (signature.endswith("*") or signature not in known):
                print(f"FINDING: {signature}", flush=True)
                if "FAKE_KEEPS" in os.environ:
                    kept = Path(os.environ["FAKE_KEEPS"])
                    kept.write_text(f"# cmacheck judge --release 6.1 {kept}\n# written by a test\n# {signature}\n")
                    print(f"kept: {kept}", flush=True)
                leave("crash", (signature + os.urandom(4).hex() * signature.endswith("*")).encode(), 77)
        time.sleep(TURN_SECONDS)
    print(f"#{100 * turns}\tDONE   cov: {10 * turns} ft: {20 * turns} corp: 1/8b exec/s: 100", flush=True)


main()
