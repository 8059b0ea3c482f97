"""The plugin for users' tests, as pytest finds it by the entry point in projects of theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.testing.projects import passed, pytest_in

TOLD = """
import json, sys
import pytest
before = set(sys.modules)
from importlib.metadata import entry_points
(point,) = entry_points(group="pytest11", name="telephony")
found = set(sys.modules)
point.load()
print(json.dumps(sorted(set(sys.modules) - found)))
"""


def test_loading_it_imports_nothing_but_pytest() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "frozen_modules=off", "-c", TOLD],
        capture_output=True,
        text=True,
        check=True,
        env={},
    )
    assert json.loads(done.stdout) == [
        "telephony_core",
        "telephony_core._version",
        "telephony_core.errors",
        "telephony_core.errors.base",
        "telephony_core.errors.chaining",
        "telephony_core.errors.remedy",
        "telephony_core.testing",
        "telephony_core.testing.pytest_plugin",
    ]


def test_a_project_that_does_not_use_it_runs_as_without_it(tmp_path: Path) -> None:
    test = """
import sys

def test_nothing(request):
    assert [name for name in request.fixturenames if name.startswith("telephony")] == []
    assert not {"pydantic", "pluggy.callers", "telephony_core.client", "telephony_core.emulator"} & set(sys.modules)
"""
    assert passed(pytest_in(tmp_path, {"test_it.py": test})) == 1


def test_it_can_be_left_out(tmp_path: Path) -> None:
    done = pytest_in(tmp_path, {"test_it.py": "def test_it(telephony_emulator): ..."}, "-p", "no:telephony")
    assert "fixture 'telephony_emulator' not found" in done.stdout


def test_its_fixtures_are_explained(tmp_path: Path) -> None:
    done = pytest_in(tmp_path, {}, "--fixtures")
    for line in ("telephony_emulator -- ", "telephony_connections -- "):
        assert line in done.stdout
    assert 'telephony_emulator("vox", size=40' in done.stdout


EMULATOR = """
import asyncio

import pytest

from telephony_core import ClientClosed, OutcomeUnknown, Telephony
from telephony_core.emulator import Fault, FaultKind

kept = []


@pytest.mark.parametrize("slug", ["vox", "diga", "elevenlabs", "retell"])
def test_every_provider_has_one_of_any_size(telephony_emulator, slug):
    account = telephony_emulator(slug, size=40)
    numbers = list(account.client.list_numbers())
    assert account.provider == slug
    assert len({number.identity for number in numbers}) == 40
    assert {str(number.status) for number in numbers} == {"active"}
    assert len(list(telephony_emulator(slug).client.list_numbers())) > 5
    assert list(telephony_emulator(slug, empty=True).client.list_numbers()) == []


async def listed(account):
    return [number async for number in account.async_client.list_numbers()]


def test_both_clients_see_one_account(telephony_emulator):
    account = telephony_emulator("vox", size=3)
    number = account.client.find_number("070-2000-0001")
    account.client.update_label(number, "Desk")
    assert "Desk" in [number.label for number in asyncio.run(listed(account))]
    kept.append(account)


def test_what_was_opened_is_closed_after_the_test(telephony_emulator):
    (account,) = kept
    with pytest.raises(ClientClosed):
        list(account.client.list_numbers())
    with pytest.raises(ClientClosed):
        asyncio.run(listed(account))


def test_faults_strike_in_process(telephony_emulator):
    late = Fault(FaultKind.LATE, method="POST")
    account = telephony_emulator("vox", faults=[late, "answer,method=GET,status=503,times=2"])
    assert list(account.client.list_numbers())
    assert late.times == 1, "the one that was handed in is as it was"
    (struck, answered) = account.emulator.faults
    assert (struck.times, answered.times) == (1, 0)


def test_accounts_share_nothing(telephony_emulator):
    one, other = telephony_emulator("vox", size=2), telephony_emulator("vox", size=2)
    one.client.release(next(one.client.list_numbers()))
    assert all(number.is_live for number in other.client.list_numbers())


def test_it_is_served_when_its_url_is_asked_for(telephony_emulator):
    account = telephony_emulator("diga", size=2)
    assert account.base_url == account.base_url
    with Telephony("diga", api_key=account.api_key, base_url=account.base_url) as client:
        assert len(list(client.list_numbers())) == 2
    with Telephony(account.connection("madrid")) as client:
        assert (client.connection_name, len(list(client.list_numbers()))) == ("madrid", 2)
