"""Hostile vendor data: what a vendor sends reaches no terminal raw, no spreadsheet as a formula, no page as markup."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telephony_core import AgentRef, NumberIdentity, PhoneNumber
from telephony_core.cli.app import app
from telephony_core.cli.output.printable import printable, safe_json
from telephony_core.cli.session import Session
from telephony_core.emulator import Emulator, Fault, FaultKind, Record
from telephony_core.errors import TelephonyError
from telephony_core.migration.inventory.csv_table import csv_table
from telephony_core.migration.rendering.pages import environment
from telephony_core.provider.flow import Response
from telephony_core.secrets.redaction import scrubbed
from telephony_core.testing import emulated, new_emulator
from tests.reliability.figures import figures
from tests.reliability.secrecy.canaries import trunk_at
from tests.vendors import SHIPPED, VENDORS, Line

HOSTILE = (
    "\x1b[31mEVIL",
    "\x1b]0;EVIL\x07",
    "\x1b]8;;http://e.example\x1b\\EVIL\x1b]8;;\x1b\\",
    "\x9b2JEVIL",
    "EVIL\r\nerror: all is lost",
    "EVIL\b\b\b\b",
    "\u202eEVIL\u202c",
    "\u2066EVIL\u2069",
    "\u200fEVIL\u200e",
    "EVIL\u2028EVIL\u2029",
    "EVIL\x00\x7f",
    "EVIL\ufeff\u200b",
    "EVIL\U000e0041",
    "[red]EVIL[/red] [link=http://e.example]EVIL[/link] :bomb:",
    "\ud800EVIL",
)
SGR = re.compile(r"\x1b\[[0-9;]*m")
"""The colours that we print ourselves."""


def assert_shown_safely(output: str) -> None:
    """Nothing that a terminal would obey, apart from our own colours."""
    figures.count(6, "outputs searched for raw characters")
    assert [evil for evil in HOSTILE if evil in output and not evil.isprintable()] == [], ascii(output)
    rest = SGR.sub("", output).replace("\n", "")
    assert [character for character in rest if not character.isprintable()] == [], ascii(output)


def as_read(evil: str) -> str:
    """Half of a surrogate pair is read as its escape."""
    return evil.encode("utf-8", "backslashreplace").decode()


def poisoned(slug: str) -> Emulator:
    """An emulator with two live records for each hostile text, which is wherever the vendor may choose one.

    The ids of the first ones are plain, and in ``agents`` by their text.
    """
    emulator, words = new_emulator(slug), VENDORS[slug]
    plain = next(emulator.store[key] for key in emulator.store if emulator.store[key].get(words.status) == words.active)
    for place, evil in enumerate(HOSTILE):
        line = Line(words.own[3], **dict.fromkeys(("label", "address", "username", "inbound", "outbound"), "x"))
        written = words.write(replace(line, allowed=("x", "x")), emulator)
        record: Record = {
            **plain,
            **{name: _spoiled(value, evil) for name, value in written.items()},
            f"new {evil}": evil,
        }
        kept = (words.number, words.status, *(("provider",) if slug == "elevenlabs" else ()))
        record |= {name: plain[name] for name in kept if name in plain}
        id = emulator.new_id(f"plain id of {evil!a}") if words.can_double() else f"+1213556{place:04}"
        emulator.agents[evil] = id
        odd = {words.number: f"{evil}@h.example", **({words.status: evil} if words.status else {})}
        emulator.store.put(id, {**record, emulator.id_key: id})
        emulator.store.put(f"id-{evil}", {**record, **odd, emulator.id_key: f"id-{evil}"})
    return emulator


def _spoiled(value: object, evil: str) -> object:
    """The same with every text in it replaced."""
    if isinstance(value, dict):
        return {name: _spoiled(inner, evil) for name, inner in value.items()}
    if isinstance(value, list):
        return [_spoiled(inner, evil) for inner in value]
    return evil if isinstance(value, str) else value


@pytest.fixture
def telephony(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Callable[..., Result]:
    """The command in process, on an emulator, in a pipe or as if at a terminal."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("telephony_core.transport.pace.Pace.declared", lambda _limit: None)
    monkeypatch.setattr("telephony_core.transport.pipeline.FIRST_BACKOFF", 0.0)

    def run(emulator: Emulator, *arguments: str, at_terminal: bool = False, stdin: str | None = None) -> Result:
        monkeypatch.setenv(f"TELEPHONY_{emulator.slug.upper()}_API_KEY", emulator.api_key)
        for module in ("tables", "terminal"):
            monkeypatch.setattr(f"telephony_core.cli.output.{module}.on_terminal", lambda: at_terminal)
        monkeypatch.setattr("telephony_core.cli.prompts.stdin_is_terminal", lambda: True)
        session = Session(backend=lambda _: emulator.backend())
        result = CliRunner().invoke(app, [*arguments, "-p", emulator.slug], input=stdin, obj=session)
        assert_shown_safely(result.output)
        assert result.exit_code != 70, result.output
        return result

    return run


