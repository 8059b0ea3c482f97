"""Which changes since a revision break callers: ``python -m tests.architecture.public_surface [REVISION]``.

`griffe check` compares every module that has no underscore. What is supported is less: what `telephony_core` exports,
and the modules that the pages of that revision import from. Run by `make api`, in the environment of the site.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[2]


def imported_by_pages(revision: str) -> set[str]:
    """The modules below `telephony_core` from which the README and `docs/` of a revision import something."""
    lines = _git("grep", "-hoE", r"^from telephony_core\.[a-z_.]+ import", revision, "--", "README.md", "docs").stdout
    return {line.split()[1].removeprefix("telephony_core.") for line in lines.splitlines()}


def breakages(revision: str) -> list[griffe.Breakage]:
    """What callers have to change that were written for the revision. An error where there is no such one."""
    old = griffe.load_git("telephony_core", ref=revision, repo=ROOT, resolve_aliases=True)
    new = griffe.load("telephony_core", search_paths=[ROOT], resolve_aliases=True)
    found = []
    for before, now in [*((old[name], new[name]) for name in sorted(imported_by_pages(revision))), (old, new)]:
        for member in list(before.members):
            if before.exports is not None and member not in before.exports:
                before.del_member(member)
        found += griffe.find_breaking_changes(before, now)
    return found


def _git(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)


def main() -> None:
    revision = sys.argv[1] if len(sys.argv) > 1 else "main"
    if _git("rev-parse", "--verify", "--quiet", revision).returncode:
        sys.exit(f"{revision} is no revision of this repository; name one: make api REF=v1.2.0")
    found = {breakage.explain(griffe.ExplanationStyle.ONE_LINE): None for breakage in breakages(revision)}
    for line in found:
        print(line)
    print(f"{len(found)} changes since {revision} break callers.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
