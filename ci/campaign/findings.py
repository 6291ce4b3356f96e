"""Findings: taken from where engines leave them, minimised one at a time in the background, kept, grouped.

An input stays in incoming/ until it has been dealt with, so that a campaign which is killed deals with it when it is
started again. Then it is in raw/; of a program the minimal one is in the folder itself, named for its signature.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from campaign import disk, targets as targets_of

MINIMISE_SECONDS = 600
# Inputs kept of one target and kind that no signature tells apart: time-outs, leaks, lack of memory.
MOST_RAW = 50
REPLAY_SECONDS = 60
SIGNATURE = re.compile(r"^# ([\w-]+(?:/[\w-]+)+)$", re.MULTILINE)


def kind_of(artifact, target):
    """Returns crash, timeout, oom, leak or slow-unit: an artifact is called TARGET-KIND-SHA1."""
    return artifact[len(target) + 1:].rsplit("-", 1)[0]


def signature_in(text):
    found = SIGNATURE.search(text)
    return found.group(1) if found else None


def known_signatures(root):
    """Returns the signatures in CMACHECK_KNOWN and those that head a program of corpus/regressions."""
    known = {word for word in os.environ.get("CMACHECK_KNOWN", "").split(",") if word}
    for program in sorted((root / "corpus/regressions").glob("*.cma")):
        signature = signature_in(program.read_text(errors="replace"))
        if signature:
            known.add(signature)
    return known


class Findings:
    def __init__(self, place, tool, bug, state):
        self.place = place
        self.tool = tool
        self.bug = bug
        self.state = state
        self.dropped = 0
        self.messages = []
        self.kept_by_target = 0  # programs that a target has kept, whose raw inputs have not been seen yet
        self._taken = set()
        self._job = None

    def waiting(self):
        files = (path for path in self.place.incoming.iterdir() if path.is_file())
        return sorted(path for path in files if not path.name.startswith("."))

    def inputs(self, target):
        """Returns the names of the inputs that stopped this target since the campaign was started or resumed."""
        names = self._taken | {path.name for path in self.waiting()}
        return {name for name in names if name.startswith(f"{target}-")}

    def step(self, targets, take_out):
        """Starts on the next input that waits, or ends the one under way. `take_out` removes an input from corpora."""
        if self._job:
            self._end_job(wait=False)
        if self._job:
            return
        for path in self.waiting():
            self._taken.add(path.name)
            target = next((name for name in targets if path.name.startswith(f"{name}-")), None)
            if target is None:
                self._keep(path)
                continue
            take_out(target, path.name.rsplit("-", 1)[-1])
            if target == "program_fuzzer" and kind_of(path.name, target) == "crash" and self.tool.exists():
                self._job = self._start(path)
                return
            if target == targets_of.KERNEL and kind_of(path.name, target) == "crash" and self.kept_by_target:
                self.kept_by_target -= 1
                self._keep(path)
                continue
            self._keep_raw(path, target)

    def finish(self, targets, take_out, stopped):
        """Deals with everything that waits. `stopped` returns true once the caller should leave the rest for later."""
        while (self.waiting() or self._job) and not stopped():
            if self._job:
                self._end_job(wait=True)
            self.step(targets, take_out)

    def end(self):
        if self._job:
            self._job[1].kill()
            self._job[1].wait()
            self._job = None

    def _start(self, raw):
        command = [self.tool, "minimize", raw, "--as-fuzzed", "--into", self.place.findings]
        if self.bug:
            command += ["--bug", self.bug]
        environment = {key: value for key, value in os.environ.items() if key != "CMACHECK_BUG"}
        log = open(self.place.logs / f"minimize-{raw.name}.txt", "wb")
        process = subprocess.Popen(["timeout", str(MINIMISE_SECONDS), *command], stdout=subprocess.PIPE, stderr=log,
                                   stdin=subprocess.DEVNULL, env=environment)
        return raw, process, log

    def _end_job(self, wait):
        raw, process, log = self._job
        if not wait and process.poll() is None:
            return
        output, _ = process.communicate()
        log.close()
        self._job = None
        if process.returncode == 0 and output.strip():
            os.unlink(log.name)
            self.note(Path(output.decode().strip().splitlines()[-1]))
            self._keep(raw)
        else:
            self.messages.append(f"could not minimise {raw.name} (see {log.name}); the raw input is kept")
            self.note(self._keep(raw))

    def _keep(self, path):
        kept = self.place.raw / path.name
        disk.move(path, kept)
        return kept

    def _keep_raw(self, path, target):
        like = f"{target}-{kind_of(path.name, target)}-*"
        if len(list(self.place.raw.glob(like))) >= MOST_RAW:
            disk.remove(path)
            self.dropped += 1
            return
        self.note(self._keep(path))

    def note_kept(self, path):
        """Remembers a program that a target has kept itself: its raw input is no finding besides."""
        self.kept_by_target += 1
        self.note(path)

    def note(self, path):
        """Remembers that this file is a finding of the campaign."""
        name = os.path.relpath(path, self.place.root)
        if name not in self.state.found:
            self.state.found.append(name)

    # ---- Groups ----

    def printed_of(self, name, target):
        """Returns the signature that the target prints of a raw input; None if it prints none."""
        try:
            ran = subprocess.run([self.place.binaries / target, self.place.root / name], text=True, errors="replace",
                                 capture_output=True, timeout=REPLAY_SECONDS, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = (line[len("FINDING: "):].strip() for line in ran.stderr.splitlines() if line.startswith("FINDING: "))
        return next(found, None)

    def root_of(self, name, targets):
        """Returns a word that is equal for findings of one bug: what a program becomes when it is minimised by its law
        alone, wherever that is noticed; of a raw input `TARGET: SIGNATURE`, its name if its target prints none."""
        if name not in self.state.roots:
            word = os.path.basename(name)
            target = next((one for one in targets if word.startswith(f"{one}-")), None)
            if target and kind_of(word, target) == "crash" and (signature := self.printed_of(name, target)):
                word = f"{target}: {signature}"
            if name.endswith(".cma"):
                word = name
                left = subprocess.run([self.tool, "minimize", self.place.root / name, "--same", "law"], text=True,
                                      capture_output=True)
                if left.returncode == 0:
                    word = "\n".join(line for line in left.stdout.splitlines() if not line.startswith("#"))
            self.state.roots[name] = word
        return self.state.roots[name]

    def signatures(self):
        """Returns the signatures of the campaign's findings."""
        files = [self.place.root / name for name in self.state.found if name.endswith(".cma")]
        return {signature_in(file.read_text(errors="replace")) for file in files if file.exists()} - {None}

    def groups(self, by_root_too, targets):
        """Returns the findings of this campaign, the shortest first in each group and among groups.

        Programs of one root are one group if `by_root_too`, which takes a while; else each is a group of its own.
        """
        by_root = {}
        size = lambda name: (self.place.root / name).stat().st_size  # noqa: E731
        for name in sorted((n for n in self.state.found if (self.place.root / n).exists()), key=lambda n: (size(n), n)):
            raw = not name.endswith(".cma")
            by_root.setdefault(self.root_of(name, targets) if by_root_too or raw else name, []).append(name)
        return list(by_root.values())


def room(folder):
    """Returns the free bytes of the file system that holds the folder."""
    return shutil.disk_usage(folder).free
