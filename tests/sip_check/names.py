"""A name service out of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from telephony_core.sip_check import (
    NamesUnavailable,
    Naptr,
    NoSuchName,
    Srv,
)

T = TypeVar("T")

DOWN = NamesUnavailable("no answer from the name server")


@dataclass
class Names:
    """A name service out of a table. An exception as a value is raised."""

    hosts: Mapping[str, Sequence[str] | Exception] = field(default_factory=dict)
    services: Mapping[str, Sequence[Srv] | Exception] = field(default_factory=dict)
    pointers: Mapping[str, Sequence[Naptr] | Exception] = field(default_factory=dict)
    has_srv: bool = True
    asked: list[str] = field(default_factory=list)

    async def naptr(self, name: str) -> Sequence[Naptr]:
        self.asked.append(f"NAPTR {name}")
        return _value(self.pointers.get(name, ()))

    async def srv(self, name: str) -> Sequence[Srv]:
        self.asked.append(f"SRV {name}")
        return _value(self.services.get(name, ()))

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(f"A {host}")
        return _value(self.hosts.get(host, NoSuchName()))


def _value(found: Sequence[T] | Exception) -> Sequence[T]:
    if isinstance(found, Exception):
        raise found
    return found
