"""Reading what vendors send: strict shapes first, and when a record is odd, everything of it that can be read.

Only a page of the wrong shape, or a record without its required fields, is an error. Every other odd field falls back
to its default and is named in ``problems``. What is in order, and nearly everything is, goes straight from the bytes
into its shape: `read_answer` for one record, `read_page` or `read_list` for many.

A shape is a pydantic model, or for records that come by the thousand a `TypedDict` (made in half of the time)::

    @with_config(ConfigDict(strict=True))
    class NumberRecord(TypedDict, total=False):  # of typing_extensions, as pydantic wants it before Python 3.12
        id: Required[str]
        label: Maybe[str]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from types import GenericAlias
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, overload

from pydantic import Field, TypeAdapter, ValidationError

from telephony_core.domain.allow_list import readable_allowed_address
from telephony_core.domain.input_model import fault_in_words
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, UnexpectedResponse, instead_of
from telephony_core.provider.flow import Response, loads, parse_json
from telephony_core.secrets.redaction import without_secrets

T = TypeVar("T")
ModelT = TypeVar("ModelT")
PageT = TypeVar("PageT")
ItemT = TypeVar("ItemT")

Maybe: TypeAlias = Annotated[T | None, Field(default=None)]
"""A field of a `TypedDict` that is ``None`` where a record lacks it."""


Found: TypeAlias = tuple[ModelT, tuple[str, ...], Mapping[str, Any]]
"""A record that was read, the fields of it that could not be, and the payload without its secrets."""


def read_object(response: Response) -> Mapping[str, object]:
    """The body as a JSON object. Raises `UnexpectedResponse`."""
    payload = parse_json(response)
    if isinstance(payload, dict):
        return payload
    raise UnexpectedResponse(
        f"the answer is a JSON {type(payload).__name__} where an object was expected", status=response.status
    )


def object_in(response: Response) -> Mapping[str, object]:
    """The body as a JSON object, and an empty one where it is anything else: for errors, whatever their body is."""
    with suppress(UnexpectedResponse):
        return read_object(response)
    return {}


def read_items(page: Mapping[str, object], key: str, *, status: int | None = None) -> list[object]:
    """The list under ``key`` of a page. Raises `UnexpectedResponse`."""
    items = page.get(key)
    if isinstance(items, list):
        return items
    raise UnexpectedResponse(f"the page has no list under {key!r}", status=status)


def read_cursor(page: Mapping[str, object], key: str, *, status: int | None = None) -> str | None:
    """The text under ``key`` that leads to the next page, or ``None``. Raises `UnexpectedResponse`."""
    cursor = page.get(key)
    if cursor is None or (isinstance(cursor, str) and cursor):
        return cursor
    raise UnexpectedResponse(f"the page's {key!r} is not a text that leads on", status=status)


def read_record(model: type[ModelT], payload: object, *, status: int | None = None) -> tuple[ModelT, tuple[str, ...]]:
    """A record, and the fields of it that could not be read.

    A field of the wrong type is left out, so that its default stands, and is named. Raises `UnexpectedResponse` when
    the payload is no object, or a required field is missing or unreadable.
    """
    try:
        return _shape(model).validate_python(payload), ()
    except ValidationError as error:
        odd = _complaints(error)
    if not isinstance(payload, dict):
        raise UnexpectedResponse(f"a record is a JSON {type(payload).__name__}, not an object", status=status)
    readable = {key: value for key, value in payload.items() if key not in odd}
    with instead_of(
        ValidationError,
        lambda error: UnexpectedResponse(
            f"a record lacks a readable {', '.join(sorted(_complaints(error)))}", status=status
        ),
    ):
        return _shape(model).validate_python(readable), tuple(f"{name}: {reason}" for name, reason in odd.items())


def _complaints(error: ValidationError) -> dict[str, str]:
    """What is wrong with a record, by its fields, without the input."""
    items = error.errors(include_url=False, include_input=False)
    return {str(item["loc"][0]): fault_in_words(item) for item in items if item["loc"]}


def odd_word(field: str, word: str | None, words: Collection[str]) -> tuple[str, ...]:
    """What to say in ``problems`` of a word that is not documented."""
    return () if word is None or word in words else (f"{field}: none of the documented words ({', '.join(words)})",)


def odd_entries(field: str, entries: Iterable[str] | None) -> tuple[str, ...]:
    """What to say in ``problems`` of the entries of an allow-list."""
    return tuple(
        f"{field}: entry {position} is no IP address or network"
        for position, entry in enumerate(entries or (), start=1)
        if not readable_allowed_address(entry)
    )


def read_address(
    text: str | None, field: str, beside: Literal["udp", "tcp", "tls"] | None = None
) -> tuple[SipAddress | None, tuple[str, ...]]:
    """A trunk's address, and what to say of it in ``problems``; ``beside`` is a transport from a field of its own."""
    if text is None:
        return None, ()
    try:
        address = SipAddress.parse(text)
        if beside is None:
            return address, ()
        # Which of the two would be in force is not known.
        if address.transport not in (None, beside):
            return None, (f"{field}: it names another transport than the field beside it",)
        # A transport can only stand in a URI, so a bare host gets the scheme.
        return replace(address, scheme=address.scheme or "sip", transport=beside), ()
    except InvalidInput as error:
        return None, (f"{field}: {error.message}",)


