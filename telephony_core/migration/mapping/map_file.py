"""The map: what only the operator knows, in a TOML file that is written for editing and read strictly.

Agents have other ids at the target, and no provider returns a password. Nothing is assumed that the map does not say: a
number that would need it is blocked. Passwords are references (``env:``, ``file:``, ``prompt:``): when a plan is made
it is checked that a usable secret is there, and when it is applied they are read.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, Field, PrivateAttr, StringConstraints, ValidationError, field_validator, model_validator

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.allow_list import parse_allowed_addresses
from telephony_core.domain.input_model import fault_in_words
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, MigrationError, TelephonyError, instead_of
from telephony_core.migration.inventory.fields import agents_of, sip_of
from telephony_core.migration.inventory.inventory import RecordsBySpelling
from telephony_core.secrets.references import file_named, is_reference, variable_named
from telephony_core.secrets.url_password import without_password
from telephony_core.text.file_kinds import refuse_other_kind
from telephony_core.text.reading import parse_toml, read_text

FORMAT: Final = "telephony-core migration map"
VERSION: Final = 1


class MapError(MigrationError):
    """A map cannot be used. Lists every fault, each with its line, and repeats no value."""

    default_remedy: ClassVar[str | None] = "fix it there; `telephony migrate map` writes a new one"

    def __init__(self, about: str, *, faults: Sequence[str] = (), remedy: str | None = None) -> None:
        """``about`` is all there is to say, or what the ``faults`` have in common."""
        super().__init__(f"{about}: {'; '.join(faults)}" if faults else about, remedy=remedy)
        self.about = about
        self.faults: tuple[str, ...] = tuple(faults)


Text = Annotated[str, StringConstraints(min_length=1)]


class _Table(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """A table of the file. Unlike `InputModel` it keeps pydantic's error, which has the place of every fault."""


class LabelRule(StrEnum):
    """What to do with a label that is longer than the target takes."""

    KEEP = "keep"
    """Nothing: a label that does not fit blocks its number."""
    CUT = "cut"
    DROP = "drop"
    """Take no label along."""


class LabelChoice(_Table, frozen=True):
    rule: LabelRule = LabelRule.KEEP
    default: Text | None = None
    """The label of numbers that would have none. Without it, where the target needs one, their number."""


class AgentChoice(_Table, frozen=True):
    """Which agent at the target takes over from one at the source."""

    source: Text
    """The agent's id at the source."""
    source_version: Text | None = None
    """``published``, ``draft`` or the provider's literal; without it, every version that has no entry of its own."""
    target: Text | None = None
    target_version: Text | None = None
    drop: Literal[True] | None = None
    """The numbers get no agent in its place."""

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        if self.drop and (self.target is not None or self.target_version is not None):
            raise ValueError("drop says that there is no agent at the target, and one is given")
        if (self.target is None) != (self.target_version is None):
            missing = "target_version" if self.target_version is None else "target"
            raise ValueError(f"{missing} is missing: an agent is meant together with its version")
        return self

    @property
    def agent(self) -> AgentRef | None:
        return None if self.target is None else AgentRef(self.target, version=self.target_version)


class TrunkChoice(_Table, frozen=True):
    """How the target reaches a trunk, and with which credentials.

    It is for the numbers whose record has ``source_address`` (and ``source_username``, where the source reports it).
    With ``numbers`` it is for these alone, and goes before an entry without them.
    """

    name: Text
    source_address: SipAddress | None = None
    source_username: Text | None = None
    numbers: tuple[Text, ...] | None = Field(default=None, min_length=1)
    auth: Literal["digest", "none"] | None = None
    username: Text | None = None
    """The digest user, or a reference to it."""
    password: Text | None = None
    """A reference; never the password."""
    address: SipAddress | None = None
    """The address for the target, where it is not the one that the source has."""
    allowed_addresses: tuple[str, ...] | None = None
    """The allow-list for the target, where it is not the one that the source has."""

    @field_validator("username")
    @classmethod
    def _user(cls, text: str | None) -> str | None:
        if text is None or is_reference(text):
            return _whole_reference(text)
        OutboundUpdate(username=text)
        return text

    @field_validator("password")
    @classmethod
    def _reference(cls, text: str | None) -> str | None:
        if text is not None and not is_reference(text):
            raise ValueError(
                "is not a reference to a secret; write env:NAME, file:PATH or prompt:, never the password itself"
            )
        return _whole_reference(text)

    @field_validator("allowed_addresses")
    @classmethod
    def _networks(cls, entries: tuple[str, ...] | None) -> tuple[str, ...] | None:
        # Whether everybody may be let in is decided where the losses are, by name.
        return None if entries is None else parse_allowed_addresses(entries, allow_any=True)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.source_address is None and self.numbers is None:
            raise ValueError("it does not say which numbers it is for; give source_address, numbers, or both")
        given = self.username is not None or self.password is not None
        if self.auth == "none" and given:
            raise ValueError('auth is "none", and a username or a password is given')
        pair = {"username": self.username, "password": self.password}
        missing = " and ".join(name for name, text in pair.items() if text is None)
        if (self.auth == "digest" or given) and missing:
            raise ValueError(f'{missing} is missing: digest credentials are a pair, or auth is "none"')
        return self

    @property
    def authentication(self) -> Literal["digest", "none"] | None:
        """How the target authenticates; ``None`` where the table does not say."""
        return "digest" if self.password is not None else self.auth

    def fits(self, number: PhoneNumber) -> bool:
        """Whether the record has this trunk, as far as the source reports it."""
        if self.source_address is not None and trunk_of(number) != self.source_address.uri():
            return False
        return self.source_username in (None, sip_of(number).outbound.username)


