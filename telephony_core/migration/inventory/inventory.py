"""Everything that a connection holds, read once and kept as a file that shows when it was touched."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from pydantic import Field

from telephony_core.domain.input_model import InputModel
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.phone_number import PhoneNumber, UtcTime
from telephony_core.errors import InvalidInput, MigrationError, TelephonyError, instead_of
from telephony_core.migration.inventory.fields import clock_text, printable, unmodelled_text
from telephony_core.operations.listing import Listing
from telephony_core.provider.port import ListQuery
from telephony_core.provider.registry import registry
from telephony_core.secrets.redaction import without_secrets
from telephony_core.text.documents import checksum, dump_document, load_document, write_file
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony, Telephony

FORMAT: Final = "telephony-core inventory"
VERSION: Final = 1


class Inventory(InputModel):
    """Every number of one connection, in every status, ordered by number and then by id.

    Made by `take_inventory` or `atake_inventory`; `save` writes it and `load` gives it back. Holds no secret.
    """

    connection: str
    """Name of the connection, as in the configuration file."""
    provider: str
    """Slug of the adapter that read it."""
    adapter: str
    """Distribution and version of that adapter."""
    base_url: str
    taken_at: UtcTime
    pages: int = Field(ge=0)
    """Requests that reading the whole list took."""
    numbers: tuple[PhoneNumber, ...]

    @property
    def host(self) -> str:
        """The host that was asked."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def checksum(self) -> str:
        """SHA-256 over everything in it, as in the file."""
        return checksum(self._document())

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write it as JSON in one step. Raises `MigrationError`, also for a file that exists already."""
        return write_file(path, dump_document(self._document()), overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that `save` wrote.

        Raises `MigrationError` when it is missing, cut off, of another kind or version, or was edited.
        """
        document = load_document(path, what="the inventory", format=FORMAT, version=VERSION)
        for key in ("format", "version", "checksum"):
            del document[key]
        with instead_of(
            InvalidInput,
            lambda error: MigrationError(
                f"the inventory {path} cannot be read: {error.message}", remedy="take the inventory again"
            ),
        ):
            return cls.model_validate(document)

    def save_csv(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a table for people. It cannot be read back. Raises `MigrationError`."""
        from telephony_core.migration.inventory.csv_table import csv_table

        # The mark at the start lets spreadsheet programs know that it is UTF-8.
        return write_file(path, csv_table(self.numbers).encode("utf-8-sig", "backslashreplace"), overwrite=overwrite)

    def lines(self) -> list[str]:
        """What it holds, in words: one line about all of it, and one for each number."""
        counts = Counter(str(number.status) for number in self.numbers)
        said = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in sorted(counts.items()))
        total = f"{len(self.numbers)} numbers ({said})" if len(self.numbers) != 1 else f"1 number ({said})"
        head = (
            f"{self.connection} ({self.provider} at {self.host}), {clock_text(self.taken_at)}: "
            f"{total if self.numbers else 'no numbers'}"
        )
        return [head, *(f"  {_line(number)}" for number in self.numbers)]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _document(self) -> dict[str, object]:
        return {"format": FORMAT, "version": VERSION, **self.model_dump(mode="json")}


def _line(number: PhoneNumber) -> str:
    label = f" “{printable(number.label)}”" if number.label else ""
    odd = f", {len(number.problems)} fields unreadable" if number.problems else ""
    also = f", not modelled: {unmodelled_text(number)}" if number.unmodelled else ""
    text = f"{number_text(number.identity)}{label}, {number.origin}, {number.status}"
    return f"{text}{also}{odd}, id {printable(number.id)}"


def number_text(identity: NumberIdentity) -> str:
    """A number for people: E.164, or for want of it the connection's own string."""
    return identity.e164 or printable(identity.raw)


class RecordsOfNumber:
    """Records by the number that they are about, or may be about."""

    def __init__(self, records: Iterable[PhoneNumber]) -> None:
        self._of: dict[str, list[PhoneNumber]] = {}
        self._unclear: list[PhoneNumber] = []
        """Live records that are not written as an E.164 number is, and may be one."""
        for record in records:
            self._of.setdefault(record.identity.account_key, []).append(record)
            if record.is_live and record.identity.e164 is None:
                self._unclear.append(record)

    def find(self, number: NumberIdentity) -> list[PhoneNumber]:
        """Records of an E.164 number; for any other, records that are written as it would be, whatever they mean."""
        found = self._of.get(number.account_key, [])
        ids = {record.id for record in found}
        return found + [record for record in self._unclear if record.id not in ids and record.identity.may_be(number)]


class RecordsBySpelling:
    """Records by any spelling of their number."""

    def __init__(self, numbers: Iterable[PhoneNumber]) -> None:
        self._known: dict[str, list[PhoneNumber]] = {}
        self._keys: dict[tuple[str, str], list[PhoneNumber]] = {}
        self._regions: set[str] = set()
        for number in numbers:
            identity = number.identity
            # Records of several countries may be in one inventory: local digits mean another number in each.
            self._regions.add(identity.read_in)
            self._keys.setdefault((identity.read_in, identity.account_key), []).append(number)
            for text in {identity.raw, number_text(identity)}:
                self._known.setdefault(text, []).append(number)

    def find(self, text: str) -> list[PhoneNumber]:
        """The records that a text means: its own spelling first, then as digits of the regions that there are.

        Raises `InvalidInput` for what cannot be meant as a number.
        """
        # What stands in the inventory needs no reading, and is found although it may be no number.
        if text in self._known:
            return self._known[text]
        found: list[PhoneNumber] = []
        for region in sorted(self._regions):
            key = parse_number(text, region=region).account_key
            found += [number for number in self._keys.get((region, key), []) if number not in found]
        return found


def take_inventory(client: Telephony, *, connection: str | None = None, clock: Clock | None = None) -> Inventory:
    """Read every number of a connection, in every status and on every page. Writes nothing.

    ``connection`` is its name in the configuration; without one it is the provider's slug. Raises what listing raises.
    """
    reader = client.with_options(read_only=True, patient=True)
    listing, numbers, cursor, pages = Listing(), list[PhoneNumber](), None, 0
    with _named("inventory"):
        while True:
            page = reader.run(reader.operations.list_page(ListQuery(), cursor))
            numbers += listing.accept(page)
            cursor, pages = page.cursor, pages + 1
            if cursor is None:
                break
    return _inventory(reader, connection, clock, numbers, pages)


async def atake_inventory(
    client: AsyncTelephony, *, connection: str | None = None, clock: Clock | None = None
) -> Inventory:
    """`take_inventory` for async code."""
    reader = client.with_options(read_only=True, patient=True)
    listing, numbers, cursor, pages = Listing(), list[PhoneNumber](), None, 0
    with _named("inventory"):
        while True:
            page = await reader.run(reader.operations.list_page(ListQuery(), cursor))
            numbers += listing.accept(page)
            cursor, pages = page.cursor, pages + 1
            if cursor is None:
                break
    return _inventory(reader, connection, clock, numbers, pages)


@contextmanager
def _named(operation: str) -> Iterator[None]:
    """Errors of a flow that was run by hand tell what was going on."""
    try:
        yield
    except TelephonyError as error:
        error.operation = operation
        raise


def _inventory(
    client: Telephony | AsyncTelephony,
    connection: str | None,
    clock: Clock | None,
    numbers: Iterable[PhoneNumber],
    pages: int,
) -> Inventory:
    return Inventory(
        connection=connection or client.provider,
        provider=client.provider,
        adapter=adapter_version(client.provider),
        base_url=client.adapter.config.base_url,
        taken_at=(clock or Clock()).now(),
        pages=pages,
        numbers=tuple(sorted((_without_passwords(number) for number in numbers), key=listing_order)),
    )


def listing_order(number: PhoneNumber) -> tuple[str, str]:
    """By number, then by id."""
    return number.identity.e164 or number.identity.raw, number.id


def _without_passwords(number: PhoneNumber) -> PhoneNumber:
    """A provider's text could be a URI with a password in it; what is written to a file must not be."""
    raw, label = without_secrets(number.identity.raw), without_secrets(number.label)
    changes: dict[str, object] = {}
    if isinstance(raw, str) and raw != number.identity.raw:
        changes["identity"] = number.identity.model_copy(update={"raw": raw})
    if isinstance(label, str) and label != number.label:
        changes["label"] = label
    return number.model_copy(update=changes) if changes else number


def adapter_version(slug: str) -> str:
    """Distribution and version of the adapter that is installed under this slug, for people."""
    for installed in registry.installed():
        if installed.slug == slug:
            return f"{installed.distribution} {installed.version}"
    try:
        return f"not installed as a plugin (telephony-core {version('telephony-core')})"
    except PackageNotFoundError:
        return "not installed as a plugin"
