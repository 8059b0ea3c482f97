"""Finding providers: names without an import, a spec on demand, a provider when it is used.

pluggy alone would let the second distribution of one slug win silently and let one failing import stop them all. So the
entry points are read here, each is loaded by itself, and pluggy is asked one plugin at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from typing import TYPE_CHECKING, Final, Protocol

import pluggy

from telephony_core.errors import (
    ContractMismatch,
    PluginError,
    ProviderConflict,
    ProviderLoadError,
    ProviderNotFound,
    TelephonyError,
)
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.port import CONTRACT, OLDEST_CONTRACT, Provider, ProviderConfig, ProviderSpec
from telephony_core.secrets.redaction import scrubbed

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator

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
        self._installed: tuple[Installed, ...] | None = None
        self._specs: dict[str, ProviderSpec] = {}
        self._unreadable: tuple[str, ...] = ()

    def refresh(self) -> None:
        """Forget what was found, after distributions were installed in a running process."""
        self._points = self._installed = None
        self._specs.clear()

    def installed(self) -> tuple[Installed, ...]:
        """Every registered provider by slug; imports nothing of any of them."""
        installed = self._installed
        if installed is None:  # kept: a name and a version cost a reading of the whole METADATA each, README included
            installed = self._installed = tuple(
                Installed(slug, *_distribution(point), point.value)
                for slug, points in sorted(self._found().items())
                for point in points
            )
        return installed

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

    def unreadable(self) -> tuple[str, ...]:
        """Installed distributions whose entry points cannot be read, in words; what they register is not offered."""
        self._found()
        return self._unreadable

    def _found(self) -> dict[str, list[EntryPoint]]:
        found = self._points
        if found is None:
            # Kept only when it is whole: other threads may be looking.
            found, seen = {}, set()
            points, self._unreadable = _entry_points()
            for point in points:
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


def _entry_points() -> tuple[list[EntryPoint], tuple[str, ...]]:
    """The entry points of our group, and the distributions whose own cannot be read.

    `entry_points` reads those of all distributions at once, and one broken file (an interrupted installation, a disk
    that failed) would end it for everybody. Then they are read one by one.
    """
    with suppress(Exception):  # parsing foreign files may raise whatever it likes
        return list(entry_points(group=GROUP)), ()
    points: list[EntryPoint] = []
    broken: list[str] = []
    for distribution in distributions():
        try:
            points += [point for point in distribution.entry_points if point.group == GROUP]
        except Exception as error:
            name = _named(distribution)
            # One without a name is named by its folder already.
            where = "" if name.endswith(_folder(distribution)) else f" in {_folder(distribution)}"
            broken.append(f"{name}{where} ({type(error).__name__})")
    return points, tuple(dict.fromkeys(broken))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution of an entry point, as far as its metadata can be read."""
    return (_UNKNOWN, _UNKNOWN) if point.dist is None else (_named(point.dist), _version_of(point.dist))


_UNKNOWN: Final = "unknown"


def _named(distribution: Distribution) -> str:
    try:
        name: object = distribution.name
    except Exception:  # its METADATA is missing, cut off or no text
        name = None
    if isinstance(name, str) and name:
        return name
    return f"a distribution without a name in {_folder(distribution)}"


def _version_of(distribution: Distribution) -> str:
    try:
        version: object = distribution.version
    except Exception:
        version = None
    return version if isinstance(version, str) and version else _UNKNOWN


def _folder(distribution: Distribution) -> str:
    try:
        return str(distribution.locate_file(""))
    except Exception:
        return "an unknown place"


