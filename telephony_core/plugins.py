"""Finding providers: names without an import, a spec on demand, a provider when it is used.

pluggy alone would let the second distribution of one slug win silently and let one failing import stop them all. So the
entry points are read here, each is loaded by itself, and pluggy is asked one plugin at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final, Protocol

import pluggy

from telephony_core.errors import (
    ContractMismatch,
    PluginError,
    ProviderConflict,
    ProviderLoadError,
    ProviderNotFound,
)
from telephony_core.redaction import scrubbed

if TYPE_CHECKING:
    from telephony_core.provider import ProviderSpec

GROUP: Final = "telephony_core"
"""pluggy project name and entry-point group; an entry point's name is the provider's slug."""

hookspec: Final[pluggy.HookspecMarker] = pluggy.HookspecMarker(GROUP)
hookimpl: Final[pluggy.HookimplMarker] = pluggy.HookimplMarker(GROUP)


class Hooks(Protocol):
    """What a plugin module implements."""

    @hookspec(firstresult=True)
    def telephony_register_provider(self) -> ProviderSpec:
        """Return the spec of the one provider that this plugin registers."""
        ...


@dataclass(frozen=True, slots=True)
class Installed:
    """A provider's entry point, before anything of it was imported."""

    slug: str
    distribution: str
    version: str
    module: str


class Registry:
    """The installed providers. Reads entry points when it is first asked, and again after `refresh`."""

    def __init__(self) -> None:
        self._points: dict[str, list[EntryPoint]] | None = None
        self._specs: dict[str, ProviderSpec] = {}

    def refresh(self) -> None:
        """Forget what was found, after distributions were installed in a running process."""
        self._points = None
        self._specs.clear()

    def installed(self) -> tuple[Installed, ...]:
        """Every registered provider by slug; imports nothing of any of them."""
        return tuple(
            Installed(slug, *_distribution(point), point.value)
            for slug, points in sorted(self._found().items())
            for point in points
        )

    def spec(self, slug: str) -> ProviderSpec:
        """The spec of one provider. Imports its plugin module and nothing else.

        Raises `ProviderNotFound`, `ProviderConflict`, `ProviderLoadError` or `ContractMismatch`.
        """
        spec = self._specs.get(slug)
        if spec is None:
            spec = self._specs[slug] = _load(slug, self._point(slug))
        return spec

    def specs(self) -> Mapping[str, ProviderSpec | PluginError]:
        """Every provider by slug, a broken one as the error it gives."""
        found: dict[str, ProviderSpec | PluginError] = {}
        for slug in sorted(self._found()):
            try:
                found[slug] = self.spec(slug)
            except PluginError as error:
                found[slug] = error
        return found

    def _found(self) -> dict[str, list[EntryPoint]]:
        found = self._points
        if found is None:
            # Kept only when it is whole: other threads may be looking.
            found, seen = {}, set()
            for point in entry_points(group=GROUP):
                identity = (point.name, point.value, _distribution(point)[0])
                if identity not in seen:  # an editable install can show one distribution twice on the path
                    seen.add(identity)
                    found.setdefault(point.name, []).append(point)
            self._points = found
        return found

    def _point(self, slug: str) -> EntryPoint:
        points = self._found().get(slug, [])
        if not points:
            known = ", ".join(sorted(self._found())) or "none"
            raise ProviderNotFound(
                f"no installed distribution provides {slug[:60]!r}",
                remedy=f"installed providers: {known}; install the distribution that brings it, such as one named "
                "telephony-…, into this environment",
            )
        if len(points) > 1:
            names = " and ".join(" ".join(_distribution(point)) for point in points)
            raise ProviderConflict(
                f"{slug!r} is registered by {names}; neither is used", remedy="uninstall all but one of them"
            )
        return points[0]


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist is not None else ("unknown", "unknown")


def _load(slug: str, point: EntryPoint) -> ProviderSpec:
    from telephony_core.provider import CONTRACT, ProviderSpec

    whose = f"{slug!r} of {' '.join(_distribution(point))}"
    try:
        plugin = point.load()
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(Hooks)
        manager.register(plugin, name=slug)
        spec: object = manager.hook.telephony_register_provider()
    except Exception as error:  # a stranger's import may fail in any way, and must not take the others along
        reason = scrubbed(f"{type(error).__name__}: {error}")[:300]
        raise ProviderLoadError(
            f"the provider {whose} cannot be loaded ({reason})", remedy="upgrade or uninstall that distribution"
        ) from error
    if not isinstance(spec, ProviderSpec):
        raise ProviderLoadError(
            f"the provider {whose} answers telephony_register_provider with {type(spec).__name__}, not a ProviderSpec",
            remedy=f"{point.value} has to implement the hook; report this to its author",
        )
    if spec.contract != CONTRACT:
        older = "the provider" if spec.contract < CONTRACT else "telephony-core"
        raise ContractMismatch(
            f"the provider {whose} was written for contract {spec.contract}, this is contract {CONTRACT}",
            remedy=f"upgrade {older}",
        )
    if spec.slug != slug:
        raise ProviderLoadError(
            f"the provider {whose} calls itself {spec.slug!r}; slug and entry-point name have to be equal",
            remedy="report this to its author",
        )
    return spec


registry: Final = Registry()
"""The registry that the clients use."""
