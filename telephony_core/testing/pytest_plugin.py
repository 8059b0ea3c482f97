"""Fixtures for tests of applications. pytest finds them by the entry point; ``-p no:telephony`` leaves them out.

Every pytest run of an environment in which this distribution is installed imports this module, so it imports pytest and
nothing else. None of the fixtures works unless a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from telephony_core.emulator import Fault
    from telephony_core.provider.port import ProviderSpec
    from telephony_core.testing.accounts import EmulatedAccount, TelephonyConnections, TelephonyEmulator


@pytest.fixture
def telephony_emulator() -> Iterator[TelephonyEmulator]:
    """Make an account at a provider's emulator: ``telephony_emulator("vox", size=40, faults=["lost_after"])``.

    It has a ``client``, an ``async_client``, a ``base_url`` on loopback and the ``emulator`` itself, all closed after
    the test.
    """
    from contextlib import ExitStack

    from telephony_core.testing.accounts import EmulatedAccount

    with ExitStack() as stack:

        def make(
            provider: str | ProviderSpec,
            *,
            size: int | None = None,
            empty: bool = False,
            faults: Iterable[Fault | str] = (),
        ) -> EmulatedAccount:
            return stack.enter_context(EmulatedAccount(provider, size=size, empty=empty, faults=faults))

        yield make


@pytest.fixture
def telephony_connections(
    telephony_emulator: TelephonyEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> TelephonyConnections:
    """Lead the code under test to emulators as it is: ``telephony_connections("vox", madrid="diga")``.

    Each provider is served on loopback (extra ``emulator``) and is the connection of its slug, or of the name that it
    is given; ``name=telephony_emulator(…)`` takes one that was prepared. Until the end of the test
    ``Telephony("vox")``, ``Connections.load()`` and the command ``telephony`` find these connections, in this process
    and in its children, and no other: keys and files of the real environment are out of sight.
    """
    import os

    from telephony_core.errors import InvalidInput
    from telephony_core.testing.accounts import EmulatedAccount, configuration

    accounts: dict[str, EmulatedAccount] = {}
    folder = tmp_path_factory.mktemp("telephony")

    def lead(*slugs: str, **named: str | EmulatedAccount) -> dict[str, EmulatedAccount]:
        if twice := sorted(set(slugs) & set(named)):
            raise InvalidInput(f"{twice[0]} is named twice", remedy="a connection leads to one account")
        wanted: dict[str, str | EmulatedAccount] = {**{slug: slug for slug in slugs}, **named}
        made = {
            name: each if isinstance(each, EmulatedAccount) else telephony_emulator(each)
            for name, each in wanted.items()
        }
        # All that were named so far: the configuration file is written anew each time.
        accounts.update(made)
        for variable in list(os.environ):
            # Keys of the real environment are out of sight. Which library sends is no matter of accounts.
            if variable.startswith("TELEPHONY_") and variable != "TELEPHONY_BACKEND":
                monkeypatch.delenv(variable)
        for variable, value in configuration(accounts, folder).items():
            monkeypatch.setenv(variable, value)
        # Programs read the one or the other spelling.
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(variable, ",".join(filter(None, (os.environ.get(variable), "127.0.0.1"))))
        return made

    return lead