_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def setting_names(names: Iterable[str]) -> tuple[str, ...]:
    """Dotted names of settings as `PhoneNumber.unmodelled` holds them: sorted, and each once.

    Keys from one on that is no plain word are shown as ``unnamed``: a text of a customer's may stand in its place.
    """
    found = {".".join(_words(name.split("."))) for name in names}
    return tuple(sorted(found)) if found else ()


def _words(parts: Sequence[str]) -> Iterator[str]:
    for part in parts:
        if not _WORD.fullmatch(part):
            yield "unnamed"
            return
        yield part


def read_answer(response: Response, model: type[ModelT], secret_keys: frozenset[str] = frozenset()) -> Found[ModelT]:
    """The record that an answer consists of. Raises what `read_record` raises."""
    with suppress(ValidationError):
        record = _shape(model).validate_json(response.body)
        return record, (), _Payload(_Payloads(response.body, None, secret_keys), 0)
    return _found(model, read_object(response), response.status, secret_keys)


def read_page(
    response: Response,
    page: type[PageT],
    key: str,
    model: type[ModelT],
    make: Callable[[ModelT, tuple[str, ...], Mapping[str, Any]], ItemT],
    secret_keys: frozenset[str] = frozenset(),
) -> tuple[PageT, Items[ItemT]]:
    """A page, and what ``make`` makes of its records; it is given the parts of `Found` and must not fail.

    ``page`` is a `TypedDict` with a list of ``model`` under ``key``, which is a `TypedDict` with an ``id``. What else
    ``page`` names has to be readable. Raises `UnexpectedResponse` for another shape, and what `read_record` raises.
    """
    with suppress(ValidationError):
        whole: Any = _shape(page).validate_json(response.body)
        records = whole[key]
        payloads = _Payloads(response.body, key, secret_keys)
        return whole, Items(make, records, [()] * len(records), [_Payload(payloads, at) for at in range(len(records))])
    payload = read_object(response)
    items = read_items(payload, key, status=response.status)
    # Without its records, which are read one by one below: here a single odd one would fail the whole page.
    rest, problems = read_record(page, {**payload, key: []}, status=response.status)
    # No default stands in for what cannot be read of a page: without its cursor a listing would end early, and numbers
    # would be missing.
    if problems:
        raise UnexpectedResponse(f"the page cannot be read ({'; '.join(problems)})", status=response.status)
    return rest, _read_one_by_one(items, model, make, response.status, secret_keys)