def _whole_reference(text: str | None) -> str | None:
    if text is not None and not text.startswith("prompt:") and not text.partition(":")[2]:
        raise ValueError("the reference does not say where; write env:NAME or file:PATH")
    return text


class MigrationMap(_Table, frozen=True):
    """What the operator says of the numbers that go from one connection to another."""

    source: Text | None = None
    """The connection that it was written for; ``None`` for a map that is for any."""
    target: Text | None = None
    label: LabelChoice = LabelChoice()
    agents: tuple[AgentChoice, ...] = ()
    trunks: tuple[TrunkChoice, ...] = ()
    _lines: dict[str, list[int]] = PrivateAttr(default_factory=dict)
    """Where each entry of ``agents`` and ``trunks`` begins in the file that this was read from."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a map. Raises `MapError` with the lines of all its faults; no value is repeated."""
        text = read_text(path, what="the map", refused=MapError)
        # Somebody may give the plan or the inventory here: told as what it is, and not as bad TOML.
        refuse_other_kind(path, text.encode(), "a map", MapError)
        return cls.parse(text, where=os.fspath(path))

    @classmethod
    def parse(cls, text: str, *, where: str = "the map") -> Self:
        """Read a map from its text. Raises `MapError`."""
        # The error of the TOML reader has line and column, and never a value.
        with instead_of(ValueError, lambda error: MapError(f"{where} is not valid TOML: {error}")):
            document = parse_toml(text)
        kind, version = document.pop("format", None), document.pop("version", None)
        if kind != FORMAT:
            raise MapError(f"{where} is not a migration map", remedy=f'it has to say format = "{FORMAT}"')
        # TOML's `true` is equal to 1 in Python.
        if type(version) is not int or version != VERSION:
            raise MapError(f"{where} is of another version; this program reads version {VERSION}")

        def refused(faults: Sequence[str]) -> MapError:
            return MapError(where, faults=faults)

        with instead_of(
            ValidationError,
            lambda error: refused(
                [_fault(each, text) for each in error.errors(include_url=False, include_input=False)]
            ),
        ):
            made = cls.model_validate(document)
        if faults := list(_contradictions(made, text)):
            raise refused(faults)
        for table, entries in (("agents", made.agents), ("trunks", made.trunks)):
            made._lines[table] = [line_of(text, (table, position)) for position in range(len(entries))]
        return made

    def agent(self, agent: AgentRef) -> AgentChoice | None:
        """What the map says of an agent in this version."""
        entries = [entry for entry in self.agents if entry.source == agent.agent_id]
        exact = [entry for entry in entries if entry.source_version is not None]
        return next(
            (entry for entry in exact if entry.source_version == agent.version),
            next((entry for entry in entries if entry.source_version is None), None),
        )

    @property
    def agents_at_target(self) -> tuple[AgentRef, ...]:
        """The agents that take over, each once."""
        return tuple(dict.fromkeys(entry.agent for entry in self.agents if entry.agent is not None))

    def refuse_unused(self, numbers: Iterable[PhoneNumber]) -> None:
        """Raise `MapError` for every table that no number of the inventory uses, with the most similar value there is.

        With a typo in an address or an id, what the table says would otherwise be ignored silently.
        """
        held = list(numbers)
        trunks = {trunk_of(number) for number in held} - {None}
        agents = {agent for number in held for agent in agents_of(number).values()}
        faults = [
            f"[[agents]]{self._place('agents', at)}: no number of the inventory has {_agent_text(entry)}"
            + _nearest(entry.source, (agent.agent_id for agent in agents))
            for at, entry in enumerate(self.agents)
            if not any(
                agent.agent_id == entry.source and entry.source_version in (None, agent.version) for agent in agents
            )
        ]
        for at, trunk in enumerate(self.trunks):
            # Entries for single numbers are checked where they are applied (`trunks_of`).
            if trunk.numbers is not None or trunk.source_address is None or any(map(trunk.fits, held)):
                continue
            user = "" if trunk.source_username is None else f" with source_username {trunk.source_username!r}"
            faults.append(
                f"[[trunks]] {trunk.name!r}{self._place('trunks', at)}: no number of the inventory has source_address "
                f"{trunk.source_address.uri()}{user}" + _nearest(trunk.source_address.uri(), filter(None, trunks))
            )
        if faults:
            raise MapError(
                f"{len(faults)} {'table' if len(faults) == 1 else 'tables'} of the map would have no effect",
                faults=faults,
                remedy="write it as the inventory does, or take the table out of the map",
            )

    def _place(self, table: str, position: int) -> str:
        lines = self._lines.get(table, [])
        return f" (line {lines[position]})" if position < len(lines) else ""

    def trunks_of(self, numbers: Iterable[PhoneNumber]) -> dict[str, TrunkChoice]:
        """What the map says of the trunk of each record, by the record's id.

        An entry for a number goes before one for its trunk, one with a username before one without. Raises `MapError`
        for a number that the inventory does not have on this trunk (with a typo in it, another entry with another
        password would apply), and for a number that two entries name, in whatever spelling.
        """
        held = list(numbers)
        chosen: dict[str, TrunkChoice] = {}
        general: dict[str, list[TrunkChoice]] = {}
        for entry in self.trunks:
            if entry.numbers is None and entry.source_address is not None:
                general.setdefault(entry.source_address.uri(), []).append(entry)
        for number in held:
            fitting = [entry for entry in general.get(trunk_of(number) or "", ()) if entry.fits(number)]
            if fitting:
                chosen[number.id] = next((e for e in fitting if e.source_username is not None), fitting[0])
        index, claims = RecordsBySpelling(held), dict[str, int]()
        for position, entry in enumerate(self.trunks):
            for text in entry.numbers or ():
                found = index.find(text)
                for number in found:
                    # Only the inventory shows that two spellings are one number, such as one with and one without its
                    # country code.
                    if (other := claims.setdefault(number.id, position)) != position:
                        raise self._named_twice(number, other, position)
                named = [number for number in found if entry.fits(number)]
                if not named:
                    raise MapError(
                        f"[[trunks]] {entry.name!r} names a number that the inventory does not have on this trunk: "
                        f"{text[:40]}",
                        remedy="write the number as the inventory does, or take it out of `numbers`",
                    )
                chosen |= {number.id: entry for number in named}
        return chosen

    def _named_twice(self, number: PhoneNumber, one: int, other: int) -> MapError:
        places = " and ".join(f"{self.trunks[at].name!r}{self._place('trunks', at)}" for at in (one, other))
        return MapError(
            f"two [[trunks]] name the number {number.identity}: {places}",
            remedy="a number has one trunk: take it out of one of them",
        )


