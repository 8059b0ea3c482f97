"""Providers are found by entry point, one by one, and a bad one harms nobody else.

The last part shows which modules each level imports: names, spec, provider.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from telephony_core import (
    ContractMismatch,
    InvalidInput,
    Origin,
    PluginError,
    ProviderConflict,
    ProviderLoadError,
    ProviderNotFound,
    SipAddress,
    Telephony,
)
from telephony_core.provider.capabilities import AddressForms, OperationSupport
from telephony_core.provider.port import CONTRACT, OLDEST_CONTRACT, ProviderConfig, ProviderSpec
from telephony_core.provider.registry import GROUP, Registry, emulator_of, registry
from telephony_core.testing import new_emulator

GOOD = """
from dataclasses import replace
import pluggy
from telephony_vox.plugin import telephony_register_provider as vox

@pluggy.HookimplMarker("telephony_core")
def telephony_register_provider():
    return replace(vox(), slug={slug!r}, contract={contract})
"""
ODD = """
import pluggy

@pluggy.HookimplMarker("telephony_core")
def telephony_register_provider():
    return {answer}
"""
RAISING = """
import pluggy

@pluggy.HookimplMarker("telephony_core")
def telephony_register_provider():
    raise RuntimeError("no licence file")
"""

Install = Callable[..., Registry]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution that registers a slug on the path; gives a registry that has read nothing yet."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def add(
        slug: str, source: str | None, *, distribution: str = "", version: str = "1.0", value: str = ""
    ) -> Registry:
        distribution = distribution or f"telephony-{slug}"
        package = "fake_" + distribution.replace("-", "_")
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{slug} = {value or package}\n")
        if source is not None:
            (tmp_path / f"{package}.py").write_text(source)
        importlib.invalidate_caches()
        return Registry()

    yield add
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]


def refused(found: Registry, slug: str, kind: type[PluginError]) -> str:
    with pytest.raises(kind) as caught:
        found.spec(slug)
    assert caught.value.remedy
    return str(caught.value)


# -- what is found


def test_the_shipped_providers_are_installed_under_their_slugs() -> None:
    found = {installed.slug: installed for installed in Registry().installed()}
    assert {"diga", "retell", "vox"} <= found.keys()
    assert (found["vox"].distribution, found["vox"].module) == ("telephony-core", "telephony_vox.plugin")


def test_a_good_plugin_gives_its_spec(install: Install) -> None:
    found = install("alpha", GOOD.format(slug="alpha", contract=CONTRACT))
    assert found.spec("alpha").slug == "alpha"
    assert found.spec("alpha") is found.spec("alpha")


def test_a_distribution_that_came_later_is_found_after_refresh(install: Install) -> None:
    found = install("alpha", GOOD.format(slug="alpha", contract=CONTRACT))
    assert found.spec("alpha")
    install("beta", GOOD.format(slug="beta", contract=CONTRACT))
    refused(found, "beta", ProviderNotFound)
    found.refresh()
    assert found.spec("beta").slug == "beta"


def test_one_distribution_that_is_on_the_path_twice_is_no_conflict(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = install("alpha", GOOD.format(slug="alpha", contract=CONTRACT))
    (tmp_path / "again").symlink_to(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "again"))
    assert found.spec("alpha").slug == "alpha"


# -- what is wrong


def test_an_unknown_slug_lists_what_is_installed_and_says_how_to_get_more() -> None:
    text = refused(Registry(), "twilio", ProviderNotFound)
    for part in ("'twilio'", "diga", "vox", "install"):
        assert part in text


def test_an_unknown_slug_says_so_when_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: list[EntryPoint] = []
    monkeypatch.setattr("telephony_core.provider.registry.entry_points", lambda *, group: nothing)
    assert "installed providers: none" in refused(Registry(), "vox", ProviderNotFound)


def test_a_plugin_that_cannot_be_imported_names_its_distribution_and_the_reason(install: Install) -> None:
    found = install("broken", "raise ImportError('libsip.so is missing')", version="2.5")
    text = refused(found, "broken", ProviderLoadError)
    for part in ("'broken'", "telephony-broken 2.5", "ImportError", "libsip.so is missing", "upgrade or uninstall"):
        assert part in text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def broken(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        (RAISING, "no licence file"),
        (None, "ModuleNotFoundError"),
        ("from telephony_core.provider.port import NoSuchName", "NoSuchName"),
    ],
    ids=["syntax", "import", "hook", "missing", "newer-core"],
)
def test_any_failure_while_loading_is_told_as_one_error(install: Install, source: str | None, reason: str) -> None:
    assert reason in refused(install("broken", source), "broken", ProviderLoadError)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (ODD.format(answer="None"), "NoneType"),
        (ODD.format(answer="{'slug': 'odd'}"), "dict"),
        (ODD.format(answer="'odd'"), "str"),
        ("", "NoneType"),
    ],
    ids=["none", "dict", "text", "no-hook"],
)
def test_an_answer_that_is_no_spec_is_refused(install: Install, source: str, answer: str) -> None:
    assert answer in refused(install("odd", source), "odd", ProviderLoadError)


def test_a_spec_with_another_slug_than_its_entry_point_is_refused(install: Install) -> None:
    text = refused(
        install("alpha", GOOD.format(slug="omega", contract=CONTRACT), distribution="d"), "alpha", ProviderLoadError
    )
    assert "'alpha'" in text
    assert "'omega'" in text


@pytest.mark.parametrize("contract", range(OLDEST_CONTRACT, CONTRACT + 1))
def test_a_plugin_of_every_contract_that_is_served_loads(install: Install, contract: int) -> None:
    assert install("alpha", GOOD.format(slug="alpha", contract=contract)).spec("alpha").contract == contract


def test_a_plugin_of_the_first_contract_declares_nothing_that_came_later(install: Install) -> None:
    source = GOOD.format(slug="alpha", contract=1)
    capabilities = install("alpha", source).spec("alpha").capabilities
    assert not capabilities.ids_are_reused
    assert Origin.LINKED not in OperationSupport(source="-").origins
    assert AddressForms(source="-").default_transport is None
    assert capabilities.as_meant(SipAddress("pbx.example.com")) == SipAddress("pbx.example.com")


@pytest.mark.parametrize(
    ("contract", "older"), [(OLDEST_CONTRACT - 1, "the provider"), (CONTRACT + 1, "telephony-core")]
)
def test_another_contract_version_says_which_side_is_older(install: Install, contract: int, older: str) -> None:
    text = refused(install("alpha", GOOD.format(slug="alpha", contract=contract)), "alpha", ContractMismatch)
    assert f"contract {contract}" in text
    assert f"contracts {OLDEST_CONTRACT} to {CONTRACT}" in text
    assert f"upgrade {older}" in text


def test_a_slug_that_two_distributions_claim_is_given_to_neither(install: Install) -> None:
    install("alpha", GOOD.format(slug="alpha", contract=CONTRACT), distribution="one", version="1.0")
    found = install("alpha", GOOD.format(slug="alpha", contract=CONTRACT), distribution="two", version="2.0")
    text = refused(found, "alpha", ProviderConflict)
    assert "one 1.0" in text
    assert "two 2.0" in text
    assert {installed.distribution for installed in found.installed() if installed.slug == "alpha"} == {"one", "two"}


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("telephony_vox.confg:VoxConfig", "No module named 'telephony_vox.confg'"),
        ("telephony_vox.config:VoxConfg", "module 'telephony_vox.config' has no attribute 'VoxConfg'"),
        ("telephony_vox.config", "is no class but a module"),
        ("", "cannot be loaded"),
        ("fake_parts:Config", "libsip.so is missing"),
    ],
    ids=["module", "name", "no-name", "empty", "import"],
)
def test_a_class_that_a_plugin_misplaced_is_told_when_it_is_needed(
    install: Install, tmp_path: Path, place: str, reason: str
) -> None:
    (tmp_path / "fake_parts.py").write_text("raise OSError('libsip.so is missing')")
    source = GOOD.format(slug="alpha", contract=CONTRACT).replace(
        "slug=", f"config=class_at({place!r}), emulator=made_by({place!r}), slug="
    )
    spec = install("alpha", "from telephony_core.provider.port import class_at, made_by\n" + source).spec("alpha")
    for use in (lambda: Telephony(spec, api_key="key"), lambda: emulator_of(spec)):
        with pytest.raises(ProviderLoadError) as caught:
            use()
        assert reason in str(caught.value)


def test_bad_plugins_leave_the_others_alone(install: Install) -> None:
    install("broken", "raise ImportError('gone')")
    install("old", GOOD.format(slug="old", contract=OLDEST_CONTRACT - 1))
    install("vox", GOOD.format(slug="vox", contract=CONTRACT), distribution="a-pretender")
    found = install("alpha", GOOD.format(slug="alpha", contract=CONTRACT)).specs()
    assert isinstance(found["alpha"], ProviderSpec)
    assert isinstance(found["diga"], ProviderSpec)
    assert {slug: type(found[slug]) for slug in ("broken", "old", "vox")} == {
        "broken": ProviderLoadError,
        "old": ContractMismatch,
        "vox": ProviderConflict,
    }


def test_a_plugin_that_failed_is_tried_again_when_it_is_asked_for_again(install: Install, tmp_path: Path) -> None:
    found = install("broken", "raise ImportError('gone')")
    refused(found, "broken", ProviderLoadError)
    (tmp_path / "fake_telephony_broken.py").write_text(GOOD.format(slug="broken", contract=CONTRACT) + "# repaired\n")
    assert found.spec("broken").slug == "broken"


# -- which modules each level imports

HEAVY = {"httpx", "aiohttp", "urllib3", "phonenumbers", "click", "rich", "uvicorn", "dns", "pytest"}
ADAPTERS = {"telephony_vox", "telephony_diga", "telephony_elevenlabs", "telephony_retell"}


def modules_after(code: str) -> set[str]:
    """What is imported once this code has run in a Python of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TELEPHONY", "COVERAGE"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_importing_the_library_reads_no_entry_points_and_imports_nothing_heavy() -> None:
    modules = modules_after(
        "import importlib.metadata as metadata\n"
        "read = metadata.entry_points\n"
        "def watched(**wanted):\n"
        "    assert wanted == {'group': 'pydantic'}, f'entry points were read: {wanted}'\n"
        "    return read(**wanted)\n"
        "metadata.entry_points = watched\n"
        "import telephony_core"
    )
    assert not packages(modules) & (HEAVY | ADAPTERS)
    assert not modules & {"telephony_core.testing", "telephony_core.cli", "telephony_core.migration"}


