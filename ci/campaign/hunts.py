"""One hunt: an engine's process on one target, for a slice of time. libFuzzer, or AFL++ beside it on the same corpus.

A hunt's process is the leader of a session of its own, so that its children end with it. It carries the campaign's
folder in its environment: what a killed campaign leaves running is found by it (end_strays).
"""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from campaign import clock, disk

# A slice of at least this many seconds runs in libFuzzer's fork mode: each job begins with another part of the corpus,
# and a crash, a leak or a time-out costs one job. Below, starting the jobs would cost more than that brings.
FORK_SECONDS = 300
INPUT_SECONDS = 25  # an input that takes longer is a finding, as on fleets
MEMORY_MIB = 2048
LOG_BYTES = 4 << 20
CAMPAIGN = "CMACHECK_CAMPAIGN"


def limits(target, incoming):
    """Returns libFuzzer's options for what stops a target, and for where it leaves such an input."""
    return [f"-artifact_prefix={incoming}/{target.name}-", f"-timeout={INPUT_SECONDS}",
            f"-report_slow_units={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}"]


def environment(place, known):
    """Returns the environment of a target of this campaign, which passes over findings of the signatures `known`."""
    return dict(os.environ, TMPDIR=str(place.temporary), CMACHECK_KNOWN=",".join(sorted(known)),
                **{CAMPAIGN: str(place.folder)})


class Progress:
    """What an engine has said of one hunt so far."""

    def __init__(self):
        self.executions = 0
        self.rate = 0
        self.coverage = 0
        self.features = 0


class Hunt:
    """A running process. Subclasses give its command and read its progress."""

    def __init__(self, target, seconds, place):
        self.target = target
        self.seconds = seconds
        self.place = place
        self.progress = Progress()
        self.began = clock.now()
        self.stopping = False
        self.log = place.log(target.name)
        self._read = 0
        self._tail = ""
        self.signatures = set()
        self._printed = set()
        self.kept = []  # programs that the target has kept itself
        self.shared = 0  # after how many seconds it last gave the other engine what it found
        self.learnt = False  # whether it has stopped at a finding that was not known
        self.counted, self.executions = 0, 0  # what the campaign has counted of it already

    def start(self, known):
        variables = environment(self.place, known) | self.environment()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.place.root, env=variables, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def environment(self):
        return {}

    def spent(self):
        return clock.now() - self.began

    def stop(self):
        """Asks the engine to end and to write what it has."""
        if not self.stopping and self.process.poll() is None:
            self.stopping = True
            self._signal(signal.SIGINT)

    def kill(self):
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def poll(self):
        """Reads what is new in the log. Returns whether the process still runs."""
        running = self.process.poll() is None
        self._read_log()
        # A process that hangs past its time is ended; what it had found is in the corpus.
        late = self.spent() - self.seconds
        if running and late > 60:
            self.kill()
            return False
        if not running:
            self._signal(signal.SIGKILL)
        return running

    def _read_log(self):
        with open(self.log, "rb") as log:
            log.seek(self._read)
            data = log.read(LOG_BYTES)
            self._read += len(data)
        lines = (self._tail + data.decode(errors="replace")).split("\n")
        self._tail = lines.pop()
        for line in lines:
            if line.startswith("FINDING: "):
                self._printed.add(line[len("FINDING: "):].strip())
            elif line.startswith("kept: "):
                self.kept.append(Path(line[len("kept: "):].strip()))
            # libFuzzer's word that the input is on disk. A finding counts from then on.
            elif "Test unit written to" in line:
                self.signatures |= self._printed
            self.read_line(line)


class LibFuzzer(Hunt):
    VALUE = re.compile(r"\b(cov|ft|exec/s):? (\d+)")
    NAMES = {"cov": "coverage", "ft": "features", "exec/s": "rate"}

    def command(self):
        target = self.target
        command = [target.binary, f"-max_total_time={max(1, int(self.seconds))}",
                   *limits(target, self.place.incoming), *target.libfuzzer]
        if target.dictionary:
            command.append(f"-dict={target.dictionary}")
        if self.seconds >= FORK_SECONDS:
            command += ["-fork=1", "-ignore_crashes=1", "-ignore_timeouts=1", "-ignore_ooms=1"]
        return [*command, self.place.corpus(target.name), self.place.seeds / target.name]

    def read_line(self, line):
        if not re.match(r"#\d", line):
            return
        self.progress.executions = max(self.progress.executions, int(re.match(r"#(\d+)", line).group(1)))
        for name, value in self.VALUE.findall(line):
            field = self.NAMES[name]
            now = int(value)
            setattr(self.progress, field, now if field == "rate" else max(getattr(self.progress, field), now))

    def take_corpus(self):
        """Copies what this engine learnt into the shared corpus. libFuzzer writes there itself."""


