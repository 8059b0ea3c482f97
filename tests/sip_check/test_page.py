"""The program of the page on the sip check runs, against a server of ours in the place of the one that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telephony_core import sip_check
from telephony_core.sip_check import CheckVerdict
from tests.docs.blocks import blocks
from tests.sip_check.peer import Registrar, SipPeer

PAGE = Path(__file__).parents[2] / "docs" / "sip-check.md"


@pytest.mark.parametrize(("password", "verdict"), [("trunk-pw", CheckVerdict.PASS), ("wrong-pw", CheckVerdict.FAIL)])
def test_the_program_of_the_page_runs(
    password: str, verdict: CheckVerdict, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = blocks(PAGE, "python")
    check = sip_check.check_trunk
    monkeypatch.setenv("TRUNK_PASSWORD", password)
    with SipPeer(Registrar(username="vox", password="trunk-pw")) as peer:
        monkeypatch.setattr(sip_check, "check_trunk", lambda address, *rest, **named: check(peer.uri, *rest, **named))
        names: dict[str, Any] = {}
        exec(compile(program, PAGE.name, "exec", dont_inherit=True), names)
    assert names["report"].verdict is verdict
    assert password not in capsys.readouterr().out