def test_the_names_of_providers_cost_no_import_of_them() -> None:
    modules = modules_after(
        "from telephony_core.provider.registry import registry\n"
        "assert {'vox', 'diga'} <= {installed.slug for installed in registry.installed()}"
    )
    assert not packages(modules) & (HEAVY | ADAPTERS)


@pytest.mark.parametrize("slug", ["vox", "diga", "elevenlabs", "retell"])
def test_a_spec_imports_the_plugin_module_and_nothing_else_of_the_adapter(slug: str) -> None:
    modules = modules_after(
        f"from telephony_core.provider.registry import registry\nregistry.spec({slug!r}).capabilities"
    )
    package = f"telephony_{slug}"
    declared = {package, f"{package}.capabilities", f"{package}.plugin"}
    assert {name for name in modules if name.partition(".")[0] in ADAPTERS} == declared
    assert not packages(modules) & HEAVY


@pytest.mark.parametrize("slug", ["vox", "diga", "elevenlabs", "retell"])
def test_a_client_imports_the_adapter_of_its_provider_but_not_the_emulator_or_another_one(slug: str) -> None:
    modules = modules_after(f"from telephony_core import Telephony\nTelephony({slug!r}, api_key='key').close()")
    package = f"telephony_{slug}"
    assert {f"{package}.adapter", f"{package}.config", f"{package}.wire"} <= modules
    assert not {name for name in modules if name.startswith(f"{package}.emulator")}
    assert packages(modules) & ADAPTERS == {package}