def trunk_of(number: PhoneNumber) -> str | None:
    """The address of a number's trunk, as trunks are told apart by it."""
    address = sip_of(number).outbound.address
    return None if address is None else address.uri()


def _agent_text(entry: AgentChoice) -> str:
    version = "" if entry.source_version is None else f" in version {entry.source_version!r}"
    return f"agent {entry.source!r}{version}"


def _nearest(text: str, there: Iterable[str]) -> str:
    """The most similar value of the inventory, in words."""
    # However little alike: an id is opaque, and the author sees at once whether it is meant.
    found = get_close_matches(text, sorted(set(there)), n=1, cutoff=0.0)
    if not found:
        return "; it has none at all"
    return "; it is there with other settings" if found[0] == text else f"; the most similar one there is {found[0]}"


EMPTY_MAP: Final = MigrationMap()
"""A map without any answer."""


def _contradictions(made: MigrationMap, text: str) -> Iterator[str]:
    """What no table shows alone: two entries that claim the same."""
    claims: list[tuple[str, int, str, str]] = []

    def claim(table: str, position: int, what: str, key: str | None = None) -> None:
        claims.append((table, position, what, what if key is None else key))

    for position, entry in enumerate(made.agents):
        claim("agents", position, f"agent {entry.source!r} in {_version(entry.source_version)}")
    for position, trunk in enumerate(made.trunks):
        claim("trunks", position, f"the name {trunk.name!r}")
        numbers = {_spelling_apart(number): number for number in trunk.numbers or ()}
        for key, number in numbers.items():
            claim("trunks", position, f"the number {without_password(number)!r}", key)
        if trunk.numbers is None and trunk.source_address is not None:
            whose = "without a user name" if trunk.source_username is None else f"of {trunk.source_username!r}"
            claim("trunks", position, f"the trunk {trunk.source_address.uri()} {whose}")
    counted = Counter((table, key) for table, _, _, key in claims)
    for table, position, what, key in claims:
        if counted[table, key] > 1:
            yield f"line {line_of(text, (table, position))}: {what} is there {counted[table, key]} times"


