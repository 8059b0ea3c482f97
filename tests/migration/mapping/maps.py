"""What the tests of maps are written with: a map from its tables, a refusal, and a number on a trunk."""

from __future__ import annotations

from typing import Any

import pytest

from telephony_core.domain.sip import CredentialState
from telephony_core.migration.mapping.map_file import MapError, MigrationMap
from tests.migration.scenes import number, trunk

HEAD = 'format = "telephony-core migration map"\nversion = 1\n'


def parsed(text: str) -> MigrationMap:
    return MigrationMap.parse(HEAD + text, where="map.toml")


def refusal(text: str) -> str:
    with pytest.raises(MapError) as raised:
        parsed(text)
    assert raised.value.remedy
    return raised.value.message


def on_trunk(raw: str = "+827011112222", address: str | None = "sip:pbx.example.com:5060", **sip: Any) -> Any:
    return number(raw, sip=trunk(address, credentials=CredentialState.UNKNOWN, **sip))