def test_a_client_on_an_emulator_imports_no_http_library() -> None:
    modules = modules_after(
        "from telephony_core.testing import emulated\nwith emulated('vox') as telephony: list(telephony.list_numbers())"
    )
    assert not packages(modules) & {"httpx", "aiohttp", "urllib3", "pytest"}


def test_the_registry_of_the_clients_is_one() -> None:
    from telephony_core.accounts import connections
    from telephony_core.client import base

    assert base.registry is connections.registry is registry


# -- distributions that are broken

Break = Callable[[Path], object]


def _no_metadata(info: Path) -> None:
    (info / "METADATA").unlink()


def _empty_metadata(info: Path) -> None:
    (info / "METADATA").write_bytes(b"")


def _metadata_that_is_no_text(info: Path) -> None:
    (info / "METADATA").write_bytes(b"\xff\xfe\x00")


def _no_version(info: Path) -> None:
    (info / "METADATA").write_text("Name: telephony-alpha\n")


def _no_name(info: Path) -> None:
    (info / "METADATA").write_text("Version: 1\n")


@pytest.mark.parametrize("harm", [_no_metadata, _empty_metadata, _metadata_that_is_no_text, _no_version, _no_name])
@pytest.mark.parametrize("source", [GOOD.format(slug="alpha", contract=CONTRACT), "1 / 0"], ids=["good", "failing"])
def test_any_metadata_may_be_missing(install: Install, tmp_path: Path, harm: Break, source: str) -> None:
    found = install("alpha", source)
    harm(tmp_path / "telephony_alpha-1.0.dist-info")
    (installed,) = (each for each in found.installed() if each.slug == "alpha")
    assert installed.distribution
    assert installed.version
    assert isinstance(found.specs()["vox"], ProviderSpec)
    if source == "1 / 0":
        assert "ZeroDivisionError" in refused(found, "alpha", ProviderLoadError)
    else:
        assert found.spec("alpha").slug == "alpha"


