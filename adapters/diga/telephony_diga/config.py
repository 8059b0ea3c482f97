"""What a Diga account needs: an API key, and a base URL where it is not the vendor's own."""

from __future__ import annotations

from pydantic import field_validator

from telephony_core.provider.port import ProviderConfig


class DigaConfig(ProviderConfig):
    """Settings of one Diga project: a key belongs to exactly one (vendor guide "API keys").

    Every path of this API begins with ``/v1``, and the base URL does not have it. The vendor's specification of 2025
    wrote it in both places, so a base URL copied from there is taken without its end.
    """

    base_url: str = "https://api.diga.io"

    @field_validator("base_url")
    @classmethod
    def _without_version(cls, url: str) -> str:
        # With it every request would go to /v1/v1/…, and be answered 404.
        return url.removesuffix("/v1")
