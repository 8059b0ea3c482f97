"""Inventories: whole, ordered, free of secrets, and impossible to edit unnoticed."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core import AsyncTelephony, Telephony, WriteRefused
from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import Money, NumberStatus, Origin
from telephony_core.emulator import Fault, FaultKind
from telephony_core.errors import MigrationError, NotSent
from telephony_core.migration.inventory.csv_table import csv_table
from telephony_core.migration.inventory.diff import diff
from telephony_core.migration.inventory.inventory import Inventory, atake_inventory, take_inventory
from telephony_core.provider.flow import Request, Semantics
from telephony_core.provider.registry import registry
from telephony_core.text.documents import checksum, write_file
from tests.migration.scenes import CLOCK, NOW, emulated, inventory, number, trunk, writes

PROVIDERS = sorted(installed.slug for installed in registry.installed() if installed.slug in ("diga", "vox"))


# -- taking one


@pytest.mark.parametrize("slug", PROVIDERS)
def test_it_holds_every_record_that_the_provider_has(slug: str) -> None:
    emulator, client = emulated(slug)
    taken = take_inventory(client, clock=CLOCK)
    assert {held.id for held in taken.numbers} == {record["id"] for record in emulator.records()}
    assert {held.status for held in taken.numbers} >= {
        NumberStatus.ACTIVE,
        NumberStatus.PENDING,
        NumberStatus.RELEASED,
        NumberStatus.RELEASE_SCHEDULED,
    }


@pytest.mark.parametrize("slug", PROVIDERS)
def test_it_reads_every_page(slug: str) -> None:
    emulator, client = emulated(slug)
    emulator.populate(250)
    taken = take_inventory(client, clock=CLOCK)
    assert len(taken.numbers) == len(emulator.records()) > 250
    assert taken.pages == len(emulator.requests)


@pytest.mark.parametrize("slug", PROVIDERS)
def test_taking_it_writes_nothing(slug: str) -> None:
    emulator, client = emulated(slug)
    take_inventory(client)
    assert emulator.requests
    assert writes(emulator) == []


def test_the_client_it_is_taken_with_refuses_to_write_even_when_an_adapter_tries() -> None:
    emulator, client = emulated("vox")

    def writing() -> Any:
        yield Request.of("GET", "/organization-telephone-numbers", Semantics.IDEMPOTENT)

    client.adapter.list_page = lambda query, cursor: writing()
    with pytest.raises(WriteRefused):
        take_inventory(client)
    assert emulator.requests == []


@pytest.mark.parametrize("slug", PROVIDERS)
def test_the_async_client_gives_the_same(slug: str) -> None:
    emulator, client = emulated(slug)

    async def taken() -> Inventory:
        async with AsyncTelephony(slug, api_key=emulator.api_key, backend=emulator.backend()) as other:
            return await atake_inventory(other, clock=CLOCK)

    assert asyncio.run(taken()) == take_inventory(client, clock=CLOCK)


def test_it_says_where_when_and_with_what_it_was_taken() -> None:
    _, client = emulated("vox")
    taken = take_inventory(client, connection="kr-prod", clock=CLOCK)
    assert (taken.connection, taken.provider, taken.host) == ("kr-prod", "vox", "client-api.tryvox.co")
    assert taken.adapter.startswith("telephony-core ")
    assert taken.taken_at == NOW
    assert str(taken).startswith("kr-prod (vox at client-api.tryvox.co), 2026-11-21 12:00:00 UTC: 23 numbers (17")


def test_an_error_says_that_it_was_the_inventory_that_failed() -> None:
    emulator, client = emulated("vox", max_retries=0)
    emulator.faults.append(Fault(FaultKind.REFUSED))
    with pytest.raises(NotSent, match="vox inventory: "):
        take_inventory(client)


def test_numbers_are_in_the_order_of_number_and_id() -> None:
    _, client = emulated("vox")
    keys = [(held.identity.e164 or held.identity.raw, held.id) for held in take_inventory(client).numbers]
    assert keys == sorted(keys)
    assert len({key for key, _ in keys}) < len(keys), "the seed has a number twice, so that ids decide"


# -- the file


@pytest.mark.parametrize("slug", PROVIDERS)
def test_a_saved_inventory_is_loaded_as_it_was(slug: str, tmp_path: Path) -> None:
    taken = take_inventory(emulated(slug)[1], clock=CLOCK)
    taken.save(tmp_path / "held.json")
    assert Inventory.load(tmp_path / "held.json") == taken


def test_equal_inventories_give_the_same_bytes_and_checksum(tmp_path: Path) -> None:
    one, other = (inventory(number(label="본사"), number("+827033334444")) for _ in range(2))
    one.save(tmp_path / "one.json")
    other.save(tmp_path / "other.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    document = json.loads((tmp_path / "one.json").read_text())
    assert document["checksum"] == one.checksum == checksum(document)


def test_a_file_that_exists_is_not_overwritten_unless_told(tmp_path: Path) -> None:
    file = tmp_path / "held.json"
    inventory().save(file)
    before = file.read_bytes()
    with pytest.raises(MigrationError, match="exists already"):
        inventory(number()).save(file)
    assert file.read_bytes() == before
    inventory(number()).save(file, overwrite=True)
    assert len(Inventory.load(file).numbers) == 1


def test_a_write_that_fails_leaves_neither_the_file_nor_a_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MigrationError, match="No space left on device"):
        inventory(number()).save(tmp_path / "held.json")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "held.json"
    fsync = os.fsync

    def somebody_else_writes(descriptor: int) -> None:
        file.write_text("theirs")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", somebody_else_writes)
    with pytest.raises(MigrationError, match="exists already"):
        write_file(file, b"ours")
    assert file.read_text() == "theirs"


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write_file(tmp_path / "a.json", b"ours")
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match=r"held\.json cannot be written \(No such file or directory\)"):
        inventory().save(tmp_path / "nowhere" / "held.json")


def _edited(file: Path, edit: Any) -> None:
    document = json.loads(file.read_text())
    edit(document)
    file.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda d: d["numbers"][0].update(label="changed"), "was changed after it was written"),
        (lambda d: d.update(connection="other"), "was changed after it was written"),
        (lambda d: d.pop("checksum"), "was changed after it was written"),
        (lambda d: d.update(version=2), "is of version 2; this program reads version 1"),
        (lambda d: d.update(version="1"), "is of another version"),
        (lambda d: d.update(version=True), "is of another version"),
        (lambda d: d.update(format="something else"), "is not a file of this kind"),
    ],
)
def test_an_edited_file_is_refused_with_the_reason(tmp_path: Path, edit: Any, said: str) -> None:
    file = inventory(number()).save(tmp_path / "held.json")
    _edited(file, edit)
    with pytest.raises(MigrationError) as raised:
        Inventory.load(file)
    assert said in str(raised.value)
    assert "held.json" in str(raised.value)


def test_a_file_whose_content_is_wrong_under_a_right_checksum_is_refused(tmp_path: Path) -> None:
    file = inventory(number()).save(tmp_path / "held.json")

    def edit(document: dict[str, Any]) -> None:
        document["numbers"][0]["status"] = "word-of-nobody"
        document["checksum"] = checksum(document)

    _edited(file, edit)
    with pytest.raises(MigrationError, match=r"cannot be read: .*numbers\.0\.status") as raised:
        Inventory.load(file)
    assert "word-of-nobody" not in str(raised.value)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    file = inventory(number(label="본사 대표번호")).save(tmp_path / "held.json")
    whole = file.read_bytes()
    last = len(whole) - 1  # a line break, without which it is whole
    for length in [*range(0, last, 17), *range(last - 20, last)]:
        file.write_bytes(whole[:length])
        with pytest.raises(MigrationError):
            Inventory.load(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b'{"a": 1', "is cut off"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", "kind"),
    ],
)
def test_what_is_no_inventory_at_all_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "held.json").write_bytes(content)
    with pytest.raises(MigrationError, match=said):
        Inventory.load(tmp_path / "held.json")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match=r"absent\.json cannot be read \(No such file or directory\)"):
        Inventory.load(tmp_path / "absent.json")


# -- secrets


def test_no_secret_is_in_the_file_or_the_text(tmp_path: Path) -> None:
    from telephony_core.emulator import StoredCredentials

    emulator, client = emulated("diga")
    emulator.add(
        number="+34911112222",
        telephony_provider="custom",
        status="assigned",
        credentials=StoredCredentials("u", "canary-pw"),
    )
    taken = take_inventory(client)
    said = taken.save(tmp_path / "x.json").read_text() + taken.save_csv(tmp_path / "x.csv").read_text() + str(taken)
    for secret in (emulator.api_key, "canary-pw", "password-of-"):
        assert secret not in said


def test_a_password_that_a_provider_shows_inside_a_text_is_hidden(tmp_path: Path) -> None:
    emulator, client = emulated("diga")
    emulator.add(
        number="sip:bob:canary-pw@pbx.example.com", nickname="at sip:bob:canary-pw@pbx.example.com",
        telephony_provider="custom", status="assigned",
    )  # fmt: skip
    taken = take_inventory(client)
    assert "canary-pw" not in taken.save(tmp_path / "x.json").read_text() + str(taken)
    (shown,) = [held for held in taken.numbers if "bob" in held.identity.raw]
    assert shown.identity.raw == "sip:bob:[hidden]@pbx.example.com"
    assert shown.label == "at sip:bob:[hidden]@pbx.example.com"


def test_what_holds_no_password_is_kept_to_the_letter() -> None:
    emulator, client = emulated("diga")
    for held in take_inventory(client).numbers:
        (record,) = [record for record in emulator.records() if record["id"] == held.id]
        assert (held.identity.raw, held.label or None) == (record["number"], record.get("nickname") or None)


# -- the table


def _table(*numbers: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_table(numbers))))


def test_the_table_has_a_row_for_each_number() -> None:
    held = number(
        "07011112222",
        label="본사",
        sip=trunk("sip:pbx.example.com", username="acme", allowed=("203.0.113.7", "198.51.100.0/24")),
        inbound_agent=AgentRef("a-1", version=AgentVersion.PUBLISHED),
        monthly_fee=Money(amount=Decimal(3300), currency="KRW"),
    )
    (row,) = _table(held)
    assert row["number"] == "07011112222"
    assert row["label"] == "본사"
    assert row["allowed_addresses"] == "203.0.113.7 198.51.100.0/24"
    assert row["inbound_agent"] == "a-1 (published)"
    assert row["monthly_fee"] == "3300 KRW"
    assert row["username"] == "acme"


def test_an_open_allow_list_and_an_unknown_one_are_told_apart() -> None:
    rows = _table(number(sip=trunk(allowed=())), number("+827033334444", sip=trunk(allowed=None)))
    assert [row["allowed_addresses"] for row in rows] == ["open to every source", ""]


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "x;=1+1", 'x",=1+1', "＝1＋1"])
def test_no_label_can_act_as_a_formula(label: str) -> None:
    (row,) = _table(number(label=label))
    assert "'" in row["label"]
    assert not row["label"].lstrip().startswith(tuple("=+-@＝＋－＠"))


def test_an_e164_number_cannot_act_as_a_formula_either() -> None:
    assert _table(number())[0]["e164"] == "'+827011112222"


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_whatever_a_label_holds_every_row_has_every_column_and_no_cell_begins_like_a_formula(label: str) -> None:
    lines = list(csv.reader(io.StringIO(csv_table([number(label=label)]))))
    assert len(lines) == 2
    assert len(lines[1]) == len(lines[0])
    assert not any(cell.lstrip().startswith(tuple("=+-@")) for cell in lines[1])


def test_the_table_is_marked_as_utf_8_for_spreadsheet_programs(tmp_path: Path) -> None:
    file = inventory(number(label="본사")).save_csv(tmp_path / "held.csv")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "본사" in file.read_text("utf-8-sig")


# -- drift


def test_nothing_changed_is_said_so() -> None:
    same = diff(inventory(number()), inventory(number()))
    assert not same
    assert "no difference" in str(same)


def test_drift_is_told_in_words() -> None:
    before = inventory(number(label="old", id="1"), number("+827033334444", id="2"))
    after = inventory(number(label="new", id="1", sip=trunk("sip:new.example.com")), number("+827055556666", id="3"))
    assert diff(before, after).lines()[0].endswith(": 1 added, 1 removed, 1 changed")
    assert diff(before, after).lines()[1:] == [
        "  +827011112222 2 fields differ, id 1",
        "    label: old → new",
        "    outbound.address: sip:pbx.example.com:5060 → sip:new.example.com",
        "  +827033334444 is gone (it was active), id 2",
        "  +827055556666 is new (imported, active), id 3",
    ]


def test_a_trunk_that_was_made_anew_is_drift_within_one_connection() -> None:
    before, after, without = (inventory(number(trunk_ids=ids)) for ids in (("ST_1", "ST_2"), ("ST_1", "ST_3"), ()))
    assert "trunk_ids: ST_1, ST_2 → ST_1, ST_3" in str(diff(before, after))
    assert "trunk_ids: ST_1, ST_3 → not reported" in str(diff(after, without))
    west = inventory(number(provider="west", trunk_ids=("1", "2"), unmodelled=("hooks",)), provider="west")
    assert not diff(before, west).numbers


def test_one_endpoint_spelled_twice_and_one_list_in_another_order_are_no_drift() -> None:
    before = number(sip=trunk("sip:pbx.example.com:5060", allowed=("203.0.113.7", "198.51.100.0/24")))
    after = number(sip=trunk("pbx.example.com:5060", allowed=("198.51.100.0/24", "203.0.113.7/32")))
    assert not diff(inventory(before), inventory(after))


def test_a_status_shows_the_providers_word_as_well() -> None:
    after = number(status=NumberStatus.RELEASE_SCHEDULED, ends_at=NOW + timedelta(days=3))
    assert "status: active → release_scheduled" in str(diff(inventory(number()), inventory(after)))
    assert "ends_at: not reported → 2026-11-24 12:00:00 UTC" in str(diff(inventory(number()), inventory(after)))


def test_two_connections_are_compared_by_e164_and_without_their_agents() -> None:
    east = inventory(number("07011112222", inbound_agent=AgentRef("e")), number("+827033334444"), provider="east")
    west = inventory(number("+827011112222", provider="west", inbound_agent=AgentRef("w")), provider="west")
    assert [drift.what for drift in diff(west, east).numbers] == ["added"]
    assert "is at east only" in str(diff(west, east))
    found = diff(east, west)
    assert found.not_comparable == ()
    assert [(drift.number, drift.what) for drift in found.numbers] == [("+827033334444", "removed")]
    assert "is at east only" in str(found)


def test_numbers_without_e164_are_never_compared_across_connections() -> None:
    east = inventory(number("2001@pbx.example.com", label="one line"), provider="east")
    west = inventory(number("2001@pbx.example.com", label="another", provider="west"), provider="west")
    found = diff(east, west)
    assert not found.numbers
    assert "not compared, because they have no E.164 form: 2001@pbx.example.com at east" in str(found)
    assert found.not_comparable == ("2001@pbx.example.com at east", "2001@pbx.example.com at west")


def test_the_difference_dumps_as_json() -> None:
    dumped = json.loads(diff(inventory(number()), inventory()).model_dump_json())
    assert dumped["numbers"][0]["what"] == "removed"


def test_a_number_bought_elsewhere_is_drift_too() -> None:
    assert "origin: imported → purchased" in str(diff(inventory(number()), inventory(number(origin=Origin.PURCHASED))))


def test_a_client_can_be_given_by_either_kind_of_code() -> None:
    emulator, _ = emulated("diga")
    with Telephony("diga", api_key=emulator.api_key, backend=emulator.backend()) as client:
        assert take_inventory(client).connection == "diga"


def test_settings_without_a_field_are_in_the_file_the_table_and_the_words(tmp_path: Path) -> None:
    taken = inventory(number(unmodelled=("countries", "trunk.headers")))
    assert Inventory.load(taken.save(tmp_path / "east.json")).numbers[0].unmodelled == ("countries", "trunk.headers")
    (row,) = csv.DictReader(io.StringIO(csv_table(taken.numbers)))
    assert row["unmodelled"] == "countries; trunk.headers"
    assert ", not modelled: countries, trunk.headers, id " in str(taken)


def test_one_that_was_set_since_is_a_difference() -> None:
    before, after = inventory(number()), inventory(number(unmodelled=("countries",)))
    assert "unmodelled: none → countries" in str(diff(before, after))


def test_a_file_that_does_not_know_them_yet_is_read(tmp_path: Path) -> None:
    document = json.loads(inventory(number()).save(tmp_path / "new.json").read_text())
    for held in document["numbers"]:
        del held["unmodelled"]
    document["checksum"] = checksum({name: value for name, value in document.items() if name != "checksum"})
    (tmp_path / "old.json").write_text(json.dumps(document))
    assert Inventory.load(tmp_path / "old.json").numbers[0].unmodelled == ()
