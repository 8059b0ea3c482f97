"""A tenant's plan leads a worker to the tenant's own files, and to nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telephony_core.errors import ConfigurationError, TelephonyError
from telephony_core.fleet.secrets import TenantSecrets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for tenant in ("acme", "acme2", "other"):
        (tmp_path / tenant).mkdir()
        (tmp_path / tenant / "trunk").write_text(f"canary of {tenant}\n")
    (tmp_path / "acme" / "link").symlink_to(tmp_path / "other" / "trunk")
    return tmp_path


def read(folder: Path, reference: str, tenant: str = "acme") -> str:
    return asyncio.run(TenantSecrets(folder).read(tenant, reference, what="password of carrier")).get_secret_value()


def test_a_file_of_the_tenant_is_read_by_either_name(folder: Path) -> None:
    assert read(folder, "file:trunk") == read(folder, f"file:{folder}/acme/trunk") == "canary of acme"
    assert read(folder, "file:trunk", "other") == "canary of other"


@pytest.mark.parametrize(
    "reference",
    [
        "file:../other/trunk", "file:/etc/passwd", "file:{}/other/trunk", "file:{}/acme2/trunk", "file:link", "file:",
        "file:a\0b", "env:CANARY", "prompt:", "canary-as-it-is",
    ],
)  # fmt: skip
def test_nothing_else_is_read(folder: Path, reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "canary of the worker")
    with pytest.raises(ConfigurationError, match="password of carrier: workers of a fleet read no secret") as error:
        read(folder, reference.format(folder))
    assert "canary" not in f"{error.value} {error.value.remedy}"


@pytest.mark.parametrize("tenant", ["..", "", "a/../other"])
def test_a_tenant_that_is_a_path_is_refused(folder: Path, tenant: str) -> None:
    with pytest.raises(TelephonyError, match="cannot name a tenant"):
        read(folder, "file:other/trunk", tenant)
