"""The secrets of one run: read once from where the plan says they are, kept in memory, gone with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from telephony_core.migration.move.effects import ResolvedCredentials
from telephony_core.migration.plan.model import Trunk
from telephony_core.secrets.references import is_reference, read_secret
from telephony_core.transport.signals import interrupting


class SecretResolver:
    """Follows a trunk's references once. ``prompt`` asks the person at the terminal, where there is one."""

    def __init__(self, prompt: Callable[[str], str] | None = None) -> None:
        self._prompt = None if prompt is None else _interruptible(prompt)
        self._known: dict[str, ResolvedCredentials] = {}
        self._secrets: set[str] = set()

    @property
    def secrets(self) -> frozenset[str]:
        """Every value that was read by reference, user names included: what no text may show."""
        return frozenset(self._secrets)

    def open(self, trunks: Iterable[Trunk]) -> None:
        """Read everything that will be needed, so that what is missing is known before anything is written.

        Raises `ConfigurationError`, which names the trunk and the reference.
        """
        for trunk in trunks:
            self.reveal(trunk)

    def reveal(self, trunk: Trunk) -> ResolvedCredentials:
        """What a trunk's references lead to. Raises `ConfigurationError`."""
        if trunk.name not in self._known:
            self._known[trunk.name] = self._read(trunk)
        return self._known[trunk.name]

    def _read(self, trunk: Trunk) -> ResolvedCredentials:
        username, password = trunk.username, None
        if username is not None and is_reference(username):
            what = f"user name of trunk {trunk.name}"
            username = read_secret(username, what=what, prompt=self._prompt).get_secret_value()
            self._secrets.add(username)
        if trunk.password is None:
            return ResolvedCredentials(username)
        password = read_secret(trunk.password, what=f"password of trunk {trunk.name}", prompt=self._prompt)
        self._secrets.add(password.get_secret_value())
        return ResolvedCredentials(username, password)


def _interruptible(prompt: Callable[[str], str]) -> Callable[[str], str]:
    """A prompt that a signal ends at once, although a run otherwise takes the first for a wish to stop soon."""

    def ask(text: str) -> str:
        with interrupting():
            return prompt(text)

    return ask
