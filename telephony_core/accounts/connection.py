"""One account: which provider, which key, where and how fast."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, SupportsIndex

from pydantic import SecretStr

from telephony_core.domain.input_model import its_fields, unpickled
from telephony_core.errors import ConfigurationError, InvalidInput, Remedy, instead_of
from telephony_core.provider.registry import config_of
from telephony_core.secrets.hidden import HiddenDict, HiddenStr
from telephony_core.secrets.references import is_reference, read_secret, usable_secret

if TYPE_CHECKING:
    from telephony_core.provider.port import ProviderConfig, ProviderSpec
    from telephony_core.transport.pace import Pacer


def hidden_key(key: SecretStr | str | None) -> SecretStr | str | None:
    """A key in a form that can stand in a frame: a reference stays as it is, for it shows nothing.

    Raises `InvalidInput` for what is neither a key nor a reference.
    """
    if not isinstance(key, SecretStr | str | None):
        kind = type(key).__name__
        # Before the error, whose traceback records this frame.
        del key
        raise InvalidInput(
            f"api_key has to be text, not {kind}", remedy="give the key, or env:NAME, file:PATH, prompt:"
        )
    return key if key is None or isinstance(key, SecretStr) or is_reference(key) else SecretStr(key)


def hidden_url(url: str | None) -> str | None:
    """A base URL in a form that can stand in a frame; one with a password or a query is refused, and never shown.

    Raises `InvalidInput` for what is no text.
    """
    if not isinstance(url, str | None):
        kind = type(url).__name__
        del url
        raise InvalidInput(f"base_url has to be text, not {kind}", remedy="write it as https://api.example.com")
    return HiddenStr(url) if url is not None and not {"@", "?", "#"}.isdisjoint(url) else url


def hidden_settings(settings: Mapping[str, Any] | None) -> HiddenDict | None:
    """Settings in a form that can stand in a frame: one of them may be a secret. Raises `InvalidInput` for no table."""
    if not isinstance(settings, Mapping | None):
        kind = type(settings).__name__
        del settings
        raise InvalidInput(f"settings has to be a table (names with values), not {kind}", remedy='give {"name": value}')
    return None if settings is None else HiddenDict(settings)


def environment_name(slug: str, what: str) -> str:
    """The variable that holds a provider's setting: ``TELEPHONY_VOX_API_KEY``."""
    return f"TELEPHONY_{slug.upper().replace('-', '_')}_{what}"


def _is_pace(pace: object) -> bool:
    from telephony_core.transport.pace import Pacer

    # A class has all that the protocol asks for, too: `pace=Pace` passed, and failed at the first request.
    return isinstance(pace, Pacer) and not isinstance(pace, type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An account at a provider.

    The connection of the slug's own name, or without a name, takes what is left out from ``TELEPHONY_<SLUG>_API_KEY``
    and ``…_BASE_URL``. A connection of another name has to say its key, and its URL where it is not the vendor's usual
    one: what is configured for one account is never used for another.

    ``api_key`` is the key itself or a reference to it (``env:NAME``, ``file:PATH``, ``prompt:``), followed when a
    client is made. ``timeout`` is in seconds for a whole operation. One that holds the key itself cannot be pickled.
    """

    provider: str
    name: str = ""
    api_key: SecretStr | str | None = field(default=None, repr=False)
    base_url: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout: float = 30.0
    max_retries: int = 2
    pace: Pacer | None = None
    prompt: Callable[[str], str] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.provider, str) or not isinstance(self.name, str):
            raise InvalidInput("provider and name of a connection are texts", remedy="a provider is named by its slug")
        if not (self.pace is None or _is_pace(self.pace)):
            raise InvalidInput(
                f"pace has to be a Pace, not {type(self.pace).__name__}", remedy="give one, or leave it out"
            )
        if not (self.prompt is None or callable(self.prompt)):
            raise InvalidInput(
                f"prompt has to be a function, not {type(self.prompt).__name__}",
                remedy="give one that takes the question and returns the answer, such as getpass.getpass",
            )
        object.__setattr__(self, "api_key", hidden_key(self.api_key))
        object.__setattr__(self, "base_url", hidden_url(self.base_url))
        object.__setattr__(self, "settings", hidden_settings(self.settings) or HiddenDict())

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        # Not by `__getstate__`: early releases of Python 3.11 put one of their own in its place (frozen with slots).
        if isinstance(self.api_key, SecretStr):
            raise unpickled(type(self))
        return object.__reduce_ex__(self, protocol)  # a class with slots is made twice, and `super()` knows the first

    @property
    def label(self) -> str:
        """The name by which people know it: its own, or the provider's slug."""
        return self.name or self.provider

    @property
    def key_source(self) -> str:
        """Where the key is taken from: a reference, a variable, or ``api_key=`` where it was handed over itself."""
        if self.api_key is None:
            return environment_name(self.provider, "API_KEY")
        return "api_key=" if isinstance(self.api_key, SecretStr) else self.api_key

    @property
    def is_the_slugs_own(self) -> bool:
        """Whether ``TELEPHONY_<SLUG>_…`` configure it."""
        return self.label == self.provider

    def config(self, spec: ProviderSpec) -> ProviderConfig:
        """The provider's configuration. Raises `ConfigurationError`, which never repeats a value."""
        model = config_of(spec)
        if twice := sorted({"api_key", "base_url"}.intersection(self.settings)):
            # The connection's own would take its place, and nobody would hear of it.
            raise ConfigurationError(
                f"{self._who()}: {' and '.join(twice)} cannot be among its settings",
                remedy=f"give {' and '.join(twice)} beside `settings`, not in it",
            )
        given = HiddenDict(self.settings)
        given["api_key"] = self._key()
        base_url = hidden_url(self.base_url)
        # An empty one counts as none, as an empty variable does.
        if not base_url and self.is_the_slugs_own:
            base_url = hidden_url(os.environ.get(environment_name(self.provider, "BASE_URL")))
        if base_url:
            given["base_url"] = base_url

        def fault(error: InvalidInput) -> ConfigurationError:
            remedy = error.remedy
            if remedy == its_fields(model):  # of which the key and the URL are given apart
                settings = ", ".join(sorted(set(model.model_fields) - {"api_key", "base_url"}))
                remedy = f"settings of {self.provider}: {settings}"
            return ConfigurationError(f"{self._who()}: {error.message}", remedy=remedy)

        try:
            with instead_of(InvalidInput, fault):
                return model(**given)
        finally:
            given.clear()  # a setting may be a secret too

    def _who(self) -> str:
        return self.provider if self.is_the_slugs_own else f"connection {self.name!r}"

    def _key(self) -> SecretStr:
        key, what = self.api_key, f"API key of {self._who()}"
        if isinstance(key, SecretStr):
            return usable_secret(key, what=what, source="api_key")
        if key is not None:
            return read_secret(key, what=what, prompt=self.prompt)
        variable = environment_name(self.provider, "API_KEY")
        if not self.is_the_slugs_own:
            write = f'write api_key = "env:NAME" under [connections.{self.name}]'
            raise ConfigurationError(
                f"{self._who()}: there is no API key ({variable} is the key of the connection {self.provider!r} only)",
                remedy=Remedy(f"{write}, or pass api_key=", cli=write),
            )
        if not os.environ.get(variable):
            remedy = Remedy(f"pass api_key=, or set {variable}", cli=f"set {variable}")
            raise ConfigurationError(f"{self._who()}: there is no API key", remedy=remedy)
        # Straight from the environment into its container: in a variable of this frame it could be seen.
        return usable_secret(SecretStr(os.environ[variable]), what=what, source=variable)
