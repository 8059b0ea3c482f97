"""`telephony providers`: the matrix, and providers that are broken."""

from __future__ import annotations

import pytest

from telephony_core.cli.output.capabilities import NOTHING, as_data, points
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.registry import registry


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """An installed distribution whose plugin cannot be imported, and one that claims a slug that is taken."""
    for name, slug, module in (("telephony-crash", "crash", "crash_plugin"), ("other-vox", "vox", "other_vox")):
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[telephony_core]\n{slug} = {module}\n")
        (tmp_path / f"{module}.py").write_text("raise RuntimeError('\\x1b[31mno such vendor')\n")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        registry.refresh()
        yield
    registry.refresh()


def test_the_matrix_names_every_operation_and_field_of_every_provider(telephony):
    result = telephony("providers")
    assert result.exit_code == 0
    assert "PROVIDER" in result.stdout
    for operation in Operation:
        assert f"operations: {operation.replace('_', ' ')}" in result.stdout
    for field in Field:
        assert f"fields: {field}" in result.stdout
    assert "0 of" in result.stdout  # nothing was verified against the live services


def test_the_matrix_says_what_is_declared():
    said = {(point.group, point.name): point.says for point in points(registry.spec("vox").capabilities)}
    assert said["operations", "revoke release"] == "purchased only"
    assert said["operations", "list"] == "yes"
    assert said["operations", "purchase"] == NOTHING
    assert said["fields", "inbound.allowed_addresses"] == NOTHING
    assert said["fields", "outbound.password"] == "write"
    assert said["release", "of purchased numbers"] == "end of period, can be revoked"
    assert said["requests", "rate"] == "5 per second, 120 per minute"
    assert said["numbers", "to import"] == "e164 of KR; as they are: local, service"


def test_every_provider_has_the_same_points():
    names = {
        tuple((point.group, point.name) for point in points(registry.spec(slug).capabilities))
        for slug in ("vox", "diga")
    }
    assert len(names) == 1


def test_one_provider_is_shown_with_its_sources(telephony):
    result = telephony("providers", "diga")
    assert result.exit_code == 0
    assert "vendor OpenAPI of" in result.stdout
    assert "verified  no" in result.stdout
    assert "https://docs.diga.io" in result.stdout


def test_json_prints_the_capabilities_as_data(telephony):
    found = {each["slug"]: each for each in telephony.json("providers")}
    assert set(found) >= {"vox", "diga"}
    vox = found["vox"]["capabilities"]
    assert vox["region"] == "KR"
    assert vox["operations"]["revoke_release"]["origins"] == ["purchased"]
    assert vox["fields"]["outbound.address"]["requires"] == ["outbound.password"]
    assert vox["release"]["purchased"] == {
        "source": registry.spec("vox").capabilities.release["purchased"].source,
        "verified": False, "note": "", "effect": "end_of_period", "revocable": True,
    }  # fmt: skip
    (only,) = telephony.json("providers", "vox")
    assert only == found["vox"]


def test_an_unknown_provider_is_an_error_that_lists_the_installed_ones(telephony):
    error = telephony.error("providers", "nobody")
    assert (error["kind"], error["exit_code"]) == ("ProviderNotFound", 78)
    assert "vox" in error["remedy"]


@pytest.mark.usefixtures("broken")
def test_a_broken_provider_is_a_row_and_no_failure(telephony):
    result = telephony("providers")
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "broken: ProviderLoadError" in rows["crash"]
    assert "broken: ProviderConflict" in rows["vox"]
    assert "ready" in rows["diga"]
    assert "uninstall" in result.stdout
    assert "\x1b" not in result.output


@pytest.mark.usefixtures("broken")
def test_a_broken_provider_is_an_error_among_the_others_in_json(telephony):
    found = {each["slug"]: each for each in telephony.json("providers")}
    assert found["crash"]["error"]["kind"] == "ProviderLoadError"
    assert found["vox"]["error"]["kind"] == "ProviderConflict"
    assert "capabilities" in found["diga"]


@pytest.mark.usefixtures("broken")
def test_a_broken_provider_alone_is_an_error(telephony):
    assert telephony("providers", "crash").exit_code == 78
    assert telephony("numbers", "list", "-p", "crash").exit_code == 78
    assert telephony("numbers", "list", "-p", "diga", "--limit", "1").exit_code == 0


def test_with_no_provider_installed_it_says_so(telephony, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("telephony_core.provider.registry.entry_points", lambda *, group: [])
        registry.refresh()
        result = telephony("providers")
    registry.refresh()
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no provider is installed" in result.stderr


def test_a_declaration_becomes_plain_data():
    assert as_data({Field.LABEL: (1, frozenset({"b", "a"}), None)}) == {"label": [1, ["a", "b"], None]}
