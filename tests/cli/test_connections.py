"""Which connection a run uses, how fast, and with which key."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from telephony_core import Pace, Telephony
from telephony_core.cli.app import app
from telephony_core.cli.session import Session
from telephony_core.provider.registry import registry

LIST = ("numbers", "list", "--limit", "1", "--json")

FILE = """
[connections.kr-prod]
provider = "vox"
api_key = "env:KR_KEY"

[connections.es-prod]
provider = "diga"
api_key = "env:ES_KEY"
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("KR_KEY", "emulator-key")
    monkeypatch.setenv("ES_KEY", "emulator-key")
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def only_the_file(telephony, monkeypatch):
    """No keys of slugs in the environment."""
    monkeypatch.delenv("TELEPHONY_VOX_API_KEY")
    monkeypatch.delenv("TELEPHONY_DIGA_API_KEY")


def used(telephony):
    return [connection.name for connection in telephony.clients]


def test_a_slug_is_a_connection(telephony):
    telephony.json("numbers", "list", "--limit", "1", "-p", "diga")
    assert used(telephony) == ["diga"]


def test_the_option_may_stand_before_the_command_within_it_or_after_it(telephony):
    for arguments in (
        ("-p", "diga", "numbers", "list"),
        ("numbers", "-p", "diga", "list"),
        ("numbers", "list", "-p", "diga"),
        ("numbers", "list", "--provider=diga"),
    ):
        assert telephony(*arguments, "--limit", "1").exit_code == 0
    assert used(telephony) == ["diga"] * 4


def test_of_two_the_later_one_counts(telephony):
    assert telephony("-p", "vox", "numbers", "list", "--limit", "1", "-p", "diga").exit_code == 0
    assert used(telephony) == ["diga"]


def test_the_environment_names_the_connection_and_the_option_wins(telephony, monkeypatch):
    monkeypatch.setenv("TELEPHONY_PROVIDER", "diga")
    telephony(*LIST)
    telephony(*LIST, "-p", "vox")
    assert used(telephony) == ["diga", "vox"]


def test_the_only_one_that_is_configured_needs_no_name(telephony, monkeypatch):
    monkeypatch.delenv("TELEPHONY_DIGA_API_KEY")
    assert telephony(*LIST).exit_code == 0
    assert used(telephony) == ["vox"]


def test_of_several_one_has_to_be_named(telephony):
    error = telephony.error("numbers", "list")
    assert error["exit_code"] == 64
    assert "-p diga or -p vox" in error["message"]


@pytest.mark.usefixtures("only_the_file")
def test_without_any_the_error_says_how_to_configure_one(telephony, tmp_path):
    error = telephony.error("numbers", "list")
    assert (error["kind"], error["exit_code"]) == ("ConfigurationError", 78)
    assert "TELEPHONY_<SLUG>_API_KEY" in error["remedy"]
    assert str(tmp_path / "nothing-here" / "telephony" / "config.toml") in error["remedy"]


@pytest.mark.usefixtures("only_the_file")
def test_connections_are_named_in_a_file(telephony, file, monkeypatch):
    telephony(*LIST, "-p", "kr-prod", "--config", str(file))
    telephony("--config", str(file), *LIST, "-p", "es-prod")
    monkeypatch.setenv("TELEPHONY_CONFIG", str(file))
    telephony(*LIST, "-p", "es-prod")
    assert used(telephony) == ["kr-prod", "es-prod", "es-prod"]


