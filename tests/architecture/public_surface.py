"""Which changes since a revision break callers: ``python -m tests.architecture.public_surface [REVISION]``.

`griffe check` compares every module that has no underscore. What is supported is less: what the packages below export.
Run by `make api`, in the environment of the site.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[2]
EXPORTING = ("errors", "migration", "sip_check", "testing", "emulator")
FOR_ADAPTERS = ("provider.capabilities", "provider.flow", "provider.port", "provider.wire")


def breakages(revision: str) -> list[griffe.Breakage]:
    """What callers have to change that were written for the revision. An error where there is no such one."""
    old = griffe.load_git("telephony_core", ref=revision, repo=ROOT, resolve_aliases=True)
    new = griffe.load("telephony_core", search_paths=[ROOT], resolve_aliases=True)
    found = []
    for before, now in [*((old[name], new[name]) for name in EXPORTING + FOR_ADAPTERS), (old, new)]:
        for member in list(before.members):
            if before.exports is not None and member not in before.exports:
                before.del_member(member)
        found += griffe.find_breaking_changes(before, now)
    return found


def main() -> None:
    revision = sys.argv[1] if len(sys.argv) > 1 else "main"
    if subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", revision], cwd=ROOT, stdout=subprocess.DEVNULL
    ).returncode:
        sys.exit(f"{revision} is no revision of this repository; name one: make api REF=v1.2.0")
    found = {breakage.explain(griffe.ExplanationStyle.ONE_LINE): None for breakage in breakages(revision)}
    for line in found:
        print(line)
    print(f"{len(found)} changes since {revision} break callers.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
