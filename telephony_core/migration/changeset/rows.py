"""What the cells of one row mean, and everything that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.sip import InboundUpdate, MediaEncryption, OutboundUpdate
from telephony_core.errors import InvalidInput, NotAllowed, TelephonyError, cli_words
from telephony_core.migration.changeset.credentials import faults_of_credentials
from telephony_core.migration.changeset.table import Row, RowProblem
from telephony_core.migration.plan.model import DesiredInbound, DesiredOutbound, DesiredState

_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?e[+-]?[0-9]+", re.IGNORECASE)
_FRACTION: Final = re.compile(r"[0-9]{6,}[.,]0+")
_DATE: Final = re.compile(
    r"[0-9]{4}[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12][0-9]|3[01])(?:[ T][0-9:.]+)?"
    r"|(?:0?[1-9]|[12][0-9]|3[01])[-/.](?:0?[1-9]|[12][0-9]|3[01])[-/.](?:[0-9]{4}|[0-9]{2})"
    r"|(?=.*[0-9])(?:[0-9]{1,2}[-/. ])?"
    r"(?:jan|ene|feb|mar|a[bp]r|may|jun|jul|aug|ago|sept?|oct|nov|dec|dic)\.?(?:[-/. ][0-9]{1,4})?"
    r"|(?:[0-9]{4}년 ?)?[0-9]{1,2}월(?: ?[0-9]{1,2}일)?",
    re.IGNORECASE,
)
_FORMULA: Final = re.compile(r"[=#][^@]*")
_AS_TEXT: Final = "give the column the format Text in the spreadsheet, enter the number again with its +, and save it"
_YES: Final = frozenset({"yes", "true", "1", "y"})
_NO: Final = frozenset({"no", "false", "0", "n"})


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as a plan has it; its credentials apart, for rows that share them share a trunk of the plan."""

    row: Row
    identity: NumberIdentity
    desired: DesiredState | None
    """``None`` where something is wrong with the row."""
    username: str | None
    password: str | None = field(repr=False)

    @property
    def line(self) -> int:
        return self.row.line


def read_row(row: Row, region: str) -> tuple[ReadRow | None, list[RowProblem]]:
    """What a row says, and all that is wrong with it; ``None`` without a number.

    ``region`` is where the provider reads bare digits.
    """
    reader = _Reader(row)
    identity = reader.identity(region)
    inbound, outbound = reader.inbound(), reader.outbound()
    answering, calling = reader.agent("inbound_agent"), reader.agent("outbound_agent")
    username, password = reader.credentials()
    if identity is None:
        return None, reader.problems
    if reader.problems:
        return ReadRow(row, identity, None, username, password), reader.problems
    desired = DesiredState(
        number=identity.raw if reader.as_is else identity.e164 or identity.raw,
        send_as_is=reader.as_is,
        label=row.cells.get("label"),
        inbound=inbound,
        outbound=outbound,
        inbound_agent=answering,
        outbound_agent=calling,
    )
    return ReadRow(row, identity, desired, username, password), []