def _version(version: str | None) -> str:
    return "whichever version" if version is None else f"version {version!r}"


def _spelling_apart(number: str) -> str:
    """What two spellings of a number share, where no country is needed to see it; the inventory shows the rest."""
    with suppress(InvalidInput):  # ZZ is no country, so only what begins with + is read as E.164
        number = parse_number(number, region="ZZ").account_key
    return f"number {number}"


def _fault(item: Any, text: str) -> str:
    path: tuple[str | int, ...] = tuple(item["loc"])
    inner = item.get("ctx", {}).get("error")
    # An error of this library says what to do; pydantic would wrap it into words of its own.
    message = str(inner) if isinstance(inner, TelephonyError) else fault_in_words(item)
    table = f"[[{path[0]}]]" if len(path) > 1 and isinstance(path[1], int) else f"[{path[0]}]" if path else ""
    names = [str(step) for step in path[1:] if isinstance(step, str)] if len(path) > 1 else []
    if len(path) == 1:
        table, names = "", [str(path[0])]
    if item["type"] == "extra_forbidden":
        message = "there is no such setting"
    return f"line {line_of(text, path)}: {': '.join(part for part in (table, '.'.join(names), message) if part)}"


_HEADER: Final = re.compile(r"\s*\[{1,2}\s*([A-Za-z0-9_.\"-]+)\s*\]{1,2}")


def line_of(text: str, path: tuple[str | int, ...]) -> int:
    """The line (from 1) of a table, or of a key in it, as far as it can be found in the text."""
    table = str(path[0]) if path else ""
    position = path[1] if len(path) > 1 and isinstance(path[1], int) else 0
    key = next((str(step) for step in path[1:] if isinstance(step, str)), None)
    # `tomllib` keeps no lines, so the text is searched for them.
    seen, header, current = -1, 1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _HEADER.match(line):
            current = found[1].strip('"')
            if current == table:
                seen += 1
                header = number if seen == position else header
            continue
        desired = key if current == table and seen == position else table if not current and len(path) == 1 else None
        if desired is not None and _sets(line, desired):
            return number
    return header


def _sets(line: str, key: str) -> bool:
    return re.match(rf"\s*\"?{re.escape(key)}\"?\s*[=.]", line) is not None


def reference_problem(reference: str) -> str | None:
    """Why a reference cannot be resolved on this machine now, or ``None``. Reads no secret; a prompt always can."""
    kind, _, rest = reference.partition(":")
    if kind == "env":
        return None if os.environ.get(rest) else f"{variable_named(rest)} is not set here"
    if kind == "file":
        try:
            file = Path(rest).expanduser()
            if not file.is_file():
                return f"{file_named(rest)} is not there"
            if not os.access(file, os.R_OK):
                return f"the file {rest} may not be read by this user"
            return None if file.stat().st_size else f"the file {rest} is empty"
        except OSError as error:
            return f"{file_named(rest)} cannot be looked at ({error.strerror})"
        except (RuntimeError, ValueError):
            return f"{file_named(rest)} has no such path on this machine"
    if kind == "prompt":
        return None
    raise InvalidInput("this is not a reference to a secret", remedy="write env:NAME, file:PATH or prompt:")
