"""What an ElevenLabs workspace needs: an API key, and the region where it is not the global one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import model_validator

from telephony_core.errors import InvalidInput
from telephony_core.provider.port import ProviderConfig


class Region(StrEnum):
    """Where a workspace lives. A key belongs to one region and is unknown in every other one."""

    GLOBAL = "global"
    US = "us"
    EU = "eu"
    INDIA = "in"
    SINGAPORE = "sg"


# The environments of the vendor's SDK; the specification declares no servers.
BASE_URLS: Final[Mapping[Region, str]] = {
    Region.GLOBAL: "https://api.elevenlabs.io",
    Region.US: "https://api.us.elevenlabs.io",
    Region.EU: "https://api.eu.residency.elevenlabs.io",
    Region.INDIA: "https://api.in.residency.elevenlabs.io",
    Region.SINGAPORE: "https://api.sg.residency.elevenlabs.io",
}

# Guide "SIP trunking". It names no hosts of `us`; those of `global` are taken for it (README, Assumptions).
INBOUND_HOSTS: Final[Mapping[tuple[str, Region], str]] = {
    ("standard", Region.GLOBAL): "sip.rtc.elevenlabs.io",
    ("standard", Region.US): "sip.rtc.elevenlabs.io",
    ("static", Region.GLOBAL): "sip-static.rtc.elevenlabs.io",
    ("static", Region.US): "sip-static.rtc.elevenlabs.io",
    ("static", Region.EU): "sip-static.rtc.eu.residency.elevenlabs.io",
    ("static", Region.INDIA): "sip-static.rtc.in.residency.elevenlabs.io",
}
"""Where carriers send calls, by a number's ``livekit_stack`` and the region; for the others nobody documents it."""


class ElevenLabsConfig(ProviderConfig):
    """Settings of one ElevenLabs workspace.

    ``region`` chooses the base URL, and the base URL tells the region; with a base URL that is none of the vendor's (a
    proxy), ``region`` says where the workspace lives behind it.
    """

    base_url: str = BASE_URLS[Region.GLOBAL]
    region: Region = Region.GLOBAL

    @model_validator(mode="before")
    @classmethod
    def _one_from_the_other(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        region = given.get("region")
        # An unknown region is left to the field's own check, which names the words that would do.
        if "base_url" not in given and isinstance(region, str) and region in BASE_URLS:
            return {**given, "base_url": BASE_URLS[Region(region)]}
        if "region" not in given:
            url = str(given.get("base_url", "")).strip().rstrip("/").lower()
            return {**given, "region": next((name for name in Region if BASE_URLS[name] == url), Region.GLOBAL)}
        return given

    @model_validator(mode="after")
    def _agree(self) -> ElevenLabsConfig:
        # A key is unknown outside its region (vendor text on data residency): every request would be refused as a bad
        # key, and point to the wrong cause. A proxy has a URL of its own, and is taken as it is.
        if self.base_url in BASE_URLS.values() and self.base_url != BASE_URLS[self.region]:
            raise InvalidInput(
                f"the base URL is not that of the region {self.region}",
                remedy="give the region alone; a base URL is for proxies and emulators",
            )
        return self