def read_list(
    response: Response,
    model: type[ModelT],
    make: Callable[[ModelT, tuple[str, ...], Mapping[str, Any]], ItemT],
    secret_keys: frozenset[str] = frozenset(),
) -> Items[ItemT]:
    """`read_page` for a vendor whose listing is one JSON array, without a page around it."""
    with suppress(ValidationError):
        records = _shape(GenericAlias(list, (model,))).validate_json(response.body)
        payloads = _Payloads(response.body, None, secret_keys)
        return Items(make, records, [()] * len(records), [_Payload(payloads, at) for at in range(len(records))])
    payload = parse_json(response)
    if not isinstance(payload, list):
        raise UnexpectedResponse(
            f"the answer is a JSON {type(payload).__name__} where a list was expected", status=response.status
        )
    return _read_one_by_one(payload, model, make, response.status, secret_keys)


def _read_one_by_one(
    items: list[object],
    model: type[ModelT],
    make: Callable[[ModelT, tuple[str, ...], Mapping[str, Any]], ItemT],
    status: int,
    secret_keys: frozenset[str],
) -> Items[ItemT]:
    found = [_found(model, item, status, secret_keys) for item in items]
    return Items(make, [each[0] for each in found], [each[1] for each in found], [each[2] for each in found])


class Items(Sequence[ItemT]):
    """The items of a page by their ids, each made when somebody asks for it: some have been met on other pages."""

    def __init__(
        self,
        make: Callable[[Any, tuple[str, ...], Mapping[str, Any]], ItemT],
        records: list[Any],
        problems: list[tuple[str, ...]],
        payloads: Sequence[Mapping[str, Any]],
    ) -> None:
        self._make = make
        self._records = records
        self._problems = problems
        self._payloads = payloads

    @property
    def ids(self) -> list[str]:
        """The id of each record, as the page has them."""
        return [record["id"] for record in self._records]

    def __iter__(self) -> Iterator[ItemT]:
        return map(self._make, self._records, self._problems, self._payloads)

    @overload
    def __getitem__(self, at: int) -> ItemT: ...
    @overload
    def __getitem__(self, at: slice) -> list[ItemT]: ...
    def __getitem__(self, at: int | slice) -> ItemT | list[ItemT]:
        if isinstance(at, slice):
            return [self[place] for place in range(len(self))[at]]
        return self._make(self._records[at], self._problems[at], self._payloads[at])

    def __len__(self) -> int:
        return len(self._records)


# To make a validator takes far longer than to read a record with it.
_shape: Callable[[object], TypeAdapter[Any]] = lru_cache(maxsize=256)(TypeAdapter)


def _found(model: type[ModelT], payload: object, status: int, secret_keys: frozenset[str]) -> Found[ModelT]:
    record, problems = read_record(model, payload, status=status)
    return record, problems, _without_secrets(payload, secret_keys)


def _without_secrets(payload: object, secret_keys: frozenset[str]) -> dict[str, object]:
    cleaned = without_secrets(payload, secret_keys)
    return cleaned if isinstance(cleaned, dict) else {}


class _Payloads:
    """The records of one answer as they came. They are parsed when somebody looks at one, which few ever do.

    No field of a record keeps a secret for long: the bytes go when they are parsed, and until then nothing shows them.
    """

    def __init__(self, body: bytes, key: str | None, secret_keys: frozenset[str]) -> None:
        self._body = body
        self._key = key
        self._secret_keys = secret_keys
        self._records: list[dict[str, object]] | None = None

    def __getitem__(self, place: int) -> dict[str, object]:
        body = self._body  # first, because it goes as soon as another thread has the records
        records = self._records
        if records is None:
            whole = loads(body)
            items = whole[self._key] if self._key is not None else whole if isinstance(whole, list) else [whole]
            records = self._records = [_without_secrets(item, self._secret_keys) for item in items]
            self._body = b""
        return records[place]


class _Payload(Mapping[str, object]):
    """One record of an answer, without its secrets."""

    __slots__ = ("_payloads", "_place")

    def __init__(self, payloads: _Payloads, place: int) -> None:
        self._payloads = payloads
        self._place = place

    def __getitem__(self, key: str) -> object:
        return self._payloads[self._place][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._payloads[self._place])

    def __len__(self) -> int:
        return len(self._payloads[self._place])

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (dict(self),)  # a copy that leaves this process takes no secrets along
