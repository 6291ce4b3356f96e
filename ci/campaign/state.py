"""What a campaign remembers from start to start: the time that it has had, and what each target got of it."""

import fcntl
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from campaign import disk

VERSION = 1


class Busy(Exception):
    """Another campaign works on the folder."""


@dataclass
class Share:
    """What one target has had. Seconds are those of its processes together."""

    seconds: float = 0
    executions: int = 0
    rate: int = 0
    coverage: int = 0
    features: int = 0


@dataclass
class State:
    plan: dict = field(default_factory=dict)
    used: float = 0
    done: bool = False
    shares: dict = field(default_factory=dict)
    roots: dict = field(default_factory=dict)
    found: list = field(default_factory=list)

    def share(self, name):
        return self.shares.setdefault(name, Share())


class Store:
    """The state of the campaign in a folder, which it locks while it lives."""

    def __init__(self, folder):
        self.file = Path(folder) / "state.json"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = open(self.file.parent / ".lock", "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"another campaign hunts in {folder}") from error
        disk.sweep(folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lock.close()

    def load(self, plan, fresh=False):
        """Returns the campaign that was stopped before its end, if it had the same plan.

        Otherwise, or if `fresh`, returns a new one. What cannot be read is put aside and reported: a damaged file never
        stops a campaign.
        """
        try:
            raw = json.loads(self.file.read_text())
            if raw.pop("version") != VERSION:
                raise ValueError("of another version")
            state = State(**raw)
            state.shares = {name: Share(**share) for name, share in state.shares.items()}
        except FileNotFoundError:
            return State(plan)
        except (ValueError, KeyError, TypeError) as error:
            disk.move(self.file, self.file.with_suffix(".damaged"))
            print(f"ci/fuzz: {self.file} cannot be read ({error}); it is now state.damaged, and the time begins anew")
            return State(plan)
        if fresh or state.done or state.plan != plan:
            return State(plan)
        return state

    def save(self, state):
        disk.write(self.file, json.dumps({"version": VERSION, **asdict(state)}, indent=1, sort_keys=True) + "\n")
