"""The fuzz targets: found by name, with their options, dictionaries, weights and seeds.

A target is fuzz/targets/NAME_fuzzer.cc, or one of ON_REQUEST. NAME_fuzzer.options beside it has sections as fleets read
them; of these a campaign uses [libfuzzer] and [campaign] (weight = N: its share of the time, 1 unless it is given).
"""

import configparser
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from campaign import disk


@dataclass
class Target:
    name: str
    binary: Path
    weight: int = 1
    libfuzzer: list = field(default_factory=list)
    dictionary: Path | None = None


class BadTarget(Exception):
    """A target's options cannot be read."""


class SeedError(Exception):
    """The seeds cannot be made."""


# Targets that hunt only when they are asked for, and where they are.
KERNEL = "kernel_fuzzer"
ON_REQUEST = {KERNEL: "fuzz/kernel"}


def names(root):
    """Returns the names of all targets of the source tree that hunt unless others are asked for."""
    return sorted(path.stem for path in (root / "fuzz/targets").glob("*_fuzzer.cc"))


def load(root, binaries, name):
    """Returns the target of this name. Raises BadTarget if its options file cannot be understood."""
    target = Target(name, binaries / name)
    beside = root / ON_REQUEST.get(name, "fuzz/targets") / name
    dictionary = beside.with_suffix(".dict")
    if dictionary.exists():
        target.dictionary = dictionary
    options = configparser.ConfigParser()
    try:
        options.read(beside.with_suffix(".options"))
        if options.has_section("libfuzzer"):
            target.libfuzzer = [f"-{key}={value}" for key, value in options["libfuzzer"].items()]
        target.weight = options.getint("campaign", "weight", fallback=1)
    except (configparser.Error, ValueError) as error:
        raise BadTarget(f"{beside.with_suffix('.options')}: {error}") from error
    if target.weight < 1:
        raise BadTarget(f"{beside.with_suffix('.options')}: weight must be at least 1, not {target.weight}")
    return target


def prepare_seeds(root, tool, folder, targets):
    """Fills FOLDER/TARGET with the target's seeds: copies, so that one which hangs can be taken out of a campaign.

    What they are is listed beside each target (ci/seeds). Raises SeedError if they cannot be made.
    """
    shutil.rmtree(folder, ignore_errors=True)
    given = os.environ.get("CMACHECK_SEEDS")  # a test of the campaign itself
    if given:
        for target in targets:
            shutil.copytree(given, folder / target.name)
        return
    made = subprocess.run([root / "ci/seeds", "--encoder", f"{shlex.quote(str(tool))} encode", folder],
                          capture_output=True, text=True)
    if made.returncode:
        raise SeedError(made.stderr.strip())
    for target in targets:
        (folder / target.name).mkdir(exist_ok=True)


def take_out_unreadable(folder, aside):
    """Moves what no engine can read (no regular file, or no right to it) out of a corpus. Returns the paths."""
    taken = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if path.is_file() and os.access(path, os.R_OK):
            continue
        aside.mkdir(parents=True, exist_ok=True)
        os.replace(path, aside / f"{folder.name}-{path.name}")
        taken.append(path)
    return taken


def take_out(folders, sha1):
    """Removes the inputs with this content from the folders: each hunt would stop at them again. Returns how many."""
    count = 0
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            try:
                if path.is_file() and disk.digest(path) == sha1:
                    disk.remove(path)
                    count += 1
            except OSError:
                continue
    return count