def _entries_that_are_no_text(info: Path) -> None:
    (info / "entry_points.txt").write_bytes(b"\xff\xfe garbage")


def _an_entry_without_a_value(info: Path) -> None:
    (info / "entry_points.txt").write_text(f"[{GROUP}]\njunk\n")


@pytest.mark.parametrize("harm", [_entries_that_are_no_text, _an_entry_without_a_value])
def test_entry_points_that_cannot_be_read_are_named_and_hide_nobody_else(
    install: Install, tmp_path: Path, harm: Break
) -> None:
    install("broken", None, distribution="half-installed")
    found = install("alpha", GOOD.format(slug="alpha", contract=CONTRACT))
    harm(tmp_path / "half_installed-1.0.dist-info")
    assert {"alpha", "diga", "vox"} <= {installed.slug for installed in found.installed()}
    (said,) = found.unreadable()
    assert "half-installed" in said
    assert str(tmp_path) in said


@pytest.mark.parametrize("value", ["!!", "json", "os:sep", "no_such_module:x", "json:no.such", ":", "a b"])
@pytest.mark.parametrize("slug", ["../x", "a b", "한"])
def test_an_odd_entry_point_is_an_error_of_its_own_only(install: Install, slug: str, value: str) -> None:
    found = install(slug, None, distribution="odd", value=value).specs()
    assert isinstance(found[slug], ProviderLoadError)
    assert isinstance(found["vox"], ProviderSpec)


@pytest.mark.parametrize(
    "source",
    [
        "import sys; sys.exit(3)",
        "raise BaseException('x')",
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
        "def f(): f()\nf()",
        GOOD.format(slug="alpha", contract="'2'"),
        GOOD.replace("contract={contract}", "capabilities=None").format(slug="alpha"),
        GOOD.replace("contract={contract}", "capabilities=replace(vox().capabilities, fields=[])").format(slug="alpha"),
    ],
    ids=["exit", "base", "mute", "recursion", "contract", "capabilities", "fields"],
)
def test_whatever_a_plugin_does_while_it_is_loaded_is_an_error_of_its_own_only(install: Install, source: str) -> None:
    found = install("alpha", source).specs()
    assert isinstance(found["alpha"], PluginError)
    assert isinstance(found["vox"], ProviderSpec)


def fails() -> Any:
    raise ModuleNotFoundError("No module named 'sipstack'")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"factory": lambda config: fails()}, "ModuleNotFoundError: No module named 'sipstack'"),
        ({"factory": lambda config: fails}, "gives a function, and not a Provider"),
        ({"factory": lambda config: None}, "gives a NoneType, and not a Provider"),
        ({"slug": "another"}, "with the slug 'another'"),
        ({"config": fails}, "ModuleNotFoundError"),
        ({"config": lambda: None}, "gives a NoneType, and not a subclass of ProviderConfig"),
        ({"config": ProviderConfig}, "InvalidInput: api_key: is missing"),
    ],
    ids=["factory", "function", "nothing", "slug", "config", "no config", "the class itself"],
)
def test_a_provider_whose_adapter_cannot_be_made_is_told_as_one_that_cannot_be_loaded(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ProviderLoadError) as caught:
        Telephony(replace(registry.spec("vox"), **changes), api_key="key")
    assert reason in str(caught.value)
    assert caught.value.remedy


def test_a_factory_that_quotes_the_key_shows_it_in_no_error() -> None:
    def quoting(config: ProviderConfig) -> Any:
        raise RuntimeError(f"cannot use {config.api_key.get_secret_value()}")

    with pytest.raises(ProviderLoadError) as caught:
        Telephony(replace(registry.spec("vox"), factory=quoting), api_key="key-canary")
    assert "canary" not in str(caught.value)


def test_a_configuration_that_an_adapter_refuses_is_refused_in_its_own_words() -> None:
    def refusing(config: ProviderConfig) -> Any:
        raise InvalidInput("the tenant is missing")

    with pytest.raises(InvalidInput, match="the tenant is missing"):
        Telephony(replace(registry.spec("vox"), factory=refusing), api_key="key")


def test_an_emulator_that_cannot_be_made_is_told_as_well() -> None:
    with pytest.raises(ProviderLoadError, match="sipstack"):
        new_emulator(replace(registry.spec("vox"), emulator=fails))


def test_every_command_works_beside_a_broken_distribution_and_providers_names_it(tmp_path: Path) -> None:
    """In a process of its own: pydantic reads the entry points of all distributions when it is imported."""
    info = tmp_path / "half_installed-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: half-installed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_bytes(b"\xff\xfe garbage")
    done = subprocess.run(
        [sys.executable, "-m", "telephony_core.cli", "providers"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "vox" in done.stdout
    assert "half-installed" in done.stderr
