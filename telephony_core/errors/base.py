"""What every error of this library carries, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from telephony_core.errors.remedy import Remedy, cli_words

DOCUMENTATION: Final = "https://github.com/telephony-core/telephony-core/blob/main/docs/errors.md"
"""Where each kind of error has a section of its name."""


class TelephonyError(Exception):
    """Anything this library raises on purpose.

    ``message`` says what was wrong, ``remedy`` what to do next. ``provider``, ``operation``, ``connection`` (its name)
    and ``host`` are filled in by the client that ran the operation, so that code below it need not know them. The text
    names the connection and its host where it is not the only one that can be meant: where its name is not the slug.
    ``field`` is the dotted name of what it is about, where it is about one field; ``key_source`` says where the key
    came from (``env:NAME``, a variable, ``api_key=``) that the provider refused. ``documentation`` is the address of
    what is written about it.
    """

    default_remedy: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        provider: str | None = None,
        operation: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy: str | None = remedy if remedy is not None else self.default_remedy
        self.provider = provider
        self.connection: str | None = None
        self.host: str | None = None
        self.field: str | None = None
        self.key_source: str | None = None
        self.operation = operation
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body
        # A note, so that a traceback shows it and the text stays one sentence.
        self.add_note(f"see {self.documentation}")

    @property
    def documentation(self) -> str:
        """Where this kind is explained, with cause and remedy. An adapter's own kind leads to ours."""
        kind = next(kind for kind in type(self).__mro__ if kind.__module__.startswith("telephony_core."))
        return f"{DOCUMENTATION}#{kind.__name__.lower()}"

    def __str__(self) -> str:
        return self._text(self.remedy)

    @property
    def cli_text(self) -> str:
        """The text as the command line says it."""
        return self._text(cli_words(self.remedy))

    def _text(self, remedy: str | None) -> str:
        named = self.connection if self.connection != self.provider else None
        at = f"({named} at {self.host})" if named and self.host else f"({named})" if named else None
        where = " ".join(part for part in (self.provider, at, self.operation) if part)
        facts = [f"HTTP {self.status}"] if self.status is not None else []
        facts += [self.code] if self.code else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        facts += [f"the key is that of {self.key_source}"] if self.key_source else []
        # Many a message names its field by itself.
        what = f"{self.field}: {self.message}" if self.field and self.field not in self.message else self.message
        text = f"{where}: {what}" if where else what
        if facts:
            text += f" ({', '.join(facts)})"
        return f"{text}; {remedy}" if remedy else text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own pickling would call __init__ with `args` only and lose every keyword fact.
        return _rebuild, (type(self), self.args, self.__dict__)

    def scrub(self, clean: Callable[[str], str]) -> None:
        """Put everything this error would show through ``clean``, which takes secrets out."""
        for name in ("message", "remedy", "code", "request_id", "body"):
            text = getattr(self, name)
            if isinstance(text, Remedy):
                setattr(self, name, Remedy(clean(text), cli=clean(text.cli)))
            elif isinstance(text, str):
                setattr(self, name, clean(text))
        # `args` holds the message once more.
        Exception.__init__(self, self.message)


def _rebuild(kind: type[TelephonyError], args: tuple[Any, ...], state: dict[str, Any]) -> TelephonyError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error