"""

CONNECTIONS = """
import os
import subprocess
import sys

import pytest

from telephony_core import ConfigurationError, Connections, Telephony

before = dict(os.environ)


def test_a_slug_is_found_as_it_is(telephony_connections):
    accounts = telephony_connections("vox", "diga")
    assert list(accounts) == ["vox", "diga"]
    for slug in accounts:
        with Telephony(slug) as client:
            assert next(client.list_numbers()).provider == slug


def test_names_of_connections_are_found(telephony_connections, telephony_emulator):
    big = telephony_emulator("vox", size=30)
    telephony_connections(seoul=big, busan="vox")
    telephony_connections(**{"madrid-1": "diga"})
    found = Connections.load()
    assert sorted(found) == ["busan", "madrid-1", "seoul"]
    with Telephony(found["seoul"]) as client:
        assert len(list(client.list_numbers())) == 30
    with Telephony(found["madrid-1"]) as client:
        assert next(client.list_numbers()).provider == "diga"
    assert len(big.emulator.requests) == 4  # one for each status


def test_what_is_configured_for_real_is_out_of_sight(telephony_connections):
    assert os.environ["TELEPHONY_RETELL_API_KEY"] == "a real key"
    telephony_connections("vox")
    with pytest.raises(ConfigurationError, match="TELEPHONY_RETELL_API_KEY"):
        Telephony("retell")
    assert "retell" not in list(Connections.load())


def test_the_environment_is_as_before_afterwards():
    now = dict(os.environ)
    for each in (before, now):
        each.pop("PYTEST_CURRENT_TEST", None)
    assert now == before


def test_other_processes_find_them_too(telephony_connections):
    telephony_connections(seoul="vox")
    done = subprocess.run(
        [sys.executable, "-m", "telephony_core.cli", "numbers", "list", "-p", "seoul", "--json"],
        capture_output=True, text=True, check=True,
    )
    assert "+827011112222" in done.stdout


def test_a_fault_of_the_wire_comes_true(telephony_connections, telephony_emulator):
    vox = telephony_emulator("vox", faults=["cut_in_body,method=GET"])
    telephony_connections(vox=vox)
    with Telephony("vox") as client:
        assert client.find_number("070-1111-2222").is_live
    assert vox.emulator.faults[0].times == 0
"""


def test_an_account_at_any_emulator_in_one_line(tmp_path: Path) -> None:
    assert passed(pytest_in(tmp_path, {"test_it.py": EMULATOR})) == 9


def test_code_under_test_is_led_to_emulators_as_it_is(tmp_path: Path) -> None:
    real = {"TELEPHONY_RETELL_API_KEY": "a real key", "HTTP_PROXY": "http://127.0.0.1:9", "no_proxy": "intern.example"}
    assert passed(pytest_in(tmp_path, {"test_it.py": CONNECTIONS}, variables=real)) == 6


REFUSED = {
    "telephony_emulator('nobody')": "ProviderNotFound",
    "telephony_emulator('vox', size=-1)": "whole number from 0 on, not -1",
    "telephony_emulator('vox', size=True)": "whole number from 0 on, not True",
    "telephony_emulator('vox', size=1, empty=True)": "empty or has a size",
    "telephony_emulator('vox', faults='lost_after')": "faults come in a list",
    "telephony_emulator(3)": "named by its slug, not by int",
    "telephony_emulator('vox', faults=3)": "faults come in a list",
    "telephony_emulator('vox', faults=['lost'])": "'lost' is no kind of fault; use one of: refused, lost_before",
    "telephony_emulator('vox', faults=['drip,paus=1'])": "'paus=1' of the fault drip cannot be read; write NAME=VALUE",
    "telephony_connections('vox', vox='diga')": "vox is named twice; a connection leads to one account",
}


def test_what_cannot_be_is_refused_with_what_to_do(tmp_path: Path) -> None:
    tests = [
        f"def test_{place}(telephony_emulator, telephony_connections): {call}" for place, call in enumerate(REFUSED)
    ]
    done = pytest_in(tmp_path, {"test_it.py": "\n".join(tests)}, "-rN", "--tb=line")
    assert done.returncode == 1
    assert f"{len(REFUSED)} failed" in done.stdout
    said = [line for line in done.stdout.splitlines() if ".py:" in line]
    assert len(said) == len(REFUSED)
    for line, (call, told) in zip(said, REFUSED.items(), strict=True):
        assert told in line, call
