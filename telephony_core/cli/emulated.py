"""Providers' emulators for the commands that need some: which there are, and the settings that lead to them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from telephony_core.accounts.connection import environment_name
from telephony_core.errors import ConfigurationError, PluginError
from telephony_core.provider.registry import registry

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator

# Programs read the one or the other spelling.
_NO_PROXY: Final = ("NO_PROXY", "no_proxy")


@dataclass(frozen=True, slots=True)
class Emulated:
    """A provider whose emulator is served at ``url``."""

    title: str
    emulator: Emulator
    url: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment by which a client finds it."""
        slug = self.emulator.slug
        return {environment_name(slug, "BASE_URL"): self.url, environment_name(slug, "API_KEY"): self.emulator.api_key}


def fresh_emulators(
    slugs: Iterable[str], *, size: int | None = None, empty: bool = False, faults: Sequence[str] = ()
) -> dict[str, Emulator]:
    """New emulators of these providers, or of every one that has one; the options are those of `new_emulator`.

    Raises `PluginError`, `ConfigurationError` or `InvalidInput`.
    """
    from telephony_core.testing.emulation import new_emulator

    wanted = list(dict.fromkeys(slugs))
    specs = {slug: registry.spec(slug) for slug in wanted} if wanted else registry.specs()
    made = {
        slug: new_emulator(spec, size=size, empty=empty, faults=faults)
        for slug, spec in specs.items()
        # A broken provider is left out where nobody asked for it by name.
        if not isinstance(spec, PluginError) and spec.emulator is not None
    }
    if without := [slug for slug in wanted if slug not in made]:
        raise ConfigurationError(f"there is no emulator of {', '.join(without)}", remedy="leave it out")
    return made


def served(emulators: Mapping[str, Emulator], urls: Mapping[str, str]) -> dict[str, Emulated]:
    """Emulators with where they are served, by slug."""
    return {slug: Emulated(registry.spec(slug).title, emulators[slug], url) for slug, url in urls.items()}


@contextmanager
def on_loopback(slugs: Iterable[str]) -> Iterator[dict[str, Emulated]]:
    """New emulators of these providers, served in this process."""
    from telephony_core.emulator.server import serve

    emulators = fresh_emulators(slugs)
    with serve(emulators) as urls:
        yield served(emulators, urls)


def configured(emulated: Mapping[str, Emulated], folder: Path) -> dict[str, str]:
    """The environment that leads any program to emulators, without a limit of pace: they are on this machine.

    Writes a configuration file into the folder.
    """
    from telephony_core.testing.accounts import configuration

    return configuration({slug: (each.emulator, each.url) for slug, each in emulated.items()}, folder)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables for a while, and no proxy on the way to this very machine."""
    wanted = {**variables, **{name: ",".join(filter(None, (os.environ.get(name), "127.0.0.1"))) for name in _NO_PROXY}}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        # The library runs in this very process, so what follows must not be led to emulators that are gone.
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
