"""The pages: self-contained, escaped, without secrets, and with everything that somebody has to decide or look at."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import Origin
from telephony_core.domain.sip import CredentialState
from telephony_core.errors import ConfigurationError
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.journal.store import RunRecord
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Plan
from telephony_core.migration.plan.planner import make_plan
from telephony_core.migration.plan.store import LoadedPlan, save_plan
from telephony_core.migration.plan.verification import FieldVerification, VerificationResult
from telephony_core.migration.rendering import pages
from telephony_core.migration.rendering.plan_page import plan_page
from telephony_core.migration.rendering.run_page import migration_page
from telephony_core.migration.run.status import MigrationRun, NumberRun, StepTaken, read_run
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import InboundHost
from tests.migration.scenes import (
    CLOCK,
    NOW,
    PUBLISHING,
    WIDE,
    inventory,
    narrowed,
    number,
    target,
    trunk,
)

EVIL = "<script>alert(1)</script>\"'&\x1b[31m\u202e"
CANARY = "canary-hunter2"


class Page(HTMLParser):
    """A page read strictly: every element closed, and what a test wants to know of it."""

    VOID = frozenset({"meta", "input", "br"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data + " "

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.tags
            if name == tag and all(found.get(key.rstrip("_").replace("_", "-")) == v for key, v in attributes.items())
        ]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def planned(*held: Any, **given: Any) -> Plan:
    to = given.pop("to", target())
    return make_plan(inventory(*held), to, source_capabilities=WIDE, clock=CLOCK, **given)


def everything(monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A plan with something of every kind in it."""
    monkeypatch.setenv("CANARY_PW", CANARY)
    mapping = MigrationMap.model_validate(
        {
            "agents": [{"source": "a-1", "target": "w-1", "target_version": "v7"}],
            "trunks": [
                {
                    "name": "main",
                    "source_address": "sip:pbx.example.com:5060",
                    "username": "acme",
                    "password": "env:CANARY_PW",
                }
            ],
        }
    )
    host = InboundHost(source="made up", host="sip.west.example.com")
    capabilities = narrowed(Setting.ALLOWED_ADDRESSES, side_effects=PUBLISHING, inbound_host=host)
    return planned(
        number("07011112222", label="본사", inbound_agent=AgentRef("a-1")),
        number("+827022223333", sip=trunk(credentials=CredentialState.UNKNOWN, allowed=())),
        number("+827033334444", inbound_agent=AgentRef("a-2")),
        number("+827044445555", origin=Origin.PURCHASED),
        number("+827066667777"),
        to=target(number("+827066667777", provider="west"), capabilities=capabilities),
        mapping=mapping,
        allow=["lost_allow_list", "publishes", "tls"],
    )


# -- any page


