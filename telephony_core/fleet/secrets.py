"""Secrets of tenants as files, as orchestrators mount them: ``/run/secrets/TENANT/trunk.password``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from telephony_core.errors import ConfigurationError
from telephony_core.fleet.database import tenant_name
from telephony_core.migration.run.secret_resolver import SecretSource
from telephony_core.secrets.references import read_secret


@dataclass(frozen=True, slots=True)
class TenantSecrets(SecretSource):
    """A `SecretSource`: ``file:`` below the folder of the tenant, and nothing else.

    A plan is a tenant's own text. So it must not lead a worker to its variables, its own files or those of others:
    ``env:`` and ``prompt:`` are refused, and so is a path or a link out of the folder. Relative paths begin there.
    """

    folder: str | os.PathLike[str] = "/run/secrets"

    async def read(self, tenant: str, reference: str, *, what: str) -> SecretStr:
        mine = Path(self.folder, tenant_name(tenant)).resolve()
        kind, _, path = reference.partition(":")
        place = Path(mine, path).resolve() if "\0" not in path else mine.parent
        if kind != "file" or not path or not place.is_relative_to(mine):
            raise ConfigurationError(
                f"{what}: workers of a fleet read no secret from there",
                remedy=f"put it into a file below {mine}, and name it with file: and its path",
            )
        return read_secret(f"file:{place}", what=what)
