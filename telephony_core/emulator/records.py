"""What an emulator remembers: records as the vendor would send them, and the credentials that it never sends."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Record: TypeAlias = dict[str, object]
"""One JSON object, exactly as the vendor would send it; odd ones may be stored on purpose."""

Entry: TypeAlias = tuple[float, str]
"""A record's sort key and the key under which it is stored."""


@dataclass(frozen=True, slots=True)
class StoredCredentials:
    """The digest credentials of a trunk as the vendor stored them; no answer ever holds the password."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)


class RecordStore:
    """Records by id, in the order in which they came.

    Sorted listings are remembered until something changes, so that paging through many records stays cheap.
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._positions: dict[str, int] = {}
        self._credentials: dict[str, StoredCredentials] = {}
        self._listings: dict[Hashable, list[Entry]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, key: str) -> Record:
        return self._records[key]

    def __iter__(self) -> Iterator[str]:
        # A copy: whoever walks through may remove.
        return iter(list(self._records))

    def put(self, key: str, record: Mapping[str, object], credentials: StoredCredentials | None = None) -> None:
        """Store a copy of a record; one with the same key is replaced."""
        self._records[key] = copy.deepcopy(dict(record))
        # Never given up: an id that comes again keeps its place.
        self._positions.setdefault(key, len(self._positions))
        if credentials is not None:
            self._credentials[key] = credentials
        self.forget_listings()

    def edit(self, key: str, changes: Mapping[str, object]) -> Record:
        """Change fields of a record and return it."""
        record = self._records[key]
        record.update(changes)
        self.forget_listings()
        return record

    def remove(self, key: str) -> None:
        del self._records[key]
        self._credentials.pop(key, None)
        self.forget_listings()

    def position(self, key: str) -> int | None:
        """The place of a record among all that ever were: a cursor may name a removed one."""
        return self._positions.get(key)

    def credentials(self, key: str) -> StoredCredentials | None:
        return self._credentials.get(key)

    def set_credentials(self, key: str, credentials: StoredCredentials) -> None:
        self._credentials[key] = credentials

    def listing(
        self,
        name: Hashable,
        wanted: Callable[[str, Record], bool],
        sort_key: Callable[[str, Record], float],
    ) -> list[Entry]:
        """Entries of the wanted records, ascending.

        ``name`` has to say everything that the two functions depend on.
        """
        if name not in self._listings:
            entries = [(sort_key(key, record), key) for key, record in self._records.items() if wanted(key, record)]
            self._listings[name] = sorted(entries)
        return self._listings[name]

    def forget_listings(self) -> None:
        self._listings.clear()