@pytest.mark.usefixtures("only_the_file")
def test_the_users_own_file_is_found(telephony, file, monkeypatch, tmp_path):
    home = tmp_path / "home" / "telephony"
    home.mkdir(parents=True)
    file.rename(home / "config.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.parent))
    monkeypatch.setenv("APPDATA", str(home.parent))
    assert telephony(*LIST, "-p", "kr-prod").exit_code == 0


@pytest.mark.usefixtures("only_the_file")
def test_nothing_is_taken_from_the_working_directory(telephony, file, monkeypatch):
    (file.parent / "config.toml").write_text(FILE)
    (file.parent / "telephony").mkdir()
    (file.parent / "telephony" / "config.toml").write_text(FILE)
    monkeypatch.chdir(file.parent)
    assert telephony(*LIST, "-p", "kr-prod").exit_code == 78


def test_an_unknown_name_lists_the_known_ones(telephony, file):
    error = telephony.error("numbers", "list", "-p", "kr-pord", "--config", str(file))
    assert error["exit_code"] == 78
    assert "es-prod" in error["remedy"]
    assert "kr-prod" in error["remedy"]


def test_a_connection_without_a_key_says_which_variable_to_set(telephony, monkeypatch):
    monkeypatch.delenv("TELEPHONY_VOX_API_KEY")
    error = telephony.error("numbers", "list", "-p", "vox")
    assert error["exit_code"] == 78
    assert "TELEPHONY_VOX_API_KEY" in error["remedy"]


def test_a_wrong_key_is_an_authentication_failure_by_the_provider(telephony, monkeypatch):
    monkeypatch.setenv("TELEPHONY_VOX_API_KEY", "not-the-key")
    error = telephony.error("numbers", "list", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("AuthenticationFailed", 77)


def test_a_key_is_asked_for_at_a_terminal_and_not_shown(telephony, file, at_terminal):
    file.write_text('[connections.kr]\nprovider = "vox"\napi_key = "prompt:"\n')
    at_terminal()
    result = telephony("numbers", "list", "-p", "kr", "--config", str(file), "--limit", "1", stdin="emulator-key\n")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.strip() == "API key of connection 'kr':"


def test_a_key_cannot_be_asked_for_without_a_terminal(telephony, file):
    file.write_text('[connections.kr]\nprovider = "vox"\napi_key = "prompt:"\n')
    assert telephony.error("numbers", "list", "-p", "kr", "--config", str(file))["exit_code"] == 78


def test_a_file_with_a_key_that_others_can_read_draws_a_warning(telephony, file):
    file.write_text('[connections.kr]\nprovider = "vox"\napi_key = "emulator-key"\n')
    file.chmod(0o644)
    result = telephony(*LIST, "-p", "kr", "--config", str(file))
    assert result.exit_code == 0
    assert "chmod 600" in json.loads(result.stderr)["warning"]["message"]
    assert "emulator-key" not in result.output


def test_a_broken_file_is_named(telephony, file):
    file.write_text("[connections")
    error = telephony.error("numbers", "list", "-p", "vox", "--config", str(file))
    assert error["exit_code"] == 78
    assert str(file) in error["message"]


# -- pace


@pytest.fixture
def paces(monkeypatch):
    """The pace of every client that the command makes."""
    seen: list[Pace] = []
    original = Telephony.__init__

    def init(self, connection, **options):
        seen.append(connection.pace)
        original(self, connection, **options)

    monkeypatch.setattr(Telephony, "__init__", init)
    return seen


def run(vox, *arguments):
    return CliRunner().invoke(app, arguments, obj=Session(backend=lambda _connection: vox.backend()))


def test_without_a_pace_the_declared_one_is_kept(vox, monkeypatch, paces):
    monkeypatch.setenv("TELEPHONY_VOX_API_KEY", "emulator-key")
    assert run(vox, *LIST, "-p", "vox").exit_code == 0
    declared = registry.spec("vox").capabilities.rate_limit
    assert (paces[0].per_second, paces[0].per_minute) == (declared.per_second, declared.per_minute)


def test_a_connections_own_pace_wins(vox, file, paces):
    file.write_text(FILE.replace('"env:KR_KEY"', '"env:KR_KEY"\npace = { per_second = 50 }'))
    assert run(vox, *LIST, "-p", "kr-prod", "--config", str(file)).exit_code == 0
    assert (paces[0].per_second, paces[0].per_minute) == (50, None)


def test_names_to_choose_from_can_be_pasted(telephony, only_the_file, tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(FILE.replace("es-prod", '"es prod"'))
    result = telephony("numbers", "list", "--config", str(path))
    assert result.exit_code == 64
    assert "Say -p kr-prod or -p 'es prod'" in result.stderr
