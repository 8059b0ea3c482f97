"""Mutation testing: ``make mutants``, or ``python -m tests.reliability.mutants [domain retry …]`` for some groups.

``--sample 600`` tries so many mutants of each group, the same ones for the same ``--seed``; of a sample nothing is said
about reviewed survivors that were not tried.

mutmut changes the code in thousands of small ways, and a mutant that no test notices survives. Each group is a part of
the code with the tests that are to guard it. The code is tried as it is installed, so the packages are laid out flat in
``build/mutants/<group>`` first; nothing in the working tree is touched.

Not mutated is what only people read: texts with a blank in them. All else that survives has to be on the list of
reviewed survivors (`tests/reliability/survivors.toml`) with the reason, and at least `WANTED` of all has to be killed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
STAGE: Final = ROOT / "build" / "mutants"
PACKAGES: Final = {
    "telephony_core": ROOT / "telephony_core",
    "telephony_vox": ROOT / "adapters" / "vox" / "telephony_vox",
    "telephony_diga": ROOT / "adapters" / "diga" / "telephony_diga",
}
COPIED: Final = ("tests", "cassettes", "adapters")
"""What the tests read; the code of the adapters in there is not the one that they import."""
SURVIVORS: Final = Path(__file__).with_name("survivors.toml")
WANTED: Final = 0.85

KILLED: Final = frozenset({"killed", "timeout", "segfault", "suspicious"})


@dataclass(frozen=True)
class Group:
    """Some modules, and the tests that have to notice when these are wrong."""

    mutated: tuple[str, ...]
    tests: tuple[str, ...]
    but: tuple[str, ...] = ()
    """How the names of tests begin that repeat what others say, and would only be waited for by every survivor."""


DOMAIN_TESTS: Final = (
    *("number_identity", "number_identity_properties", "number_parsing", "same_number", "valid_numbers"),
    *("sip_address", "sip_address_in_models", "sip_address_secrets", "allow_list"),
    *("models", "construction", "input_model", "refused_values", "update_dumps"),
)
VOX_TESTS: Final = ("reading", "writing", "flows", "listing", "refusals", "errors", "plugin")
DIGA_TESTS: Final = (
    "reading",
    "writing",
    "importing",
    "agents",
    "publishing",
    "releasing",
    "listing",
    "errors",
    "plugin",
)
AGENT_LISTS: Final = "tests/adapters/test_agent_lists.py"
CHANGESET: Final = "telephony_core/migration/changeset"
CHANGESET_TESTS: Final = "tests/migration/changeset"
LOST_ANSWERS: Final = (
    f"{CHANGESET_TESTS}/test_set.py::test_whatever_happens_to_the_answer_of_a_write_the_end_is_the_same"
)
LOSSES: Final = ("lost_after", "lost_before", "answer_after", "late")
GROUPS: Final = {
    "domain": Group(
        ("telephony_core/domain/*.py",),
        (
            *(f"tests/domain/test_{name}.py" for name in DOMAIN_TESTS),
            "tests/secrets/test_url_password.py",
            "tests/client/test_refused_arguments.py",
            "tests/operations/test_validation.py",
        ),
    ),
    "judging": Group(
        (
            "telephony_core/provider/identity.py",
            "telephony_core/provider/vendor_errors.py",
            "telephony_core/operations/reconciliation.py",
            "telephony_core/operations/validation.py",
        ),
        (
            "tests/provider/test_answers.py",
            "tests/operations/test_validation.py",
            "tests/operations/test_identity.py",
            "tests/operations/test_reading.py",
            "tests/operations/test_importing.py",
            "tests/operations/test_changing.py",
            "tests/operations/test_releasing.py",
            "tests/operations/test_who_may_call.py",
            "tests/client/test_refused_arguments.py",
            "tests/reliability/lies/test_strangers.py",
        ),
    ),
    "retry": Group(
        tuple(f"telephony_core/transport/{name}.py" for name in ("pipeline", "failures", "retry")),
        (
            "tests/transport/test_retry.py",
            "tests/operations/test_interrupted.py",
            "tests/transport/test_pipeline.py",
            "tests/transport/test_pipeline_events.py",
            "tests/transport/test_shared_pace.py",
            "tests/observation/test_events.py",
            "tests/observation/test_log.py",
            "tests/client/test_client.py",
            "tests/reliability/models/test_unknown_outcome.py",
        ),
    ),
    "tables": Group(
        tuple(f"{CHANGESET}/{name}.py" for name in ("credentials", "import_planner", "rows", "table")),
        tuple(f"{CHANGESET_TESTS}/test_{name}.py" for name in ("table", "table_read", "table_words")),
    ),
    "selections": Group(
        tuple(f"{CHANGESET}/{name}.py" for name in ("selection", "set_planner")),
        (
            *(f"{CHANGESET_TESTS}/test_{name}.py" for name in ("selection", "set_plan")),
            "tests/migration/assessment/test_agent_lookup.py",
        ),
    ),
    "set": Group(
        tuple(f"{CHANGESET}/{name}.py" for name in ("settings", "set_steps", "restore")),
        tuple(
            f"{CHANGESET_TESTS}/test_{name}.py"
            for name in ("settings", "set", "set_by_hand", "set_doubt", "set_rollback", "set_back", "vendors")
        ),
        but=(
            f"{LOST_ANSWERS}[diga-vox",
            *(f"{LOST_ANSWERS}[vox-diga-{kind}-{write}]" for kind in LOSSES for write in (3, 4, 5)),
        ),
    ),
    "lookups": Group(
        ("telephony_core/migration/assessment/agent_lookup.py", "telephony_core/migration/run/account_index.py"),
        ("tests/migration/assessment/test_agent_lookup.py", "tests/migration/run/test_account_index.py"),
    ),
    "lots": Group(
        ("telephony_core/migration/lots/*.py",),
        ("tests/migration/lots/test_lots.py", "tests/migration/lots/test_told.py"),
    ),
    "claims": Group(
        tuple(
            f"telephony_core/migration/journal/{name}.py" for name in ("claim_rules", "protocol", "claims", "memory")
        ),
        tuple(
            f"tests/migration/journal/test_{name}.py"
            for name in ("claim_rules", "claims", "claims_file", "store", "stores")
        ),
    ),
    "index": Group(
        ("telephony_core/number_index/*.py",),
        (
            *(
                f"tests/number_index/test_{name}.py"
                for name in ("background", "file", "finding", "listing", "opening", "writing")
            ),
            "tests/migration/run/test_account_index.py",
        ),
    ),
    "vox": Group(
        ("telephony_vox/mapping.py", "telephony_vox/adapter.py"),
        (*(f"tests/adapters/vox/test_{name}.py" for name in VOX_TESTS), AGENT_LISTS),
    ),
    "diga": Group(
        ("telephony_diga/mapping.py", "telephony_diga/adapter.py"),
        (*(f"tests/adapters/diga/test_{name}.py" for name in DIGA_TESTS), AGENT_LISTS),
    ),
}


@dataclass(frozen=True)
class Sample:
    """How many mutants of a group are tried, and which."""

    size: int
    seed: int

    def of(self, names: Iterable[str]) -> list[str]:
        ordered = sorted(names)
        return random.Random(self.seed).sample(ordered, min(self.size, len(ordered)))


@dataclass(frozen=True)
class Verdicts:
    """What became of the mutants of one group: status by mutant, and the changed lines of those that survived."""

    by_mutant: dict[str, str]
    diffs: dict[str, str]
    untried: int = 0
    """How many were left out by a sample."""

    @property
    def survivors(self) -> list[str]:
        return list(self.diffs)

    @property
    def summary(self) -> str:
        tried = len(self.by_mutant)
        killed = tried - len(self.survivors)
        of_all = f", a sample of {tried + self.untried}" if self.untried else ""
        return f"{killed} of {tried} killed ({killed / tried:.1%}){of_all}"


def staged(name: str, group: Group) -> Path:
    """A fresh folder with the code flat, the tests, and mutmut's configuration."""
    folder = STAGE / name
    shutil.rmtree(folder, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for package, source in PACKAGES.items():
        shutil.copytree(source, folder / package, ignore=ignore)
    for part in COPIED:
        shutil.copytree(ROOT / part, folder / part, ignore=ignore)
    settings = {
        "source_paths": list(PACKAGES),
        "only_mutate": list(group.mutated),
        "also_copy": list(COPIED),
        "pytest_add_cli_args_test_selection": list(group.tests),
        "pytest_add_cli_args": [
            *("--disable-plugin-autoload", "-p", "_hypothesis_pytestplugin", "-p", "pytest_cov.plugin"),
            *("-p", "no:cacheprovider", "-p", "tests.reliability.mutants"),
            *(f"--deselect={name}" for name in group.but),
        ],
        "track_dependencies": False,
        "use_git_change_detection": False,
        "timeout_constant": 2.0,
    }
    written = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(f"{project}\n[tool.mutmut]\n{written}\n", encoding="utf-8")
    return folder


def run(name: str, *, children: int, sample: Sample | None = None) -> Verdicts:
    """Try every mutant of a group, or a sample of them."""
    folder = staged(name, GROUPS[name])
    some = f"{sample.size}/{sample.seed}" if sample else "all"
    command = [sys.executable, __file__, "--in-stage", some, "run", "--max-children", str(children)]
    with (folder / "log.txt").open("wb") as log:
        ended = subprocess.run(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False)
    if ended.returncode:
        lines = (folder / "log.txt").read_text("utf-8", "replace").splitlines()
        raise SystemExit("\n".join([*lines[-40:], f"mutmut failed for {name}"]))
    return verdicts(name, sample)


def verdicts(name: str, sample: Sample | None = None) -> Verdicts:
    """What the last run of a group found."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    found, sources = {}, {}
    with contextlib.chdir(STAGE / name):
        for meta in sorted(Path("mutants").rglob("*.py.meta")):
            codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
            found |= {mutant: status_by_exit_code[code] for mutant, code in codes.items()}
            sources |= dict.fromkeys(codes, meta.relative_to("mutants").with_suffix(""))
        of_all = len(found)
        if sample is not None:
            found = {mutant: found[mutant] for mutant in sample.of(found)}
        survived = [mutant for mutant, status in found.items() if status not in KILLED]
        diffs = {mutant: _changed_lines(get_diff_for_mutant(mutant, path=sources[mutant])) for mutant in survived}
    return Verdicts(found, diffs, of_all - len(found))


def _changed_lines(diff: str) -> str:
    return "\n".join(line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def reviewed(name: str) -> dict[str, str]:
    """Why survivors of a group may stay, by their changed lines."""
    listed = tomllib.loads(SURVIVORS.read_text(encoding="utf-8")).get(name, [])
    return {change.strip(): entry["why"] for entry in listed for change in entry["changes"]}


def judged(name: str, found: Verdicts) -> bool:
    """Whether every survivor of a group is on its list, and, of all mutants, nothing else is. Prints what is not."""
    listed, diffs = reviewed(name), [found.diffs[mutant] for mutant in found.survivors]
    print(f"{name}: {found.summary}, {len(diffs)} survived, {len(listed)} reviewed")
    for mutant in found.survivors:
        if found.diffs[mutant] not in listed:
            print(f"  {found.by_mutant[mutant]} {mutant}\n{found.diffs[mutant]}")
    stale = set() if found.untried else set(listed) - set(diffs)
    for change in sorted(stale):
        print(f"  listed, but it does not survive:\n{change}")
    return set(diffs) <= set(listed) and not stale


def pytest_sessionstart() -> None:
    """A mutant is tried in a copy of the process that tried the good code, and must not live on what that remembers."""
    for name, module in list(sys.modules.items()):  # not by gc: mutmut freezes it, and then it knows of nothing
        if name.partition(".")[0].startswith("telephony_"):
            for kept in vars(module).values():
                if isinstance(kept, _lru_cache_wrapper):
                    kept.cache_clear()


def _prose(text: str) -> bool:
    return " " in text.strip("\"'")


def _in_stage(some: str) -> None:
    """mutmut itself, without the mutations of what only people read, and with all mutants or a sample."""
    import libcst as cst
    from mutmut import __main__ as mutmut
    from mutmut.mutation import mutators

    if some != "all":
        collected, sample = mutmut.collect_source_file_mutation_data, Sample(*map(int, some.split("/")))

        def sampled(*, mutant_names: tuple[str, ...]) -> tuple[list[tuple[Any, str, int | None]], dict[str, Any]]:
            mutants, data = collected(mutant_names=mutant_names)
            chosen = set(sample.of(name for _, name, _ in mutants))
            return [mutant for mutant in mutants if mutant[1] in chosen], data

        mutmut.collect_source_file_mutation_data = sampled

    def but_no_prose(node: cst.BaseString) -> Iterator[cst.CSTNode]:
        if isinstance(node, cst.SimpleString) and _prose(node.value):
            return
        yield from mutators.operator_string(node)

    entry = (cst.BaseString, mutators.operator_string)
    mutators.mutation_operators[mutators.mutation_operators.index(entry)] = (cst.BaseString, but_no_prose)
    mutmut.cli()


def main() -> None:
    from tests.reliability.figures import keep

    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all where none is named")
    parser.add_argument("--sample", type=int, metavar="N", help="try N mutants of each group")
    parser.add_argument("--seed", type=int, default=1, help="which ones (%(default)s)")
    asked = parser.parse_args()
    if unknown := set(asked.groups) - GROUPS.keys():
        parser.error(f"there is no group {', '.join(sorted(unknown))}")
    sample = None if asked.sample is None else Sample(asked.sample, asked.seed)
    killed = total = 0
    as_reviewed = True
    for name in asked.groups or GROUPS:
        found = run(name, children=os.cpu_count() or 1, sample=sample)
        count, survived = len(found.by_mutant), len(found.survivors)
        as_reviewed &= judged(name, found)
        keep({f"10: mutants killed, {name}": found.summary})
        total, killed = total + count, killed + count - survived
    print(f"killed: {killed} of {total} ({killed / total:.1%})")
    if killed < WANTED * total or not as_reviewed:
        raise SystemExit(f"wanted: {WANTED:.0%} killed, and every survivor on the list ({SURVIVORS.name})")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in-stage"]:
        some = sys.argv[2]
        del sys.argv[1:3]
        _in_stage(some)
    else:
        main()
