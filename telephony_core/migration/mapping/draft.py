"""Writes the map that an operator is to edit: every agent and every trunk that needs an answer, with suggestions.

A suggestion is a comment; it counts once the operator has removed the comment sign.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import wrap
from typing import Final

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.sip import CredentialState
from telephony_core.migration.assessment.eligibility import Eligibility, assess_eligibility, capabilities_of
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.inventory.fields import agents_of, printable, sip_of, some, value_text
from telephony_core.migration.inventory.inventory import Inventory
from telephony_core.migration.mapping.map_file import EMPTY_MAP, FORMAT, VERSION, LabelRule, trunk_of
from telephony_core.migration.plan.findings import SkipReason
from telephony_core.migration.rendering.grouping import counted
from telephony_core.provider.capabilities import Admits, Capabilities
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.text.documents import write_file

_WIDTH: Final = 116


def draft_map(source: Inventory, target: TargetAccount, *, source_capabilities: Capabilities | None = None) -> str:
    """The text of a map for the numbers that could be moved, ready to be edited. Sends nothing."""
    capabilities = source_capabilities or capabilities_of(source.provider)
    eligibility = assess_eligibility(source, target, EMPTY_MAP, frozenset(), capabilities)
    # What is blocked may be moved once the map answers; of the others nothing in a map can change that.
    moving = [number for number in eligibility if number.why in (None, SkipReason.BLOCKED)]
    lines = [
        *_head(source, target, len(moving)),
        *_label(moving, target),
        *_agents(moving, eligibility, source, target),
        *_trunks(moving, source, target),
    ]
    return "\n".join(lines) + "\n"


# -- TOML


def toml_string(text: str) -> str:
    """A text as a TOML basic string, on one line."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in ('"', "\\"):
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\U{code:08x}"  # half of a surrogate pair is no character


def _setting(name: str, value: str) -> str:
    return f"{name} = {toml_string(value)}"


def _suggestion(name: str, value: str, why: str = "") -> str:
    return f"# {_setting(name, value)}" + (f"  # {why}" if why else "")


def _comment(text: str) -> list[str]:
    """A comment, wrapped; what vendors and people wrote in it cannot end it."""
    lines = wrap(printable(text), _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in lines]


# -- its parts


def _head(source: Inventory, target: TargetAccount, count: int) -> Iterator[str]:
    yield from _comment(
        f"How {counted(count, 'number')} of {source.connection} ({source.provider}) go to {target.name} "
        f"({target.inventory.provider}). Made from the inventory of {value_text(source.taken_at)}."
    )
    yield from _comment(
        "Edit it, then make a plan with it. A comment is a suggestion and has no effect: remove the comment sign from "
        "what you mean. Numbers for which an answer is missing are not moved."
    )
    yield ""
    yield _setting("format", FORMAT)
    yield f"version = {VERSION}"
    yield _setting("source", source.connection)
    yield _setting("target", target.name)


def _label(moving: Iterable[Eligibility], target: TargetAccount) -> Iterator[str]:
    support = target.capabilities.fields.get(Setting.LABEL)
    if support is None or not support.writable:
        return
    longest, numbers = support.max_length, list(moving)
    too_long = [number.key for number in numbers if longest and len(number.source.label or "") > longest]
    without = [number.key for number in numbers if support.required_on_import and not number.source.label]
    if too_long or without:
        yield ""
        yield "[label]"
    if too_long:
        yield from _comment(f"{target.name} takes {longest} characters. Longer are the labels of {_some(too_long)}.")
        yield _suggestion("rule", LabelRule.CUT, "or drop: import no labels; or keep: leave such numbers blocked")
    if without:
        yield from _comment(f"{target.name} imports no number without one. None have {_some(without)}.")
        yield _suggestion("default", "…", "a label for all of these; without it, each gets its number as its label")


def _some(keys: Iterable[str]) -> str:
    return some(list(dict.fromkeys(keys)), 8)


# -- agents


def _agents(
    moving: Iterable[Eligibility], eligibility: Iterable[Eligibility], source: Inventory, target: TargetAccount
) -> Iterator[str]:
    users: dict[tuple[str, str], list[str]] = {}
    agents: dict[tuple[str, str], AgentRef] = {}
    for number in moving:
        for name, agent in agents_of(number.source).items():
            key = (agent.agent_id, str(agent.version or ""))
            agents[key] = agent
            users.setdefault(key, []).append(f"{number.key} ({name.removesuffix('_agent')})")
    if not agents:
        return
    seen = sorted({agent.agent_id for number in target.inventory.numbers for agent in agents_of(number).values()})
    yield ""
    yield from _comment(
        f"Agents have other ids at {target.name}; take them from its dashboard or "
        f"`telephony agents list -p {target.name}`. "
        + (f"Its numbers use {_some(seen)}." if seen else "None of its numbers has an agent yet.")
    )
    yield from _comment(f"Versions there: {_versions(target.capabilities)}. drop = true leaves a number without agent.")
    hints = _hints(eligibility, target)
    for key in sorted(agents):
        agent = agents[key]
        yield ""
        yield "[[agents]]"
        yield from _comment(f"At {source.connection} it serves {_some(users[key])}.")
        yield _setting("source", agent.agent_id)
        if agent.version is not None:
            yield _setting("source_version", agent.version)
        elif source.numbers:
            yield from _comment(f"{source.connection} does not report the version.")
        hint = hints.get(agent.agent_id)
        yield _suggestion(
            "target", hint[0] if hint else "", f"{hint[1]} has it there" if hint else "the id of the agent"
        )
        yield _suggestion("target_version", _version_hint(agent, target.capabilities))


