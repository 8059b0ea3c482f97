"""What many tests begin with is made once, and put back for each: to move numbers takes longer than most tests."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path

from telephony_core.emulator import Emulator

_OF_THE_TEST = ("now", "_lock")


@dataclass(frozen=True)
class Kept:
    """A folder and some emulators as they were at one moment.

    Plans and claims know where they lie, so everything comes back to the same folder.
    """

    folder: Path
    copy: Path
    emulators: bytes

    @classmethod
    def of(cls, folder: Path, *emulators: Emulator) -> Kept:
        copy = folder.with_name(folder.name + "-kept")
        shutil.copytree(folder, copy)
        states = [
            {name: value for name, value in vars(emulator).items() if name not in _OF_THE_TEST}
            for emulator in emulators
        ]
        return cls(folder, copy, pickle.dumps(states))

    def put_back(self, *emulators: Emulator) -> None:
        """Whatever became of the folder; the emulators may be others of the same vendors, in the same order."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.copy, self.folder)
        for emulator, state in zip(emulators, pickle.loads(self.emulators), strict=True):
            vars(emulator).update(state)
