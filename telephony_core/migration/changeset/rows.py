"""What the cells of one row mean, and everything that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.sip import InboundUpdate, MediaEncryption, OutboundUpdate
from telephony_core.errors import InvalidInput, NotAllowed, TelephonyError, cli_words
from telephony_core.migration.changeset.credentials import faults_of_credentials
from telephony_core.migration.changeset.table import COLUMNS, Row, RowProblem
from telephony_core.migration.plan.model import DesiredInbound, DesiredOutbound

_PLAIN: Final = re.compile(r"\+[0-9]+")
"""Nothing that a spreadsheet spoilt."""
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
ALLOW_ANY_HERE: Final = (
    "name the carrier's addresses in `allowed_addresses`, or write yes in `allow_any` if it is meant"
)
_YES: Final = frozenset({"yes", "true", "1", "y"})
_NO: Final = frozenset({"no", "false", "0", "n"})


class _Fault(NamedTuple):
    """What is wrong with a cell, in whichever rows."""

    column: str | None
    message: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RowSettings:
    """What a row wants apart from its number and label. Rows of equal cells have the same object."""

    inbound: DesiredInbound | None
    outbound: DesiredOutbound | None
    inbound_agent: AgentRef | None
    outbound_agent: AgentRef | None
    username: str | None
    """Credentials are apart, for rows that share them share a trunk of the plan."""
    password: str | None = field(repr=False)
    faults: tuple[_Fault, ...]


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as a plan has it."""

    row: Row
    identity: NumberIdentity
    send_as_is: bool
    settings: RowSettings

    @property
    def line(self) -> int:
        return self.row.line

    @property
    def number(self) -> str:
        """As an import takes it."""
        return self.identity.raw if self.send_as_is else self.identity.e164 or self.identity.raw

    @property
    def label(self) -> str | None:
        return self.row.cells.get("label")


class RowReader:
    """Reads the rows of one table. What many rows have in common is read, and judged, once."""

    def __init__(self, region: str) -> None:
        """``region`` is where the provider reads bare digits."""
        self._region = region
        self._known: dict[tuple[str | None, ...], RowSettings] = {}

    def read(self, row: Row) -> tuple[ReadRow | None, list[RowProblem]]:
        """What a row says, and all that is wrong with it; ``None`` without a number."""
        cells = _Cells(row.cells)
        as_is = cells.yes("send_as_is")
        identity = cells.identity(self._region, as_is=as_is)
        settings = self._settings(row)
        problems = [RowProblem(row.line, *fault) for fault in (*cells.faults, *settings.faults)]
        return None if identity is None else ReadRow(row, identity, as_is, settings), problems

    def _settings(self, row: Row) -> RowSettings:
        key = tuple(map(row.cells.get, _SHARED))
        if (known := self._known.get(key)) is None:
            known = self._known[key] = _Cells(row.cells).settings()
        return known


_SHARED: Final = tuple(column for column in COLUMNS if column not in ("number", "send_as_is", "label"))


class _Cells:
    """Reads the cells of one row, and keeps what is wrong with them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells
        self.faults: list[_Fault] = []

    def _wrong(self, column: str | None, message: str, remedy: str | None = None) -> None:
        self.faults.append(_Fault(column, message, remedy))

    def _refused(self, column: str, error: TelephonyError) -> None:
        # The name of a model that refused it says nothing to the author of a table.
        remedy = ALLOW_ANY_HERE if isinstance(error, NotAllowed) else cli_words(error.remedy)
        self._wrong(column, re.sub(r"^\w+Update: (?:\w+: )?", "", error.message), remedy)

    # -- the number

    def identity(self, region: str, *, as_is: bool) -> NumberIdentity | None:
        text = self._cells.get("number")
        if text is None:
            self._wrong("number", "the number is missing")
            return None
        # Most numbers are a plus and digits: for these no pattern need be tried.
        for pattern, what in _SPOILT if _PLAIN.fullmatch(text) is None else ():
            if pattern.fullmatch(text):
                self._wrong("number", f"{text[:40]} is {what}", _AS_TEXT)
                return None
        if as_is:
            return NumberIdentity.parse(text, region=region)
        try:
            identity = parse_number(text, region=region)
        except InvalidInput as error:
            self._refused("number", error)
            return None
        # A spreadsheet takes a leading + or 0 away without a word. Digits that are a number as they are, and another
        # one with what may be missing, would be imported as the wrong one.
        others = sorted(set(_other_readings(text, region)) - {identity.e164})
        if others:
            which = " or ".join([*([identity.e164] if identity.e164 else []), *others])
            self._wrong("number", f"{text[:40]} has no +, and may be {which}", "write it with + and country code")
            return None
        return identity

    # -- the trunk

    def settings(self) -> RowSettings:
        inbound, outbound = self._inbound(), self._outbound()
        answering, calling = self._agent("inbound_agent"), self._agent("outbound_agent")
        username, password = self._credentials()
        return RowSettings(inbound, outbound, answering, calling, username, password, tuple(self.faults))

    def _inbound(self) -> DesiredInbound | None:
        allow_any = self.yes("allow_any")
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

    def _outbound(self) -> DesiredOutbound | None:
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

    def _credentials(self) -> tuple[str | None, str | None]:
        username, password = self._cells.get("username"), self._cells.get("password")
        for fault in faults_of_credentials(username, password):
            self._wrong(*fault)
        if (username is None) != (password is None):
            missing = "username" if username is None else "password"
            self._wrong(missing, "it is missing: credentials are a pair or nothing")
        return username, password

    # -- the rest

    def _agent(self, column: str) -> AgentRef | None:
        id, version = self._cells.get(column), self._cells.get(f"{column}_version")
        if id is None and version is not None:
            self._wrong(column, "there is a version, and no agent")
        if id is None:
            return None
        # A default would decide for the author which version of an agent answers calls.
        if version is None:
            self._wrong(f"{column}_version", "it is missing", "say published, draft or the provider's own word")
            return None
        return AgentRef(id, version=version)

    def _encryption(self, column: str) -> MediaEncryption | None:
        word = self._cells.get(column)
        words = [each for each in MediaEncryption if each is not MediaEncryption.UNKNOWN]
        if word is None:
            return None
        if word.lower() not in words:
            self._wrong(column, f"{word[:40]!r} is no word for it", f"write {', '.join(words)}")
            return None
        return MediaEncryption(word.lower())

    def yes(self, column: str) -> bool:
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
