"""Providers' emulators for the commands that need some: which there are, and the settings that lead to them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from telephony_core.accounts.connection import environment_name
from telephony_core.errors import ConfigurationError, PluginError
from telephony_core.provider.registry import registry

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator
    from telephony_core.provider.port import ProviderSpec

_NO_PROXY: Final = ("NO_PROXY", "no_proxy")


@dataclass(frozen=True, slots=True)
class Emulated:
    """A provider whose emulator is served at ``url``."""

    spec: ProviderSpec
    emulator: Emulator
    url: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment by which a client finds it."""
        return {
            environment_name(self.spec.slug, "BASE_URL"): self.url,
            environment_name(self.spec.slug, "API_KEY"): self.emulator.api_key,
        }


def with_emulators(slugs: Iterable[str]) -> dict[str, ProviderSpec]:
    """The providers of these names, or every one that can be emulated. Raises `PluginError` or `ConfigurationError`."""
    if wanted := list(dict.fromkeys(slugs)):
        specs = {slug: registry.spec(slug) for slug in wanted}
        without = [slug for slug, spec in specs.items() if spec.emulator is None]
        if without:
            raise ConfigurationError(f"there is no emulator of {', '.join(without)}", remedy="leave it out")
        return specs
    found = {slug: spec for slug, spec in registry.specs().items() if not isinstance(spec, PluginError)}
    return {slug: spec for slug, spec in found.items() if spec.emulator is not None}


def fresh(specs: Mapping[str, ProviderSpec]) -> dict[str, Emulator]:
    """A new emulator of each provider."""
    return {slug: spec.emulator() for slug, spec in specs.items() if spec.emulator is not None}


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables for a while, and no proxy on the way to this very machine."""
    wanted = {**variables, **{name: ",".join(filter(None, (os.environ.get(name), "127.0.0.1"))) for name in _NO_PROXY}}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
