"""What holds in the tests of core and of the adapters: an error that the library makes says what to do next.

`errors_speak` is a fixture for the `conftest.py` of a folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from telephony_core.errors import TelephonyError, UnsupportedField
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.port import Problem

PACKAGES: Final = ("telephony_core", "telephony_vox", "telephony_diga", "telephony_elevenlabs", "telephony_retell")
# Their messages say it themselves, or the command says it in its own words.
ELSEWHERE: Final = ("cli", "sip_check", "migration", "testing", "client", "pace.py")
SUBJECTS: Final = {
    *map(str, Field),
    *map(str, Operation),
    *("change", "number", "line_type", "sip", "inbound", "outbound", "agents", "status", "options", "release"),
}
"""What an error can be about."""


@pytest.fixture(autouse=True)
def errors_speak(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every error and problem that the library makes during a test tells what, about what, and what to do next."""
    errors: list[tuple[TelephonyError, str]] = []
    problems: list[Problem] = []
    make, judge = TelephonyError.__init__, Problem.__init__

    def made(self: TelephonyError, *args: Any, **facts: Any) -> None:
        make(self, *args, **facts)
        file = _file_of(sys._getframe(1))
        if file is not None and not set(file.parts) & set(ELSEWHERE):
            errors.append((self, str(file)))

    def judged(self: Problem, *args: Any, **facts: Any) -> None:
        judge(self, *args, **facts)
        problems.append(self)

    with monkeypatch.context() as patches:
        patches.setattr(TelephonyError, "__init__", made)
        patches.setattr(Problem, "__init__", judged)
        yield
    for error, file in errors:
        where = f"{type(error).__name__} of {file}"
        assert isinstance(error.message, str), where
        assert error.message, where
        assert error.remedy, f"{where} does not say what to do next: {error.message}"
        assert not isinstance(error, UnsupportedField) or _is_known(error.field), f"{where} names {error.field!r}"
    for problem in problems:
        assert isinstance(problem.message, str)
        assert problem.message
        assert problem.remedy, f"a problem with {problem.field} does not say what to do: {problem.message}"
        assert _is_known(problem.field), f"{problem.field!r} is nothing that a problem could be about"


def _file_of(frame: FrameType | None) -> Path | None:
    """The file of ours in which an error was made, below its package."""
    while frame is not None and frame.f_code.co_name in ("__init__", "error_for"):
        frame = frame.f_back
    parts = () if frame is None else Path(frame.f_code.co_filename).parts
    index = next((index for index, part in enumerate(parts) if part in PACKAGES), None)
    return None if index is None else Path(*parts[index + 1 :])


def _is_known(name: object) -> bool:
    return isinstance(name, str) and (name in SUBJECTS or name.endswith(".version") or name.startswith("options."))