def _versions(capabilities: Capabilities) -> str:
    rules = capabilities.agent_versions
    if rules is None:
        return "the provider's own words"
    words = [f'"{kind}"' for kind in sorted(rules.kinds)]
    return " or ".join([*words, rules.literals_in_words] if rules.literals else words)


def _version_hint(agent: AgentRef, capabilities: Capabilities) -> str:
    rules = capabilities.agent_versions
    if rules is None or AgentVersion.PUBLISHED in rules.kinds:
        return AgentVersion.PUBLISHED
    return str(agent.version or "")


def _hints(eligibility: Iterable[Eligibility], target: TargetAccount) -> dict[str, tuple[str, str]]:
    """Which agent took over where a number is on both sides already, and which number shows it."""
    there = {number.id: number for number in target.inventory.numbers}
    hints: dict[str, tuple[str, str]] = {}
    for number in eligibility:
        record = there.get(number.target_id or "")
        after = {} if record is None else agents_of(record)
        for name, agent in agents_of(number.source).items():
            if name in after:
                hints.setdefault(agent.agent_id, (after[name].agent_id, number.key))
    return hints


# -- trunks


def _trunks(moving: Iterable[Eligibility], source: Inventory, target: TargetAccount) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Eligibility]] = {}
    for number in moving:
        # Numbers without an address may have nothing in common, so that each is a trunk of its own.
        address = trunk_of(number.source) or f"\uffff{number.key}"
        groups.setdefault((address, sip_of(number.source).outbound.username or ""), []).append(number)
    if not groups:
        return
    yield ""
    yield from _comment(
        f"Trunks: one table for each distinct trunk at {source.connection}. No provider returns a password, so say "
        'where it is: env:NAME, file:PATH or prompt:, never the password itself; or auth = "none" for a trunk that '
        "knows its callers by address. One password serves all numbers of its trunk. If numbers on one address have "
        'credentials of their own, copy the table, give it another name, and say numbers = ["…"] in it.'
    )
    for position, (_, numbers) in enumerate(sorted(groups.items()), start=1):
        yield ""
        yield from _trunk(f"trunk-{position}", numbers, target)


def _trunk(name: str, numbers: list[Eligibility], target: TargetAccount) -> Iterator[str]:
    number, sip = numbers[0].source, sip_of(numbers[0].source)
    every = [sip_of(each.source) for each in numbers]  # what one of them lacks, the table has to ask for
    address, username = sip.outbound.address, sip.outbound.username
    yield "[[trunks]]"
    yield from _comment(f"{counted(len(numbers), 'number')}: {_some(number.key for number in numbers)}.")
    yield _setting("name", name)
    if address is None:
        yield f"numbers = [{toml_string(number.identity.e164 or number.identity.raw)}]"
    else:
        yield _setting("source_address", str(address))
    if username is not None:
        yield _setting("source_username", username)
    if target.capabilities.can_write(Setting.ADDRESS):
        wants = address is None or any(
            finding.field == Setting.ADDRESS and finding.blocks for finding in numbers[0].findings
        )
        if wants:
            yield _suggestion("address", "pbx.example.com:5060", f"for {target.name}, if the trunk can be reached so")
    asked = any(each.outbound.credentials is not CredentialState.NONE for each in every)
    if target.capabilities.can_write(Setting.PASSWORD) and asked:
        # A name that every shell takes for a variable.
        variable = re.sub("[^A-Z0-9]+", "_", name.upper())
        yield _suggestion("username", username or "")
        yield _suggestion("password", f"env:{variable}_PASSWORD")
        yield _suggestion("auth", "none", "instead of the two above")
    listed = all(each.inbound.allowed_addresses is not None for each in every)
    if not listed and target.capabilities.can_write(Setting.ALLOWED_ADDRESSES):
        nobody = target.capabilities.admits_without_list is Admits.NOBODY
        without = "nobody can call in" if nobody else "it needs --allow any_caller"
        yield f'# allowed_addresses = ["203.0.113.7"]  # where its calls come from; without it, {without}'


def save_map(text: str, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the text of a map in one step. Raises `MigrationError`, also for a file that exists already."""
    return write_file(path, text.encode(), overwrite=overwrite)
