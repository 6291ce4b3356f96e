"""The fuzz targets: found by name, with their options, dictionaries, weights and seeds.

A target is fuzz/targets/NAME_fuzzer.cc. NAME_fuzzer.options beside it has sections as fleets read them; of these a
campaign uses [libfuzzer] and [campaign] (weight = N: its share of the time, 1 unless it is given).
"""

import configparser
import os
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


def names(root):
    """Returns the names of all targets of the source tree."""
    return sorted(path.stem for path in (root / "fuzz/targets").glob("*_fuzzer.cc"))


def load(root, binaries, name):
    """Returns the target of this name. Raises BadTarget if its options file cannot be understood."""
    target = Target(name, binaries / name)
    beside = root / "fuzz/targets" / name
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


def prepare_seeds(root, programs, tool, folder, targets):
    """Fills FOLDER/TARGET with copies of the corpus, so that a seed which hangs can be taken out of a campaign.

    A folder seeds/TARGET beside the corpus, where there is one, has the seeds of that target. Other targets begin with
    the programs of the corpus: program_fuzzer as bytes, which is what its mutator changes, the others as text.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for target in targets:
        into = folder / target.name
        into.mkdir(parents=True)
        own = root / "fuzz/targets/seeds" / target.name
        if own.is_dir():
            _copy(own.rglob("*"), own, into)
        elif target.name == "program_fuzzer" and tool.exists():
            _encode(programs, tool, into)
        else:
            _copy(programs.rglob("*.cma"), programs, into)


def _copy(files, base, into):
    for file in sorted(files):
        if file.is_file():
            shutil.copyfile(file, into / "-".join(file.relative_to(base).parts))


def _encode(corpus, tool, into):
    """Encodes folder by folder: programs of two folders may have one name. Each folder's are taken out of its own."""
    for folder in sorted({file.parent for file in corpus.rglob("*.cma")}):
        place = into / "-".join(folder.relative_to(corpus).parts or ["corpus"])
        place.mkdir()
        subprocess.run([tool, "encode", *sorted(folder.glob("*.cma")), "--into", place], check=True,
                       stdout=subprocess.DEVNULL)


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
