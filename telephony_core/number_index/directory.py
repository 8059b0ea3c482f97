"""Every record of all accounts by its number: one look answers, however many accounts there are."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from telephony_core.domain.number_identity import NumberIdentity, dialled_at_home
from telephony_core.domain.phone_number import PhoneNumber

Served = tuple[str, PhoneNumber]
"""A record, behind the name of its connection."""
NOBODY: Final[tuple[Served, ...]] = ()


class Directory:
    """The records of all accounts, by what `NumberIdentity.account_key` says of their numbers.

    Whoever looks takes no lock: for each number there is what was before a change, or what is after it, and nothing
    between. Whoever changes something about an account holds ``lock``, and calls `changed` when all of it is done.
    """

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.version: object = object()
        """Another one after each change of what is said of an account (its age, its error), not of a single record."""
        self._served: dict[str, tuple[Served, ...]] = {}
        self._places: dict[str, int] = {}

    def add_account(self, name: str) -> None:
        """Records of one number are in the order in which their accounts were added."""
        self._places[name] = len(self._places)

    def changed(self) -> None:
        """Something that is said of an account is another now."""
        self.version = object()

    def serving(self, identity: NumberIdentity, account: str | None = None) -> tuple[Served, ...]:
        """Every record of a number, in all accounts or in one."""
        served = self._served.get(identity.account_key, NOBODY)
        return served if account is None else tuple(each for each in served if each[0] == account)

    def known_as(self, text: str, region: str | None) -> NumberIdentity | None:
        """The identity of a known number that is written as E.164, or as it is dialled in its country.

        To read such a spelling would give the same number, and take ten times as long. ``None`` says nothing.
        """
        number, digits = (text, None) if text[:1] == "+" else dialled_at_home(text, region)
        if number not in self._served:
            return None
        for _, record in self._served.get(number, NOBODY):
            if digits is None or record.identity.national_digits == digits:
                return record.identity
        return None

    def exchange(self, account: str, gone: Iterable[PhoneNumber], come: Iterable[PhoneNumber]) -> None:
        """Put records of an account into the place of others."""
        left = set()
        now: dict[str, list[Served]] = {}
        for record in gone:
            left.add(id(record))
            now[record.identity.account_key] = []
        for record in come:
            now.setdefault(record.identity.account_key, []).append((account, record))
        for number, new in now.items():
            # By identity: to compare two records goes through all of their fields.
            kept = [each for each in self._served.get(number, NOBODY) if id(each[1]) not in left]
            if kept or new:
                self._served[number] = tuple(sorted([*kept, *new], key=self._place) if kept else new)
            else:
                del self._served[number]

    def _place(self, served: Served) -> int:
        return self._places[served[0]]
