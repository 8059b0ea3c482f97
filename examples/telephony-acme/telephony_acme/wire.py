"""What Acme sends, field by field, read strictly; only what makes a record usable is required."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class NumberRecord(_Wire):
    """A number. Keys that are not named here stay in the record's ``raw``."""

    id: Text
    e164: Text
    kind: str | None = None
    state: str | None = None
    app: Text | None = None
    trunk: dict[str, object] | None = None
    ends: str | None = None


class AddressRecord(_Wire):
    """Where a trunk is reached."""

    host: str = ""
    port: int | None = None
    transport: Literal["udp", "tcp", "tls"] | None = None


class TrunkRecord(_Wire):
    """The trunk of an imported number."""

    address: dict[str, object] | None = None
    username: Text | None = None
    allowed: list[str] | None = None