def _load(slug: str, point: EntryPoint) -> ProviderSpec:
    whose = f"{slug!r} of {' '.join(_distribution(point))}"
    try:
        plugin = point.load()
        # A manager for each plugin: in a shared one the first answer to the hook would win, whoever gave it.
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(Hooks)
        manager.register(plugin, name=slug)
        spec: object = manager.hook.telephony_register_provider()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a stranger's import may fail in any way, `sys.exit` included, and stops no other
        raise ProviderLoadError(
            f"the provider {whose} cannot be loaded ({_reason(error)})",
            remedy="upgrade or uninstall that distribution",
        ) from error
    if not isinstance(spec, ProviderSpec):
        raise ProviderLoadError(
            f"the provider {whose} answers telephony_register_provider with {type(spec).__name__}, not a ProviderSpec",
            remedy=f"{point.value} has to implement the hook; report this to its author",
        )
    # A bool is an int too, and True would pass for contract 1.
    if type(spec.contract) is not int or not OLDEST_CONTRACT <= spec.contract <= CONTRACT:
        newer = type(spec.contract) is int and spec.contract > CONTRACT
        older = "telephony-core" if newer else "the provider"
        raise ContractMismatch(
            f"the provider {whose} was written for contract {spec.contract}, and this serves contracts "
            f"{OLDEST_CONTRACT} to {CONTRACT}",
            remedy=f"upgrade {older}",
        )
    declared = isinstance(spec.capabilities, Capabilities) and all(
        isinstance(part, Mapping) for part in (spec.capabilities.operations, spec.capabilities.fields)
    )
    if not declared or not callable(spec.config) or not callable(spec.factory):
        raise ProviderLoadError(
            f"the provider {whose} declares no capabilities, config or factory that could be used",
            remedy="report this to its author",
        )
    if spec.slug != slug:
        raise ProviderLoadError(
            f"the provider {whose} calls itself {spec.slug!r}; slug and entry-point name have to be equal",
            remedy="report this to its author",
        )
    return spec


def config_of(spec: ProviderSpec) -> type[ProviderConfig]:
    """The config model of a provider. Raises `ProviderLoadError`."""
    with _loading(spec):
        model: object = spec.config()
    if isinstance(model, type) and issubclass(model, ProviderConfig):
        return model
    raise _unfit(spec, "config", model, "subclass of ProviderConfig")


def provider_of(spec: ProviderSpec, config: ProviderConfig) -> Provider:
    """The adapter with this configuration. Raises `ProviderLoadError`."""
    with _loading(spec, TelephonyError, secrets=[config.api_key.get_secret_value()]):  # it may refuse what it is given
        made: object = spec.factory(config)
    if not isinstance(made, Provider):
        raise _unfit(spec, "factory", made, "Provider")
    if getattr(made, "slug", None) != spec.slug or not isinstance(getattr(made, "capabilities", None), Capabilities):
        raise _unfit(spec, "factory", made, f"Provider with the slug {spec.slug!r} and its capabilities")
    return made


def emulator_of(spec: ProviderSpec) -> Emulator | None:
    """A fresh emulator, where the provider ships one. Raises `ProviderLoadError`."""
    if spec.emulator is None:
        return None
    with _loading(spec):
        return spec.emulator()


@contextmanager
def _loading(spec: ProviderSpec, *let: type[BaseException], secrets: Sequence[str] = ()) -> Iterator[None]:
    """What is imported only when it is needed may fail in any way too, and is no fault of this library."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, *let)):
            raise
        reason = _reason(error, secrets)
        raise ProviderLoadError(
            f"the provider {spec.slug!r} cannot be loaded ({reason})",
            remedy="upgrade or uninstall the distribution that brings it",
            # Its author needs to see where it comes from, unless that shows the key.
        ) from (error if reason == _reason(error) else None)


def _unfit(spec: ProviderSpec, part: str, made: object, wanted: str) -> ProviderLoadError:
    return ProviderLoadError(
        f"the {part} of the provider {spec.slug!r} gives a {type(made).__name__}, and not a {wanted}",
        remedy="report this to its author",
    )


def _reason(error: BaseException, secrets: Sequence[str] = ()) -> str:
    try:
        return scrubbed(f"{type(error).__name__}: {error}", secrets)[:300]
    except Exception:  # an error that cannot say what it is
        return type(error).__name__


registry: Final = Registry()
"""The registry that the clients use."""
