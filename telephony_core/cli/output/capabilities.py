"""What a provider declares, as points that a person can read: one list of names, whatever the provider."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

from telephony_core.domain.lifecycle import Origin
from telephony_core.provider.capabilities import (
    AddressForms,
    Admits,
    AgentVersions,
    AllowListMeaning,
    Capabilities,
    Fact,
    Field,
    FieldSupport,
    ImportableNumbers,
    Operation,
    OperationSupport,
    RateLimit,
    ReleaseTerms,
    RepeatableImport,
    UnmodelledSettings,
)

NOTHING: Final = "–"
"""Shown where a provider declares nothing: it does not take it, or it is not documented."""


class Point(NamedTuple):
    """One declared point. ``fact`` says where it comes from; ``None`` where nothing is declared."""

    group: str
    name: str
    says: str
    fact: Fact | None


def points(capabilities: Capabilities) -> tuple[Point, ...]:
    """Every point, in an order and under names that are the same for all providers."""
    return tuple(_points(capabilities))


def _points(capabilities: Capabilities) -> Iterator[Point]:
    # All of them, declared or not: what a provider cannot do has to be seen too, and rows of several providers have to
    # match.
    for operation in Operation:
        offered = capabilities.operations.get(operation)
        yield _point("operations", operation.replace("_", " "), offered, _operation)
    for field in Field:
        yield _point("fields", field, capabilities.fields.get(field), _field)
    yield _point("numbers", "to import", capabilities.importable, _importable)
    yield Point("numbers", "ids used again", "yes" if capabilities.ids_are_reused else NOTHING, None)
    yield _point("trunk", "beyond host[:port]", capabilities.address_forms, _address_forms)
    yield _point("agents", "versions", capabilities.agent_versions, _agent_versions)
    yield _point("trunk", "who may call in", capabilities.allow_list, _allow_list)
    effects = [f"{effect} on {operation.replace('_', ' ')}" for operation, all_ in capabilities.side_effects.items()
               for effect in sorted(all_)]  # fmt: skip
    yield Point("agents", "side effects", ", ".join(effects) or NOTHING, None)
    # Nothing is declared of an unknown origin.
    for origin in (Origin.PURCHASED, Origin.IMPORTED, Origin.LINKED):
        means = " (unlinking)" if origin is Origin.LINKED else ""
        yield _point("release", f"of {origin} numbers{means}", capabilities.release.get(origin), _release)
    host = capabilities.inbound_host
    yield Point("trunk", "inbound calls go to", (host.host if host is not None else None) or "not documented", host)
    yield _point("numbers", "restricted by, without a field here", capabilities.unmodelled, _restrictive)
    yield _point("requests", "rate", capabilities.rate_limit, _rate)
    yield _point("requests", "lost import repeatable", capabilities.repeatable_import, _repeatable)


def as_data(value: object) -> object:
    """A declaration as JSON would have it: objects, lists, words."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_data(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(as_data(key)): as_data(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        # A set has no order, and the output of one version must not differ from run to run.
        return sorted(str(as_data(item)) for item in value)
    if isinstance(value, tuple | list):
        return [as_data(item) for item in value]
    return value


def _point(group: str, name: str, fact: Fact | None, says: object) -> Point:
    return Point(group, name, says(fact) if fact is not None and callable(says) else NOTHING, fact)


def _operation(support: OperationSupport) -> str:
    both = {Origin.PURCHASED, Origin.IMPORTED} <= support.origins
    return "yes" if both else f"{' and '.join(sorted(support.origins))} only"


def _field(support: FieldSupport) -> str:
    can = {"read": support.readable, "write": support.writable, "clear": support.writable and support.clearable}
    says = ", ".join(name for name, possible in can.items() if possible) or NOTHING
    extras = [f"at most {support.max_length} characters"] if support.max_length is not None else []
    extras += ["needed to import"] if support.required_on_import else []
    extras += [f"only with {', '.join(sorted(support.requires))}"] if support.requires else []
    return f"{says} ({'; '.join(extras)})" if extras else says


def _importable(rules: ImportableNumbers) -> str:
    says = ", ".join(kind.replace("_", " ") for kind in sorted(rules.kinds))
    countries = f" of {', '.join(sorted(rules.countries))}" if rules.countries is not None else ""
    as_is = f"; as they are: {', '.join(sorted(rules.as_is))}" if rules.as_is else ""
    return f"{says}{countries}{as_is}"


def _address_forms(forms: AddressForms) -> str:
    can = {"sips": forms.sips, "transport": forms.transport, "user": forms.user, "parameters": forms.params}
    says = ", ".join(name for name, possible in can.items() if possible) or NOTHING
    return says if forms.default_transport is None else f"{says} ({forms.default_transport} where none is named)"


def _allow_list(meaning: AllowListMeaning) -> str:
    missing, empty = (
        "not documented" if admits is Admits.UNKNOWN else str(admits)
        for admits in (meaning.when_missing, meaning.when_empty)
    )
    if missing == empty:
        return f"without a list, or with an empty one: {missing}"
    return f"without a list: {missing}; with an empty one: {empty}"


def _agent_versions(versions: AgentVersions) -> str:
    literals = () if versions.literals is None else (versions.literals_in_words,)
    says = ", ".join([*sorted(versions.kinds), *literals])
    return says if versions.readable else f"{says} (not readable)"


def _release(terms: ReleaseTerms) -> str:
    return f"{terms.effect.replace('_', ' ')}, {'can be revoked' if terms.revocable else 'final'}"


def _repeatable(rule: RepeatableImport) -> str:
    return f"after {rule.after:g} s"


def _restrictive(settings: UnmodelledSettings) -> str:
    return ", ".join(sorted(settings.restrictive)) or NOTHING


def _rate(limit: RateLimit) -> str:
    rates = ((limit.per_second, "second"), (limit.per_minute, "minute"))
    return ", ".join(f"{amount:g} per {unit}" for amount, unit in rates if amount is not None) or "not documented"