class _Reader:
    """Reads one row, and keeps what is wrong with it."""

    def __init__(self, row: Row) -> None:
        self._line = row.line
        self._cells = row.cells
        self.problems: list[RowProblem] = []
        self.as_is = self._yes("send_as_is")

    def _wrong(self, column: str | None, message: str, remedy: str | None = None) -> None:
        self.problems.append(RowProblem(self._line, column, message, remedy))

    def _refused(self, column: str, error: TelephonyError) -> None:
        # The name of a model that refused it says nothing to the author of a table.
        self._wrong(column, re.sub(r"^\w+Update: (?:\w+: )?", "", error.message), cli_words(error.remedy))

    # -- the number

    def identity(self, region: str) -> NumberIdentity | None:
        text = self._cells.get("number")
        if text is None:
            self._wrong("number", "the number is missing")
            return None
        for pattern, what in _SPOILT:
            if pattern.fullmatch(text):
                self._wrong("number", f"{text[:40]} is {what}", _AS_TEXT)
                return None
        if self.as_is:
            return NumberIdentity.parse(text, region=region)
        try:
            identity = parse_number(text, region=region)
        except InvalidInput as error:
            self._refused("number", error)
            return None
        others = sorted(set(_other_readings(text, region)) - {identity.e164})
        if others:
            which = " or ".join([*([identity.e164] if identity.e164 else []), *others])
            self._wrong("number", f"{text[:40]} has no +, and may be {which}", "write it with + and country code")
            return None
        return identity

    # -- the trunk

    def inbound(self) -> DesiredInbound | None:
        allow_any = self._yes("allow_any")
        listed = re.split(r"[\s,;]+", self._cells.get("allowed_addresses", ""))
        allowed = tuple(entry for entry in listed if entry) or None
        encryption = self._encryption("inbound_media_encryption")
        if allowed is not None:
            try:
                allowed = InboundUpdate(allowed_addresses=allowed, allow_any=allow_any).allowed_addresses
            except (InvalidInput, NotAllowed) as error:
                self._refused("allowed_addresses", error)
                return None
        if allowed is None and encryption is None and not allow_any:
            return None
        return DesiredInbound(allowed_addresses=allowed, media_encryption=encryption, allow_any=allow_any)

    def outbound(self) -> DesiredOutbound | None:
        encryption = self._encryption("outbound_media_encryption")
        address = None
        if "address" in self._cells:
            try:
                address = OutboundUpdate(address=self._cells["address"]).address
            except InvalidInput as error:
                self._refused("address", error)
        if address is None and encryption is None:
            return None
        return DesiredOutbound(address=address, media_encryption=encryption)

    def credentials(self) -> tuple[str | None, str | None]:
        username, password = self._cells.get("username"), self._cells.get("password")
        for fault in faults_of_credentials(username, password):
            self._wrong(*fault)
        if (username is None) != (password is None):
            missing = "username" if username is None else "password"
            self._wrong(missing, "it is missing: credentials are a pair or nothing")
        return username, password

    # -- the rest

    def agent(self, column: str) -> AgentRef | None:
        id, version = self._cells.get(column), self._cells.get(f"{column}_version")
        if id is None and version is not None:
            self._wrong(column, "there is a version, and no agent")
        if id is None:
            return None
        if version is None:
            self._wrong(f"{column}_version", "it is missing", "say published, draft or the provider's own word")
            return None
        return AgentRef(id, version=AgentVersion(version) if version in list(AgentVersion) else version)

    def _encryption(self, column: str) -> MediaEncryption | None:
        word = self._cells.get(column)
        words = [each for each in MediaEncryption if each is not MediaEncryption.UNKNOWN]
        if word is None:
            return None
        if word.lower() not in words:
            self._wrong(column, f"{word[:40]!r} is no word for it", f"write {', '.join(words)}")
            return None
        return MediaEncryption(word.lower())

    def _yes(self, column: str) -> bool:
        word = self._cells.get(column, "no").lower()
        if word not in _YES | _NO:
            self._wrong(column, f"{word[:40]!r} is neither yes nor no", "write yes, or leave it empty")
        return word in _YES


_SPOILT: Final = (
    (_SCIENTIFIC, "what a spreadsheet makes of a long number: digits of it are lost"),
    (_FRACTION, "what a spreadsheet makes of a long number: its + or its zeros may be lost"),
    (_DATE, "a date, and no number"),
    (_FORMULA, "a formula, or what a spreadsheet shows in the place of a value"),
)


def _other_readings(text: str, region: str) -> Iterator[str]:
    """What bare digits could be as well, if a spreadsheet took their + or their first zero away."""
    digits = re.sub(r"[^0-9]", "", text)
    if not re.fullmatch(r"[1-9][0-9 ().\-/]*", text):
        return
    for lost in ("+", "0"):
        try:
            found = parse_number(f"{lost}{digits}", region=region)
        except InvalidInput:
            continue
        if found.e164 is not None:
            yield found.e164
