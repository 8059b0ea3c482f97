"""Nothing but rollback and release can give a number up: seen in the code, and counted at the providers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import telephony_core.migration.run.apply as apply_module
from telephony_core.emulator import Fault, FaultKind
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from tests.migration.stage import Stage

FOLDER = Path(apply_module.__file__).parent
THE_ONE = "deprovision"
MAY_USE_IT = {"rollback", "release", "__init__"}
RELEASES = {"release", "revoke_release"}
CHANGES = {"NumberRelease", "ReleaseRevocation"}
LOOKS_UP = {"getattr", "methodcaller", "attrgetter"}
MODULES = sorted(FOLDER.glob("*.py"))


def calls_that_release(source: str) -> list[str]:
    """Calls of a client's, an adapter's or a flow's release, and whatever else could lead to one.

    Not meant are the release of a lock, which takes no argument, and asking an adapter what a release would affect.
    """
    tree = ast.parse(source)
    asked = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) == "side_effects"
        for argument in node.args
    }
    found = [_found(node) for node in ast.walk(tree) if id(node) not in asked]
    return [name for name in found if name is not None]


def _found(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=func, args=arguments, keywords=keywords):
            name = _name(func)
            if name in CHANGES or (name in RELEASES and (arguments or keywords)):
                return name
            named = [getattr(argument, "value", None) for argument in arguments] if name in LOOKS_UP else []
            handed = [argument.attr for argument in arguments if isinstance(argument, ast.Attribute)]
            return next((str(one) for one in (*named, *handed) if one in RELEASES), None)
        case ast.Constant(value="DELETE"):
            return "DELETE"
        case ast.Attribute(attr="import_module"):
            return "import_module"
        case _:
            return None


def _name(called: ast.expr) -> str | None:
    match called:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return None


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_only_one_module_can_release_a_number(module: Path) -> None:
    found = calls_that_release(module.read_text(encoding="utf-8"))
    assert bool(found) == (module.stem == THE_ONE), found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("client.release(number)", ["release"]),
        ("await client.release(number=number)", ["release"]),
        ("operations.release(NumberRelease(number))", ["release", "NumberRelease"]),
        ("client.revoke_release(number)", ["revoke_release"]),
        ("partial(client.release, number)", ["release"]),
        ("list(map(client.release, numbers))", ["release"]),
        ("getattr(client, 'release')", ["release"]),
        ("methodcaller('release', number)", ["release"]),
        ("Request.of('DELETE', path)", ["DELETE"]),
        ("importlib.import_module(name)", ["import_module"]),
        ("turn.release()", []),
        ("capabilities.release.get(origin)", []),
        ("adapter.side_effects(NumberRelease(record))", []),
    ],
)
def test_this_would_be_seen(source: str, found: list[str]) -> None:
    assert calls_that_release(source) == found


def imported(module: Path) -> dict[str, set[str]]:
    """What a module imports from which other one, anywhere in it."""
    names: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names.setdefault(node.module, set()).update(alias.name for alias in node.names)
        if isinstance(node, ast.Import):
            for alias in node.names:
                names.setdefault(alias.name, set()).add("*")
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_only_rollback_and_release_reach_that_module_and_by_the_run_that_looks_first(module: Path) -> None:
    names = imported(module)
    assert THE_ONE not in names.get("telephony_core.migration", set())
    taken = names.get(f"telephony_core.migration.{THE_ONE}", set())
    if taken:
        assert module.stem in MAY_USE_IT
    assert taken <= {"DeprovisionOptions", "NotShown", "Rule", "Unpublished", "preview", "run", "stale"}


@pytest.mark.parametrize("context", ["vox-diga", "diga-vox"])
def test_no_provider_is_ever_asked_to_delete_by_apply_or_verify_whatever_goes_wrong(
    context: str, tmp_path: Path
) -> None:
    for index, kind in enumerate((FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.LATE, FaultKind.REFUSED)):
        (tmp_path / str(index)).mkdir()
        stage = Stage(tmp_path / str(index), context)
        loaded = stage.plan()
        stage.target.faults += [Fault(kind, "POST", skip=1), Fault(kind, "PATCH", skip=1)]
        stage.apply(loaded)
        verify_plan(loaded, stage.open_source, stage.open_target, VerifyOptions(clock=stage.time.clock))
        for emulator in stage.both:
            assert [call.path for call in emulator.requests if call.method == "DELETE"] == []
