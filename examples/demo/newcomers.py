"""A few numbers move from Retell to ElevenLabs: the same commands, and no program knows either of them."""

from __future__ import annotations

from pathlib import Path

from migration import answer, live
from shell import expect, run

from telephony_core.emulator import Emulator

SOURCE, TARGET = "retell", "elevenlabs"


def move(source: Emulator, target: Emulator) -> None:
    """What the plan moves is at the target afterwards, once, and the source is as it was."""
    before, untouched = live(target), source.records()
    run("inventory", "-p", SOURCE, "-o", "retell.json")
    run("migrate", "map", "retell.json", "--to", TARGET, "-o", "elevenlabs.toml")
    answer(Path("elevenlabs.toml"), target)
    run("migrate", "plan", "retell.json", "--to", TARGET, "--map", "elevenlabs.toml", "-o", "move.json", lines=30)
    run("migrate", "apply", "move.json", "--yes")
    run("migrate", "verify", "move.json")
    moved = len(live(target)) - len(before)
    expect(moved > 0 and len(set(live(target))) == len(live(target)), f"numbers moved to {TARGET}, none twice")
    expect(source.records() == untouched, f"nothing was changed at {SOURCE}")
