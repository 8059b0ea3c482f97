"""What has changed about one record since it was read: by the plan (`stale_fields`), or by a step of a migration, which
keeps a `snapshot` of it in the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.inventory.fields import (
    NOT_REPORTED,
    SETTINGS,
    means_the_same,
    printable,
    shown,
    unmodelled_text,
    value_text,
)
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.capabilities import Field as Setting

_WHOLE: Final = ("status", "origin")
_PLANNED: Final = (*_WHOLE, "unmodelled", *SETTINGS)
"""What a plan depends on. A `snapshot` of a record at the target leaves ``unmodelled`` out: what a migration cannot
take along is to be set there by hand."""
_MADE_AT: Final = ("created_at", "starts_at")
"""When a record was made, as providers show it: vox the one, Diga the other."""
TIMES: Final = (*_MADE_AT, "updated_at")
"""What tells a record from another one under its id."""


def stale_fields(
    planned: PhoneNumber, now: PhoneNumber | None, capabilities: Capabilities | None, unpublished: Collection[str] = ()
) -> tuple[FieldDrift, ...]:
    """What has changed about a record since the plan read it; ``None``: it was removed.

    ``unpublished`` are agents that this migration itself unpublished, by releasing another number of theirs.
    """
    if now is None:
        return (FieldDrift(field="number", before="there", after="gone"),)
    pairs: list[tuple[str, object, object]] = []
    if not planned.identity.same_in_account(now.identity):
        pairs.append(("number", planned.identity, now.identity))
    times_before, times_now = _times(planned), _times(now)
    pairs += [
        (name, times_before[name], times_now.get(name)) for name in _another_life(times_before, times_now, capabilities)
    ]
    for name in _PLANNED:
        before, after = _read(planned, name, capabilities), _read(now, name, capabilities)
        ours = isinstance(before, AgentRef) and before.agent_id in unpublished and after is None
        # The plan keeps texts without the passwords that a provider may show inside of them.
        if not means_the_same(before, after) and not ours and value_text(before) != value_text(after):
            pairs.append((name, before, after))
    return tuple(FieldDrift(field=name, before=value_text(old), after=value_text(new)) for name, old, new in pairs)


def snapshot(record: PhoneNumber, capabilities: Capabilities | None) -> dict[str, JsonValue]:
    """What a record shows, as texts, without secrets."""
    texts: dict[str, JsonValue] = {}
    for name in (*_WHOLE, *SETTINGS):
        value = _read(record, name, capabilities)
        # A list in another order is no other list.
        texts[name] = value_text(tuple(sorted(map(str, value))) if isinstance(value, tuple) else value)
    texts |= {name: at.isoformat() for name, at in _times(record).items()}
    # A user name may have come from a secret reference: enough of it is kept to see whether it has changed.
    texts[Setting.USERNAME] = hashlib.sha256(str(texts[Setting.USERNAME]).encode()).hexdigest()[:16]
    return texts


def changed_since(
    before: Mapping[str, object], now: PhoneNumber, capabilities: Capabilities | None
) -> tuple[FieldDrift, ...]:
    """What has changed about a record since this `snapshot` of it."""
    texts = snapshot(now, capabilities)
    names = [name for name, text in before.items() if name not in TIMES and text != texts.get(name)]
    return tuple(
        FieldDrift(field=name, before=str(before[name]), after=str(texts.get(name, NOT_REPORTED)))
        for name in (*names, *_another_life(before, texts, capabilities))
    )


def has_time(before: Mapping[str, object]) -> bool:
    """Whether a `snapshot` holds a time that tells the record from another one under its id."""
    return any(name in before for name in TIMES)


def _times(record: PhoneNumber) -> dict[str, datetime]:
    return {name: at for name in TIMES if (at := getattr(record, name)) is not None}


def _another_life(
    before: Mapping[str, object], now: Mapping[str, object], capabilities: Capabilities | None
) -> list[str]:
    """Names of the times by which this is not the record that it was; some answers to an import leave them out.

    Where ids are used again, a record that was deleted and imported again may differ in nothing but the time of its
    last change. Elsewhere that time says nothing: it moves with whatever the vendor counts as a change.
    """
    made = [name for name in _MADE_AT if name in before]
    if made or capabilities is None or not capabilities.ids_are_reused:
        return [name for name in made if name in now and now[name] != before[name]]
    return ["updated_at"] if "updated_at" in before and now.get("updated_at") != before["updated_at"] else []


def _read(record: PhoneNumber, name: str, capabilities: Capabilities | None) -> object:
    if name == "unmodelled":
        return unmodelled_text(record)
    value = getattr(record, name) if name in _WHOLE else shown(record, name, capabilities)
    # A label that is empty and one that is not there look alike to everybody.
    return value or None if name == Setting.LABEL else value


def status_text(record: PhoneNumber) -> str:
    """The status, with the provider's own word where that says more."""
    word = record.provider_status
    return str(record.status) if word in (None, str(record.status)) else f"{record.status} ({printable(word)})"


def is_released(record: PhoneNumber | None) -> bool:
    """Whether a record is removed, released, or scheduled to be."""
    return record is None or record.status in (NumberStatus.RELEASED, NumberStatus.RELEASE_SCHEDULED)