@pytest.mark.parametrize("at_terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("slug", SHIPPED)
def test_no_command_prints_anything_raw(slug, at_terminal, telephony):
    emulator = poisoned(slug)
    for form in ((), ("--json",)):
        assert telephony(emulator, "numbers", "list", *form, at_terminal=at_terminal).exit_code == 0
        assert telephony(emulator, "doctor", *form, at_terminal=at_terminal).exit_code == 76
    for evil in HOSTILE:
        id = emulator.agents[evil]
        assert telephony(emulator, "numbers", "show", id, at_terminal=at_terminal).exit_code == 0
        assert telephony(emulator, "sip", "show", id, at_terminal=at_terminal).exit_code == 0
        declined = telephony(emulator, "numbers", "release", id, at_terminal=at_terminal, stdin="n\n")
        assert declined.exit_code == 8, declined.output


def refusal_with(evil: str) -> bytes:
    """The envelopes of all vendors in one."""
    said = {"error": {"code": evil, "message": evil, "details": {"field": evil, "reason": evil}}}
    detail = {"type": evil, "code": evil, "message": evil, "request_id": evil}
    return json.dumps({**said, "error_code": evil, "message": evil, "status": "error", "detail": detail}).encode()


@pytest.mark.parametrize("slug", SHIPPED)
def test_no_refusal_of_a_vendor_is_printed_raw(slug, telephony):
    emulator = new_emulator(slug)
    for evil in HOSTILE:
        body = refusal_with(evil)
        for status, form in ((400, ()), (409, ("--json",)), (403, ()), (500, ("--json",))):
            answer = Response(status, {"x-request-id": evil, "retry-after": evil, "content-type": evil}, body)
            emulator.faults[:] = [Fault(FaultKind.ANSWER, times=20, response=answer)]
            assert telephony(emulator, "numbers", "show", f"x{evil}", *form).exit_code != 0


def test_what_scripts_get_is_the_label_itself_under_its_escapes(telephony):
    shown = json.loads(telephony(poisoned("vox"), "numbers", "list", "--json").stdout)
    assert {as_read(evil) for evil in HOSTILE} <= {number["label"] for number in shown}


@pytest.mark.turns(slug=len(SHIPPED))
@pytest.mark.parametrize("evil", HOSTILE, ids=ascii)
@pytest.mark.parametrize("slug", SHIPPED)
def test_errors_and_logs_of_the_library_are_lines_of_printable_characters(slug, evil, caplog):
    caplog.set_level("DEBUG")
    body = refusal_with(evil)
    for status in (302, 400, 404, 409, 422, 429, 503):
        emulator = poisoned(slug)
        answer = Response(status, {"x-request-id": evil, "retry-after": evil}, body)
        emulator.faults.append(Fault(FaultKind.ANSWER, method="PATCH", times=20, response=answer))
        with emulated(slug, emulator) as client:
            for ask in (
                lambda c=client, e=emulator: c.update_sip(e.agents[evil], outbound=trunk_at(slug)),
                lambda c=client: c.find_number(f"{evil}@pbx.example.com nobody"),
                lambda c=client: c.get_number(f"nobody {evil}"),
            ):
                with pytest.raises(TelephonyError) as caught:
                    ask()
                assert str(caught.value).isprintable()
                assert (caught.value.body or "").isprintable()
    assert all(record.getMessage().isprintable() for record in caplog.records if record.name == "telephony_core")


@settings(deadline=None, max_examples=300, derandomize=True)
@given(text=st.text(st.characters(exclude_categories=())))
@example(text="\x1b[31m")
def test_what_is_made_printable_is_printable_and_harmless_to_read_back(text):
    assert printable(text).isprintable()
    assert scrubbed(text).isprintable()
    assert json.loads(safe_json(text)) == text
    assert "\n" not in safe_json(text, indent=None)


# -- spreadsheets

FORMULA = (*"=+-@\t\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def _number(label: str) -> PhoneNumber:
    return PhoneNumber(
        provider="vox",
        id=label,
        identity=NumberIdentity.parse(label, region="KR"),
        label=label,
        provider_status=label,
        inbound_agent=AgentRef(label or "a", version=label),
        problems=(label,),
    )


@settings(deadline=None, max_examples=500, derandomize=True)
@given(label=st.text(st.sampled_from([*FORMULA, *' ;,|"\n', "1", "A", "\x00", "'"]), max_size=8) | st.text())
@example(label="=cmd|' /C calc'!A0")
@example(label="+821012345678")
@example(label=" \t=1+1")
@example(label='a";=1+1')
def test_no_cell_of_an_inventory_begins_as_a_formula_does(label):
    header, row = csv.reader(io.StringIO(csv_table([_number(label)]), newline=""))
    assert len(header) == len(row)
    for cell in row:
        assert not cell.lstrip().startswith(FORMULA), cell
        for part in re.split(r'[;,|\t"]', cell):  # another separator would make cells of these
            assert not part.lstrip().startswith(FORMULA), cell
        assert "\n" not in cell


# -- pages


class _Tags(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


PIECES = (*"<>&\"'/=` \n", "script", "onload", "img", "x", "$policy", "${body}", "-->")
MARKUP = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


REPORT = """{% extends 'page.html' %}{% import 'parts.html' as parts %}{% block body %}
{{ parts.tiles([[text, text, text]]) }}{{ parts.bullets([text]) }}{{ parts.filter_bar([[text, text]]) }}
{{ parts.table(['', text], [[text, text], [text, {'text': text, 'pill': [text, text]}]]) }}
{% call parts.card(text, text ~ '.', [text], [[text, text]]) %}{{ text }}{% endcall %}
{% endblock %}"""


def _tags(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The tags of a report in which a text is everywhere: in titles, attributes, cells, prose and pills."""
    source = environment().from_string(REPORT).render(title=text, text=text)
    return [tag for tag in _Tags(source).found if tag != ("code", ())]  # which backticks become


@settings(deadline=None, max_examples=300, derandomize=True)
@given(evil=MARKUP | st.text())
@example(evil="</style><script>alert(1)</script>")
@example(evil='" onmouseover="alert(1)')
def test_no_text_becomes_markup_in_a_report(evil):
    assert _tags(evil) == _tags("x")


def test_a_listing_survives_every_hostile_record():
    for slug in SHIPPED:
        emulator = poisoned(slug)
        with emulated(slug, emulator) as client:
            found = {number.id: number for number in client.list_numbers()}
        assert len(found) == len(emulator.records())
        for evil in HOSTILE:
            assert found[emulator.agents[evil]].label == found[f"id-{as_read(evil)}"].label == as_read(evil)