class Afl(Hunt):
    """afl-fuzz, the main instance if it is the only one on its target, else a secondary."""

    def __init__(self, target, seconds, place, name):
        super().__init__(target, seconds, place)
        self.name = name
        self.binary = place.afl_binaries / target.name
        self.output = place.afl / target.name
        self.log = place.log(f"{target.name}.afl-{name}")

    def environment(self):
        # Every minute it looks into libFuzzer's corpus.
        words = {"AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
                 "AFL_AUTORESUME": "1", "AFL_NO_AFFINITY": "1", "AFL_SYNC_TIME": "1", "AFL_FORKSRV_INIT_TMOUT": "30000"}
        # Where inputs are programs it mutates and trims operations.
        symbols = subprocess.run(["nm", self.binary], capture_output=True, text=True).stdout
        if " T LLVMFuzzerCustomMutator" in symbols:
            library = self.place.afl_binaries.parent / "libcmacheck_afl_mutator.so"
            words |= {"AFL_CUSTOM_MUTATOR_LIBRARY": str(library), "AFL_CUSTOM_MUTATOR_ONLY": "1"}
        return words

    def command(self):
        role = ["-S", self.name]
        if self.name == "main":
            role = ["-M", self.name, "-F", self.place.corpus(self.target.name)]
        self.output.mkdir(parents=True, exist_ok=True)
        command = ["afl-fuzz", "-i", self.place.seeds / self.target.name, "-o", self.output, *role,
                   "-V", str(max(1, int(self.seconds))), "-t", "5000+", "-m", "none"]
        command += [word for option in self.target.libfuzzer if option.startswith("-max_len=")
                    for word in ("-G", option.removeprefix("-max_len="))]
        if self.target.dictionary:
            command += ["-x", self.target.dictionary]
        return [*command, "--", self.binary]

    def read_line(self, line):
        pass

    def poll(self):
        running = super().poll()
        try:
            stats = (self.output / self.name / "fuzzer_stats").read_text()
        except OSError:
            return running
        value = dict(line.split(":", 1) for line in stats.splitlines() if ":" in line)
        value = {key.strip(): text.strip() for key, text in value.items()}
        self.progress.executions = int(value.get("execs_done", 0))
        self.progress.rate = int(float(value.get("execs_per_sec", 0)))
        self.progress.features = int(value.get("edges_found", 0))
        return running

    def take_corpus(self):
        """Copies what AFL++ found into libFuzzer's corpus, and its crashes to the findings that wait."""
        _copy_new(self.output / self.name / "queue", self.place.corpus(self.target.name), "")
        for folder, kind in (("crashes", "crash"), ("hangs", "timeout")):
            _copy_new(self.output / self.name / folder, self.place.incoming, f"{self.target.name}-{kind}-")


def _copy_new(source, target, prefix):
    """Copies the inputs of an AFL++ folder under libFuzzer's names. Marks in SOURCE what has been taken."""
    if not source.is_dir():
        return
    mark = source.parent / f".taken-{source.name}"
    taken = set(mark.read_text().split("\n")) if mark.exists() else set()
    # What AFL++ took from libFuzzer is there already.
    new = [path for path in sorted(source.glob("id:*")) if path.name not in taken and ",sync:" not in path.name]
    for path in new:
        place = target / f"{prefix}{disk.digest(path)}"
        if not place.exists():
            disk.write(place, path.read_bytes())
    if new:
        disk.write(mark, "\n".join(sorted(taken | {path.name for path in new})))


def afl_is_here(place):
    return shutil.which("afl-fuzz") is not None and place.afl_binaries.is_dir()


def end_strays(folder):
    """Ends processes that an earlier campaign on this folder left running: it was killed. Returns their number."""
    count = 0
    wanted = f"{CAMPAIGN}={folder}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
                count += 1
        except OSError:
            continue
    return count
