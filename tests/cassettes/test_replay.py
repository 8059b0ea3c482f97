"""Every cassette is replayed through both clients, says where it comes from, and holds no secret."""

from __future__ import annotations

import re

import pytest
from vcr.errors import CannotOverwriteExistingCassetteException

from telephony_core import OutboundUpdate
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.registry import registry
from tests.cassettes.record import SCENES
from tests.cassettes.tape import API_KEY, FOLDER, Scene, ask, read_yaml, replay

ALL = [pytest.param(slug, scene, id=f"{slug}-{scene.name}") for slug, scenes in SCENES.items() for scene in scenes]
FILES = sorted(FOLDER.glob("*/*.yaml"))


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(("slug", "scene"), ALL)
def test_a_cassette_replays(slug, scene, mode):
    replay(slug, scene, mode=mode)


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
        tape = read_yaml(file.read_text(encoding="utf-8"))
        assert all(interaction["request"]["uri"].startswith(base) for interaction in tape["interactions"])


@pytest.mark.parametrize("slug", SCENES)
def test_every_declared_operation_succeeds_on_a_cassette(slug):
    answered = set().union(*(replay(slug, scene, mode="sync") for scene in SCENES[slug]))
    methods = {Operation(method.removesuffix("_numbers").removesuffix("_number")) for method in answered}
    assert methods == set(registry.spec(slug).capabilities.operations)


def test_a_request_with_another_body_is_not_on_the_tape():
    def change_trunk() -> object:
        number = yield ask("find_number", "070-1111-2222")
        yield ask("update_sip", number, outbound=OutboundUpdate(address="else.example.com", password="s3cret"))

    with pytest.raises(CannotOverwriteExistingCassetteException):
        replay("vox", Scene(change_trunk), mode="sync")
