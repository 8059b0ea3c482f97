"""What an account at vox needs, and the options that only vox has."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

from telephony_core.provider.port import ProviderConfig

BASE_URL: Final = "https://client-api.tryvox.co/v3"
"""Production. The version is part of it. No sandbox is documented."""


class VoxConfig(ProviderConfig):
    """``api_key`` is an organization API key from the dashboard; ``base_url`` includes the ``/v3``."""

    # docs.tryvox.io and api.tryvox.io are another product, with a similar name.
    base_url: str = BASE_URL


class VoxOptions(BaseModel):
    """``options={"vox": {...}}`` of an import or of a change of trunk settings.

    ``no_authentication``: this trunk has no digest credentials, so its address is changed without the password that vox
    asks for (docs.tryvox.co, PATCH sip). Whether vox accepts that was never tried.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    no_authentication: bool = False
