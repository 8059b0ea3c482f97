"""Nothing but rollback and release can give a number up: seen in the code, and counted at the providers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import telephony_core.migration.apply as apply_module
from telephony_core.emulator import Fault, FaultKind
from telephony_core.migration.verify import VerifyOptions, verify_plan
from tests.migration.stage import Stage

FOLDER = Path(apply_module.__file__).parent
THE_ONE = "giving_up"
MAY_USE_IT = {"rollback", "release", "giving_up_report", "giving_up_run", "__init__"}
GIVES_UP = {"release", "revoke_release"}
MODULES = sorted(FOLDER.glob("*.py"))


def calls_that_give_up(source: str) -> list[str]:
    """Calls of a client's, an adapter's or a flow's release, and the change that asks for one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr in GIVES_UP:
                found.append(called.attr)
            if isinstance(called, ast.Name) and called.id in ("NumberRelease", "ReleaseRevocation"):
                found.append(called.id)
        if isinstance(node, ast.Constant) and node.value == "DELETE":
            found.append("DELETE")
        if isinstance(node, ast.Attribute) and node.attr == "import_module":
            found.append("import_module")
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_only_one_module_can_give_a_number_up(module: Path) -> None:
    found = calls_that_give_up(module.read_text(encoding="utf-8"))
    assert bool(found) == (module.stem == THE_ONE), found


def test_this_would_be_seen() -> None:
    assert calls_that_give_up("client.release(number)") == ["release"]
    assert calls_that_give_up("operations.release(NumberRelease(number))") == ["release", "NumberRelease"]
    assert calls_that_give_up("Request.of('DELETE', path)") == ["DELETE"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_only_rollback_and_release_reach_that_module(module: Path) -> None:
    imported = {
        node.module
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }
    if f"telephony_core.migration.{THE_ONE}" in imported:
        assert module.stem in MAY_USE_IT


@pytest.mark.parametrize("way", ["vox-diga", "diga-vox"])
def test_no_provider_is_ever_asked_to_delete_by_apply_or_verify_whatever_goes_wrong(way: str, tmp_path: Path) -> None:
    for index, kind in enumerate((FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.LATE, FaultKind.REFUSED)):
        (tmp_path / str(index)).mkdir()
        stage = Stage(tmp_path / str(index), way)
        loaded = stage.plan()
        stage.target.faults += [Fault(kind, "POST", skip=1), Fault(kind, "PATCH", skip=1)]
        stage.apply(loaded)
        verify_plan(loaded, stage.open_source, stage.open_target, VerifyOptions(clock=stage.time.clock))
        for emulator in stage.both:
            assert [call.path for call in emulator.requests if call.method == "DELETE"] == []