def made_pages(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    loaded = save_plan(everything(monkeypatch), folder / "plan.json")
    return [plan_page(loaded), plan_page(loaded.plan), migration_page(loaded, read_run(loaded, now=lambda: NOW))]


def test_a_page_is_whole_and_fetches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for source in made_pages(monkeypatch, tmp_path):
        page = Page(source)
        for name, attributes in page.tags:
            assert name not in ("link", "img", "iframe", "object", "embed", "base", "form", "a")
            assert not {"src", "href", "srcset", "style", "action"} & attributes.keys()
            assert not [key for key in attributes if key.startswith("on")]
        style = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
        assert len(style) == 1
        assert "url(" not in style[0]
        assert "@import" not in style[0]


def test_the_policy_of_a_page_allows_its_own_style_and_script_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for source in made_pages(monkeypatch, tmp_path):
        (policy,) = Page(source).all("meta", http_equiv="Content-Security-Policy")
        for element in ("style", "script"):
            (content,) = re.findall(f"<{element}>(.*?)</{element}>", source, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{element}-src 'sha256-{digest}'" in str(policy["content"])
        assert str(policy["content"]).startswith("default-src 'none'; ")


def test_a_page_has_a_light_and_a_dark_look_and_fits_a_narrow_screen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = made_pages(monkeypatch, tmp_path)[0]
    assert "prefers-color-scheme: dark" in source
    assert "max-width: 40rem" in source
    assert Page(source).all("meta", name="viewport")


def test_no_secret_is_on_any_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = made_pages(monkeypatch, tmp_path)
    assert "main from env:CANARY_PW" in made[0]
    assert not [source for source in made if CANARY in source]


@pytest.mark.parametrize("place", ["label", "raw", "id", "agent", "problem", "connection"])
def test_everything_is_escaped_wherever_it_comes_from(place: str, tmp_path: Path) -> None:
    held = number(
        f"{EVIL}@x" if place == "raw" else "07011112222",
        label=EVIL if place == "label" else None,
        id=EVIL if place == "id" else "1",
        inbound_agent=AgentRef(EVIL) if place == "agent" else None,
        problems=(f"{EVIL}: {EVIL}",) if place == "problem" else (),
    )
    source = inventory(held, connection=EVIL if place == "connection" else None)
    plan = make_plan(source, target(), source_capabilities=WIDE, clock=CLOCK)
    loaded = save_plan(plan, tmp_path / "plan.json")
    for page in (plan_page(plan), migration_page(loaded, read_run(loaded))):
        assert "<script>alert" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert len(Page(page).all("script")) == 1


def test_without_jinja2_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    pages.environment.cache_clear()
    with pytest.raises(ConfigurationError, match=r"telephony-core\[cli\]"):
        plan_page(plan)


def test_what_a_remedy_has_between_backticks_is_code(tmp_path: Path) -> None:
    source = plan_page(planned(number(sip=trunk(None), problems=("odd: `<b>",)), allow=["unreadable"]))
    assert "Give <code>address</code> under [[trunks]] in the map" in source
    assert "(odd: `&lt;b&gt;)" in source


def test_a_name_that_a_template_does_not_get_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        pages.render_page("plan.html", title="x")


# -- a plan


def test_the_page_of_a_plan_tells_what_approving_it_means(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded = save_plan(everything(monkeypatch), tmp_path / "plan.json")
    words = Page(plan_page(loaded)).words
    assert "Move 2 numbers from east to west" in words
    assert "Nothing has been written yet." in words
    assert "goes first; the others follow" in words
    assert "until the carrier sends them to west (sip.west.example.com)" in words
    assert "A rollback cannot undo everything for +827011112222" in words
    assert "lost_allow_list: 1 time in this plan" in words
    assert "tls: not needed by this plan" in words
    assert loaded.checksum in words
    assert "approved by" in words


def test_the_page_of_a_plan_has_a_card_for_each_number_with_both_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(plan_page(everything(monkeypatch)))
    assert len(page.all("details")) == 2
    assert "07011112222" in page.words
    assert "agent w-1, version v7" in page.words
    for number_ in ("+827033334444", "+827044445555", "+827066667777"):
        assert number_ in page.words
    assert "which its" not in page.words


def test_numbers_can_be_filtered_by_severity(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(plan_page(everything(monkeypatch)))
    offered = {button["value"] for button in page.all("button")}
    assert offered >= {"", "block", "allowed"}
    had = [str(found["data-has"]).split() for _, found in page.tags if found.get("data-has")]
    assert all(any(word in has for has in had) for word in offered - {""})
    assert page.all("div", class_="bar", role="group")[0].get("hidden", "absent") is None, "shown by the script alone"


def test_an_empty_plan_has_a_page_too() -> None:
    assert "There is nothing to move." in Page(plan_page(planned())).words


# -- a run


def _run(loaded: LoadedPlan, **changes: Any) -> MigrationRun:
    moved = NumberRun(
        number="+827011112222",
        state=MigrationState.MOVED,
        record="w-1",
        adopted=True,
        steps=(
            StepTaken(action=Action.IMPORT, phase=Phase.DONE, at=NOW, record="w-1"),
            StepTaken(action=Action.VERIFY, phase=Phase.DONE, at=NOW, message="all fields are equal"),
        ),
        verified_at=NOW,
        fields=(
            FieldVerification(field="label", result=VerificationResult.EQUAL, desired="본사", found="본사"),
            FieldVerification(
                field="outbound.password", result=VerificationResult.UNVERIFIABLE, note="only a call proves it"
            ),
        ),
        releasable_at=NOW + timedelta(hours=72),
    )
    failed = NumberRun(
        number="+827022223333",
        state=MigrationState.FAILED,
        problem=f"the provider says: {EVIL}",
        steps=(StepTaken(action=Action.IMPORT, phase=Phase.FAILED, at=NOW, message="refused"),),
        fields=(FieldVerification(field="label", result=VerificationResult.DIFFERS, desired="a", found="b"),),
    )
    given: dict[str, Any] = {
        "plan": "plan.json",
        "checksum": loaded.checksum,
        "source": "east (east)",
        "target": "west (west)",
        "at": NOW,
        "is_running": False,
        "runs": (
            RunRecord(
                id=1,
                command="apply",
                started_at=NOW,
                ended_at=None,
                how_it_ended=None,
                process=1,
                host="here",
            ),
        ),
        "numbers": (moved, failed),
    }
    return MigrationRun(**{**given, **changes})


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LoadedPlan:
    return save_plan(everything(monkeypatch), tmp_path / "plan.json")


def test_the_page_of_a_run_tells_which_when_what_and_what_is_left(loaded: LoadedPlan) -> None:
    words = Page(migration_page(loaded, _run(loaded))).words
    assert "Moving 2 numbers from east to west" in words
    assert "1 failed" in words
    assert "1 moved, read back and equal" in words
    assert "telephony migrate apply plan.json" in words
    assert "send the calls of 1 number to west (sip.west.example.com)" in words
    assert "The soak of all verified numbers ends on 2026-11-24 12:00:00 UTC." in words
    assert "outbound.password of 1 number cannot be read back" in words
    assert "3 numbers stayed at east: see below" in words
    assert "no end is recorded" in words


def test_the_page_of_a_run_tells_each_numbers_story(loaded: LoadedPlan) -> None:
    source = migration_page(loaded, _run(loaded))
    words = Page(source).words
    assert "Record: w-1 (found after its answer was lost)" in words
    assert "2026-11-21 12:00:00 UTC import done w-1" in words
    assert "label differs a b" in words
    assert "outbound.password unverifiable – only a call proves it" in words
    assert "the provider says: " in words
    assert "<script>alert" not in source


def test_a_run_at_work_says_so(loaded: LoadedPlan) -> None:
    words = Page(migration_page(loaded, _run(loaded, is_running=True))).words
    assert "and still running" in words
    assert "A run is in progress: wait for it, or look again." in words


def test_a_plan_that_was_not_begun_has_a_run_page_too(loaded: LoadedPlan) -> None:
    words = Page(migration_page(loaded, read_run(loaded, now=lambda: NOW))).words
    assert "2 not started" in words
    assert "What was run Nothing yet." in words


def test_numbers_of_a_run_can_be_filtered(loaded: LoadedPlan) -> None:
    page = Page(migration_page(loaded, _run(loaded)))
    offered = [button["value"] for button in page.all("button")]
    assert offered == ["", "problem", "differs", "unverifiable", "failed", "moved"]


@pytest.mark.parametrize("state", MigrationState)
def test_every_standing_has_its_words_on_the_page(loaded: LoadedPlan, state: MigrationState) -> None:
    number = NumberRun(number="+827011112222", state=state)
    page = Page(migration_page(loaded, _run(loaded, numbers=(number,))))
    assert state.value in [button["value"] for button in page.all("button")]


def test_a_number_in_doubt_is_left_over_and_says_until_when(loaded: LoadedPlan) -> None:
    until = NOW + timedelta(minutes=15)
    number = NumberRun(number="+827011112222", state=MigrationState.IN_DOUBT, in_doubt_since=NOW, in_doubt_until=until)
    words = Page(migration_page(loaded, _run(loaded, numbers=(number,)))).words
    assert "1 in doubt, its import was not answered" in words
    assert "+827011112222 in doubt, its import was not answered" in words
    assert "In doubt until: 2026-11-21 12:15:00 UTC" in words
