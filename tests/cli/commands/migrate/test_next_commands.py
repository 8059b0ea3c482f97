"""What `telephony migrate` prints as the next step can be pasted: it leads to the connections of the run before it."""

from __future__ import annotations

import shlex

import pytest

from telephony_core.emulator import Fault, FaultKind
from telephony_core.migration.rendering.commands import is_next
from telephony_core.provider.flow import Response

CONFIG = "my accounts.toml"


@pytest.fixture
def configured(moving, monkeypatch):
    """Both connections, known from a file only that is neither the user's own nor in the environment."""
    for name in ("VOX", "DIGA"):
        monkeypatch.delenv(f"TELEPHONY_{name}_API_KEY")
    monkeypatch.setenv("SOME_KEY", "emulator-key")
    (moving.folder / CONFIG).write_text(
        """[connections.old]\nprovider = "vox"\napi_key = "env:SOME_KEY"\n"""
        """[connections.new]\nprovider = "diga"\napi_key = "env:SOME_KEY"\n""",
        encoding="utf-8",
    )
    return moving


def next_words(printed: str) -> list[str]:
    """The words of the one command that is named as the next step."""
    (line,) = [line for line in printed.splitlines() if is_next(line.lstrip())]
    program, *words = shlex.split(line.partition("next: ")[2])
    assert program == "telephony"
    return words


def test_a_migration_is_typed_by_pasting_what_each_step_names(configured):
    telephony = configured.telephony
    result = telephony("inventory", "-p", "old", "-o", "old.json", "--config", CONFIG)
    words = ["new" if word == "NAME" else word for word in next_words(result.stdout)]
    seen = []
    for _ in range(3):
        words += ["--allow", "any_caller"] if words[1] == "plan" else []
        words += ["--html", "plan.html"] if words[1] == "plan" else []
        if words[1] == "plan":
            _answer(configured)
        result = telephony(*words)
        assert result.exit_code == 0, result.stderr
        seen.append(words[1])
        words = next_words(result.stdout)
    for _ in range(2):
        result = telephony(*words, *(["--yes"] if words[1] == "apply" else []))
        assert result.exit_code == 0, result.stderr
        seen.append(words[1])
        words = next_words(result.stdout)
    assert seen == ["assess", "map", "plan", "apply", "verify"]
    assert words == ["migrate", "release", "plan.json", "--config", CONFIG]
    assert telephony.json("migrate", "verify", "plan.json", "--config", CONFIG)["next"] == [
        f"telephony migrate release plan.json --config {shlex.quote(CONFIG)}"
    ]


def _answer(moving) -> None:
    file = moving.folder / "map.toml"
    text = file.read_text(encoding="utf-8")
    for asked, answer in (
        ('# target = ""', f'target = "{moving.diga.agents["reception"]}"'),
        ("# target_version", "target_version"),
        ('# auth = "none"', 'auth = "none"'),
        ("# allowed_addresses", "allowed_addresses"),
    ):
        assert asked in text
        text = text.replace(asked, answer)
    file.write_text(text, encoding="utf-8")


def test_a_run_that_failed_names_one_next_command(moving):
    moving.plan()
    moving.diga.faults.append(Fault(FaultKind.ANSWER, method="POST", response=Response(422, {}, b"{}")))
    result = moving.telephony("migrate", "apply", "plan.json", "--yes")
    assert result.exit_code != 0
    assert next_words(result.stdout) == ["migrate", "apply", "plan.json"]
