"""The secrets of one run: read once from where the plan says they are, kept in memory, gone with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from telephony_core.errors import ConfigurationError
from telephony_core.migration.move.effects import ResolvedCredentials
from telephony_core.migration.plan.model import Trunk
from telephony_core.secrets.references import is_reference, read_secret
from telephony_core.transport.signals import interrupting


class SecretSource(Protocol):
    """Where the secrets of tenants are."""

    async def read(self, tenant: str, reference: str, *, what: str) -> SecretStr:
        """The secret that a reference of this tenant leads to. ``what`` names it in errors.

        Raises `ConfigurationError`, which never repeats a value.
        """


@dataclass(frozen=True, slots=True)
class SecretsOfThisProcess:
    """``env:``, ``file:`` and ``prompt:`` as this process sees them, whoever the tenant is.

    ``prompt`` asks the person at the terminal, where there is one.
    """

    prompt: Callable[[str], str] | None = None

    async def read(self, tenant: str, reference: str, *, what: str) -> SecretStr:
        return read_secret(reference, what=what, prompt=None if self.prompt is None else _interruptible(self.prompt))


class SecretResolver:
    """Follows a trunk's references once."""

    def __init__(self, source: SecretSource, tenant: str = "") -> None:
        self._source = source
        self._tenant = tenant
        self._known: dict[str, ResolvedCredentials] = {}
        self._secrets: set[str] = set()

    @property
    def secrets(self) -> frozenset[str]:
        """Every value that was read by reference, user names included: what no text may show."""
        return frozenset(self._secrets)

    async def open(self, trunks: Iterable[Trunk]) -> None:
        """Read everything that will be needed, so that what is missing is known before anything is written.

        Raises `ConfigurationError`, which names the trunk and the reference.
        """
        for trunk in trunks:
            await self.reveal(trunk)

    async def reveal(self, trunk: Trunk) -> ResolvedCredentials:
        """What a trunk's references lead to. Raises `ConfigurationError`."""
        if trunk.name not in self._known:
            self._known[trunk.name] = await self._read(trunk)
        return self._known[trunk.name]

    async def _read(self, trunk: Trunk) -> ResolvedCredentials:
        username, password = trunk.username, None
        if username is not None and is_reference(username):
            what = f"user name of trunk {trunk.name}"
            username = (await self._source.read(self._tenant, username, what=what)).get_secret_value()
            # Whoever keeps a user name behind a reference wants it nowhere in clear; a provider may repeat it in an
            # error.
            self._secrets.add(username)
        if trunk.password is None:
            return ResolvedCredentials(username)
        password = await self._source.read(self._tenant, trunk.password, what=f"password of trunk {trunk.name}")
        self._secrets.add(password.get_secret_value())
        return ResolvedCredentials(username, password)


async def usernames_of(trunks: Iterable[Trunk], source: SecretSource, tenant: str) -> dict[str, str]:
    """The user names that references lead to, by trunk, where they can be followed without asking anybody."""
    found = {}
    for trunk in trunks:
        reference = trunk.username
        # Verifying a user name is not worth a question to the person; without it the name is unverifiable.
        if reference is not None and is_reference(reference) and not reference.startswith("prompt:"):
            with suppress(ConfigurationError):
                username = await source.read(tenant, reference, what=f"user name of trunk {trunk.name}")
                found[trunk.name] = username.get_secret_value()
    return found


def _interruptible(prompt: Callable[[str], str]) -> Callable[[str], str]:
    """A prompt that a signal ends at once, although a run otherwise takes the first for a wish to stop soon."""

    def ask(text: str) -> str:
        with interrupting():
            return prompt(text)

    return ask
