"""Documentation that runs proves the documentation: its lines count as covered where a test is about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony_core import Telephony
from telephony_core.emulator.server import serve
from telephony_core.testing import new_emulator
from tests.docs.blocks import BLOCK
from tests.docs.matrix import README


@pytest.fixture(autouse=True)
def _unmeasured(unmeasured: None) -> None: ...


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Both emulators on loopback, and the environment of somebody who has keys."""
    emulators = {slug: new_emulator(slug) for slug in ("vox", "diga")}
    config = tmp_path / "telephony" / "config.toml"
    config.parent.mkdir()
    (toml,) = [code for kind, code in BLOCK.findall(README.read_text(encoding="utf-8")) if kind == "toml"]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("VOX_KEY", emulators["vox"].api_key)
    with serve(emulators) as urls:
        # At the pace that vox declares, two commands of the README would wait for twenty seconds.
        at_once = f'\n[connections.vox]\nprovider = "vox"\nbase_url = "{urls["vox"]}"\npace = {{}}\n'
        config.write_text(re.sub(r'(?<=base_url = ")[^"]+', urls["vox"], toml) + at_once, encoding="utf-8")
        for slug, emulator in emulators.items():
            monkeypatch.setenv(f"TELEPHONY_{slug.upper()}_API_KEY", emulator.api_key)
            monkeypatch.setenv(f"TELEPHONY_{slug.upper()}_BASE_URL", urls[slug])
        for slug, number in (("vox", "070-1111-2222"), ("diga", "612345678")):
            with Telephony(slug) as client:
                agent = client.find_number(number).inbound_agent
            assert agent is not None
            monkeypatch.setenv(f"{slug.upper()}_AGENT", agent.agent_id)
        yield
