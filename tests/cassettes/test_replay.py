"""Every cassette is replayed through both clients, says where it comes from, and holds no secret."""

from __future__ import annotations

import re

import pytest
import yaml
from vcr.errors import CannotOverwriteExistingCassetteException

from telephony_core import OutboundUpdate
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.registry import registry
from tests.cassettes.record import SCENES
from tests.cassettes.tape import API_KEY, FOLDER, Scene, ask, replay

ALL = [pytest.param(slug, scene, id=f"{slug}-{scene.name}") for slug, scenes in SCENES.items() for scene in scenes]
FILES = sorted(FOLDER.glob("*/*.yaml"))


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(("slug", "scene"), ALL)
def test_a_cassette_replays(slug, scene, mode):
    assert replay(slug, scene, mode=mode).all_played


def test_there_is_a_cassette_for_every_scene_and_no_other():
    assert {(file.parent.name, file.stem) for file in FILES} == {
        (slug, scene.name) for slug, scenes in SCENES.items() for scene in scenes
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_cassette_says_where_it_comes_from_and_holds_no_secret(file):
    text = file.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert re.fullmatch(r"# recorded from (the emulator|the live API \d{4}-\d{2}-\d{2})", first)
    assert "s3cret" not in text
    assert API_KEY not in text
    assert "bearer" not in text.lower()


@pytest.mark.parametrize("slug", SCENES)
def test_the_cassettes_speak_the_vendors_own_url(slug):
    base = registry.spec(slug).emulator().base_url
    for file in (FOLDER / slug).glob("*.yaml"):
        tape = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert all(interaction["request"]["uri"].startswith(base) for interaction in tape["interactions"])


# What each operation of the port looks like on the wire of each vendor.
ON_THE_WIRE = {
    "vox": {
        Operation.LIST: ("GET", r"/organization-telephone-numbers\?"),
        Operation.GET: ("GET", r"/organization-telephone-numbers/[0-9a-f-]{36}$"),
        Operation.IMPORT: ("POST", r"/telephone-numbers/register$"),
        Operation.UPDATE_LABEL: ("PATCH", r"/sip$"),
        Operation.UPDATE_SIP: ("PATCH", r"/sip$"),
        Operation.ASSIGN_AGENTS: ("PATCH", r"/agent$"),
        Operation.RELEASE: ("DELETE", r"/organization-telephone-numbers/"),
        Operation.REVOKE_RELEASE: ("POST", r"/revoke-cancel$"),
        Operation.SEARCH_AVAILABLE: ("GET", r"/telephone-numbers/available"),
    },
    "diga": {
        Operation.LIST: ("GET", r"/v1/phone/\?"),
        Operation.GET: ("GET", r"/v1/phone/[0-9a-f-]{36}$"),
        Operation.IMPORT: ("POST", r"/v1/phone/import$"),
        Operation.UPDATE_LABEL: ("PATCH", r"/v1/phone/[0-9a-f-]{36}$"),
        Operation.UPDATE_SIP: ("PATCH", r"/sip-config$"),
        Operation.ASSIGN_AGENTS: ("PATCH", r"/v1/phone/[0-9a-f-]{36}$"),
        Operation.RELEASE: ("DELETE", r"/v1/phone/"),
    },
    "retell": {
        Operation.LIST: ("GET", r"/v2/list-phone-numbers\?"),
        Operation.GET: ("GET", r"/get-phone-number/%2B[0-9]+$"),
        Operation.IMPORT: ("POST", r"/import-phone-number$"),
        Operation.UPDATE_LABEL: ("PATCH", r"/update-phone-number/%2B[0-9]+$"),
        Operation.UPDATE_SIP: ("PATCH", r"/update-phone-number/%2B[0-9]+$"),
        Operation.ASSIGN_AGENTS: ("PATCH", r"/update-phone-number/%2B[0-9]+$"),
        Operation.RELEASE: ("DELETE", r"/delete-phone-number/"),
    },
    "elevenlabs": {
        Operation.LIST: ("GET", r"/v1/convai/phone-numbers$"),
        Operation.GET: ("GET", r"/v1/convai/phone-numbers/phnum_[0-9a-f]{32}$"),
        Operation.IMPORT: ("POST", r"/v1/convai/phone-numbers$"),
        Operation.UPDATE_LABEL: ("PATCH", r"/v1/convai/phone-numbers/phnum_"),
        Operation.UPDATE_SIP: ("PATCH", r"/v1/convai/phone-numbers/phnum_"),
        Operation.ASSIGN_AGENTS: ("PATCH", r"/v1/convai/phone-numbers/phnum_"),
        Operation.RELEASE: ("DELETE", r"/v1/convai/phone-numbers/phnum_"),
    },
}


@pytest.mark.parametrize("slug", SCENES)
def test_every_declared_operation_is_on_a_cassette(slug):
    declared = set(registry.spec(slug).capabilities.operations) - {Operation.FIND}  # a find is a listing
    assert declared == set(ON_THE_WIRE[slug])
    recorded = [
        (interaction["request"]["method"], interaction["request"]["uri"])
        for file in (FOLDER / slug).glob("*.yaml")
        for interaction in yaml.safe_load(file.read_text(encoding="utf-8"))["interactions"]
    ]
    for operation, (method, pattern) in ON_THE_WIRE[slug].items():
        assert any(verb == method and re.search(pattern, uri) for verb, uri in recorded), operation


def test_a_request_with_another_body_is_not_on_the_tape():
    def another() -> object:
        number = yield ask("find_number", "070-1111-2222")
        yield ask("update_sip", number, outbound=OutboundUpdate(address="else.example.com", password="s3cret"))

    with pytest.raises(CannotOverwriteExistingCassetteException):
        replay("vox", Scene("change_trunk", another), mode="sync")
