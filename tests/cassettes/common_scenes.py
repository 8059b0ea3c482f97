"""The scenes that every vendor has: the story is one, what differs is in `Vendor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from telephony_core import (
    AuthenticationFailed,
    Conflict,
    MediaEncryption,
    NotFound,
    NumberImport,
    NumberStatus,
    Origin,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    UnsupportedField,
)
from telephony_core.emulator import Emulator, Fault, FaultKind, Response
from tests.cassettes.tape import Play, Scene, ask

PAGE = Response(502, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>")


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """What the common scenes have to know of a vendor, and of what is on its emulator."""

    known: str
    """A number that the customer brought."""
    nobody: str
    """An id of the vendor's form that no record has."""
    listed: Mapping[str, set[Any]]
    """All values of some attributes of the records."""
    label: str
    clears_labels: bool
    first: Mapping[str, Any] = field(default_factory=dict)
    """How the list is narrowed to a record that can be read by its id."""
    again: NumberImport
    """Of a number that is there."""
    brought: NumberImport
    lost: NumberImport
    keeps_released: bool
    """Whether a released record can be read on."""


def common_scenes(vendor: Vendor) -> tuple[Scene, ...]:
    def list_all() -> Play:
        numbers = yield ask("list_numbers")
        for name, values in vendor.listed.items():
            assert {getattr(number, name) for number in numbers} == values
        assert len({number.id for number in numbers}) == len(numbers)
        assert [number.problems for number in numbers if number.problems] == []

    def list_agents() -> Play:
        agents = yield ask("list_agents")
        assert agents
        assert len({agent.id for agent in agents}) == len(agents)

    def get_one() -> Play:
        first = (yield ask("list_numbers", **vendor.first))[0]
        assert (yield ask("get_number", first.id)) == first

    def import_and_release() -> Play:
        number = yield ask("import_number", vendor.brought)
        assert (number.origin, number.status) == (Origin.IMPORTED, NumberStatus.ACTIVE)
        assert (number.identity.e164, number.label) == (vendor.brought.number, vendor.brought.label)
        if vendor.brought.inbound is not None:
            assert number.sip.inbound.media_encryption is MediaEncryption.REQUIRE
        release = yield ask("release", number)
        assert (release.status, release.revocable) == (NumberStatus.RELEASED, False)
        if vendor.keeps_released:
            assert (yield ask("get_number", number.id)).status is NumberStatus.RELEASED
        else:
            with pytest.raises(NotFound):
                yield ask("get_number", number.id)

    def import_twice() -> Play:
        with pytest.raises(Conflict, match="already here"):
            yield ask("import_number", vendor.again)

    def change_label() -> Play:
        number = yield ask("find_number", vendor.known)
        assert (yield ask("update_label", number, vendor.label)).label == vendor.label
        if vendor.clears_labels:
            assert (yield ask("update_label", number, None)).label is None
        else:
            with pytest.raises(UnsupportedField):
                yield ask("update_label", number, None)

    def unknown_id() -> Play:
        with pytest.raises(NotFound):
            yield ask("get_number", vendor.nobody)

    def wrong_key() -> Play:
        with pytest.raises(AuthenticationFailed):
            yield ask("list_numbers")

    def another_key(emulator: Emulator) -> None:
        emulator.api_key = "another key"

    def rate_limited() -> Play:
        with pytest.raises(RateLimited) as caught:
            yield ask("get_number", vendor.nobody)
        assert caught.value.retry_after == 60

    def limit(emulator: Emulator) -> None:
        answer = Response(429, {"content-type": "application/json", "retry-after": "60"}, b"{}")
        emulator.faults.append(Fault(FaultKind.ANSWER, response=answer))

    def gateway_page() -> Play:
        with pytest.raises(ProviderUnavailable):
            yield ask("get_number", vendor.nobody)
        number = yield ask("find_number", vendor.known)
        with pytest.raises(OutcomeUnknown):
            yield ask("update_label", number, "x")

    def gateway(emulator: Emulator) -> None:
        emulator.faults.append(Fault(FaultKind.ANSWER, method="GET", path=vendor.nobody, response=PAGE))
        emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="PATCH", response=PAGE))

    def lost_import() -> Play:
        """The gateway loses the answer of an import that happened: the record is found and adopted."""
        number = yield ask("import_number", vendor.lost)
        assert (number.identity.e164, number.status) == (vendor.lost.number, NumberStatus.ACTIVE)

    def lose(emulator: Emulator) -> None:
        emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="POST", response=PAGE))

    return (
        Scene(list_all),
        Scene(list_agents),
        Scene(get_one, live=True),
        Scene(import_and_release),
        Scene(import_twice),
        Scene(change_label),
        Scene(unknown_id, live=True),
        Scene(wrong_key, another_key),
        Scene(rate_limited, limit),
        Scene(gateway_page, gateway),
        Scene(lost_import, lose),
    )
