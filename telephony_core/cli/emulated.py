"""Fresh emulators of providers, and an environment that leads to some: for the commands that need them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from telephony_core.errors import ConfigurationError, PluginError
from telephony_core.provider.registry import registry

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator

# Programs read the one or the other spelling.
_NO_PROXY: Final = ("NO_PROXY", "no_proxy")


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
