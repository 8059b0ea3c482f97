"""Named accounts: where they come from, what is refused, and who serves a number."""

from __future__ import annotations

import asyncio
import os

import pytest

from telephony_core import ConfigurationError, Connection, Connections, InvalidInput, Pace, Telephony, errors
from telephony_core.accounts.connections import ReadableByOthers, user_file
from telephony_core.provider.registry import Installed
from telephony_core.secrets.references import is_reference, read_secret
from tests.provider.toy import SPEC, ToyServer

CANARY = "k3y-c4nary"


@pytest.fixture(autouse=True)
def only_the_toy_is_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "telephony_core.accounts.connections.registry.installed",
        lambda: (Installed("toy", "toy-dist", "1", "toy.plugin"),),
    )
    monkeypatch.setattr("telephony_core.client.base.registry.spec", {"toy": SPEC}.__getitem__)
    for name in ("TELEPHONY_CONFIG", "TELEPHONY_TOY_API_KEY", "TELEPHONY_TOY_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


def written(tmp_path, text: str, mode: int = 0o600) -> str:
    file = tmp_path / "telephony.toml"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def test_a_file_names_accounts(tmp_path):
    path = written(
        tmp_path,
        """
        [connections.kr-prod]
        provider = "toy"
        api_key = "env:KR_KEY"
        base_url = "https://toy.example"
        timeout = 5
        max_retries = 1
        pace = { per_second = 5, per_minute = 120 }
        settings = { insecure_host = "x" }
        """,
    )
    connection = Connections.load(path)["kr-prod"]
    assert (connection.name, connection.provider, connection.timeout, connection.max_retries) == (
        "kr-prod",
        "toy",
        5,
        1,
    )
    assert (connection.pace.per_second, connection.pace.per_minute) == (5, 120)
    assert connection.settings == {"insecure_host": "x"}


def test_a_reference_is_followed_when_a_client_is_made(tmp_path, monkeypatch):
    path = written(
        tmp_path, '[connections.a]\nprovider = "toy"\napi_key = "env:KR_KEY"\nbase_url = "https://t.example"'
    )
    connection = Connections.load(path)["a"]
    with pytest.raises(ConfigurationError, match=r"API key of connection 'a': the environment variable KR_KEY"):
        connection.config(SPEC)
    monkeypatch.setenv("KR_KEY", CANARY)
    assert connection.config(SPEC).api_key.get_secret_value() == CANARY


def test_the_file_is_found_by_variable_or_in_the_users_folder_and_never_here(tmp_path, monkeypatch):
    path = written(tmp_path, '[connections.a]\nprovider = "toy"')
    monkeypatch.chdir(tmp_path)
    assert list(Connections.load()) == []
    monkeypatch.setenv("TELEPHONY_CONFIG", path)
    assert list(Connections.load()) == ["a"]
    monkeypatch.delenv("TELEPHONY_CONFIG")
    folder = tmp_path / "home" / "telephony"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[connections.b]\nprovider = "toy"')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    assert user_file() == folder / "config.toml"
    assert list(Connections.load()) == ["b"]


def test_a_slug_is_a_name_too(monkeypatch):
    assert list(Connections.load()) == []
    assert Connections.load()["toy"].provider == "toy"
    assert "toy" in Connections.load()
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", CANARY)
    assert list(Connections.load()) == ["toy"]
    assert len(Connections.load()) == 1


def test_the_file_may_use_a_slug_for_itself():
    mine = Connection(provider="toy", name="toy", base_url="https://mine.example")
    assert Connections({"toy": mine})["toy"] is mine
    assert Connections({"toy": mine}).get("toy") is mine
    assert Connections().get("nothing", "default") == "default"


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ConfigurationError, match="a, toy"):
        Connections({"a": Connection(provider="toy")})["b"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("connections = 1", "not a table"),
        ("[conections.a]\nprovider = 'toy'", "unknown table conections"),
        ("[connections]\na = 1", "'a': it is not a table"),
        ("[connections.a]\napi_key = 'x'", "provider"),
        (f"[connections.a]\nprovider = 'toy'\napi_kee = '{CANARY}'", "api_kee"),
        (f"[connections.a]\nprovider = 'toy'\napi_key = ['{CANARY}']", "api_key"),
        (f"[connections.a]\nprovider = 'toy'\napi_key = '{CANARY}\nx = 1", "not valid TOML"),
        ("[connections.a]\nprovider = 'toy'\npace = { per_second = 0 }", "per_second"),
        ("[connections.a]\nprovider = 'toy'\npace = 5", r"pace: has to be a table \(names with values\), not int"),
        ("[connections.a]\nprovider = 'toy'\npace = { per_second = true }", "per_second: has to be a number, not bool"),
        ("[connections.a]\nprovider = 'toy'\ntimeout = 'long'", "timeout"),
        ("[connections.a]\nprovider = 'toy'\ntimeout = true", "timeout: has to be a number, not bool"),
        ("[connections.a]\nprovider = 'toy'\nmax_retries = true", "max_retries: has to be a whole number, not bool"),
        ("[connections.'']\nprovider = 'toy'", "'' is empty or"),
        ('[connections."a\\nb"]\nprovider = "toy"', r"'a\\nb' is empty or holds what cannot be seen"),
        ('[connections."a\\u202eb"]\nprovider = "toy"', "holds what cannot be seen"),
    ],
)
def test_a_wrong_file_is_refused_by_name_without_its_secrets(tmp_path, text, word):
    with pytest.raises(ConfigurationError, match=word) as caught:
        Connections.load(written(tmp_path, text))
    assert "telephony.toml" in str(caught.value)
    link, shown = caught.value, ""
    while link is not None:
        shown += f"{link} {link!r} {link.args}"
        link = link.__cause__ or link.__context__
    assert CANARY not in shown


@pytest.mark.parametrize("name", ["api_key", "base_url"])
def test_a_setting_that_the_connection_s_own_would_replace_is_refused(tmp_path, name):
    text = f"[connections.a]\nprovider = 'toy'\napi_key = 'x'\nsettings = {{ {name} = '{CANARY}' }}"
    with pytest.raises(ConfigurationError, match=f"connection 'a': {name} cannot be among its settings") as caught:
        Connections.load(written(tmp_path, text))["a"].config(SPEC)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("key", ["ENV:KEY", " env:KEY", "File:/run/secrets/key", "Prompt:"])
def test_a_misspelt_reference_is_not_sent_as_the_key(tmp_path, key):
    path = written(tmp_path, f'[connections.a]\nprovider = "toy"\napi_key = "{key}"\nbase_url = "https://t.example"')
    with pytest.raises(ConfigurationError, match="a reference to a secret, not the secret") as caught:
        Connections.load(path)["a"].config(SPEC)
    assert key not in str(caught.value)


def test_a_reference_in_the_variable_of_a_key_is_not_sent_as_the_key(monkeypatch):
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", "env:KEY")
    with pytest.raises(ConfigurationError, match="TELEPHONY_TOY_API_KEY is a reference to a secret"):
        Connections.load()["toy"].config(SPEC)


def test_a_missing_file_is_refused_when_it_was_named(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        Connections.load(tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        Connections.load(tmp_path / "x.toml")


def test_a_clear_key_that_others_can_read_draws_a_warning(tmp_path):
    text = f'[connections.a]\nprovider = "toy"\napi_key = "{CANARY}"'
    with pytest.warns(ReadableByOthers, match="chmod 600") as caught:
        Connections.load(written(tmp_path, text, 0o644))
    assert CANARY not in str(caught[0].message)
    assert Connections.load(written(tmp_path, text, 0o600))["a"].api_key.get_secret_value() == CANARY


def test_a_reference_that_others_can_read_is_no_secret(tmp_path):
    Connections.load(written(tmp_path, '[connections.a]\nprovider = "toy"\napi_key = "env:X"', 0o644))


# -- secrets by reference


def test_references_are_read_from_environment_file_and_prompt(monkeypatch, tmp_path):
    monkeypatch.setenv("PW", CANARY)
    (tmp_path / "pw").write_text(CANARY + "\n")
    asked = []
    answers = [
        read_secret("env:PW", what="password"),
        read_secret(f"file:{tmp_path / 'pw'}", what="password"),
        read_secret("prompt:", what="password", prompt=lambda text: asked.append(text) or CANARY),
    ]
    assert {answer.get_secret_value() for answer in answers} == {CANARY}
    assert asked == ["password: "]


@pytest.mark.parametrize(
    ("reference", "word"),
    [
        ("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("file:/nonexistent/pw", "cannot be read"),
        ("prompt:", "nobody here to ask"),
        ("env:", "not a reference"),
        (CANARY, "not a reference"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(reference, word):
    with pytest.raises(ConfigurationError, match=word) as caught:
        read_secret(reference, what="password")
    assert CANARY not in str(caught.value)


def test_an_empty_secret_is_told(tmp_path):
    (tmp_path / "pw").write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        read_secret(f"file:{tmp_path / 'pw'}", what="password")
    (tmp_path / "pw").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_secret(f"file:{tmp_path / 'pw'}", what="password")
    with pytest.raises(ConfigurationError, match="nothing was typed"):
        read_secret("prompt:", what="password", prompt=lambda _: "")
    with pytest.raises(ConfigurationError, match="prompt returned int and no text"):
        read_secret("prompt:", what="password", prompt=lambda _: 5)


def test_only_references_look_like_references():
    assert [is_reference(text) for text in ("env:X", "file:x", "prompt:", CANARY)] == [True, True, True, False]


# -- who serves a number?


@pytest.fixture
def two_accounts(monkeypatch):
    servers = {"https://a.example": ToyServer(), "https://b.example": ToyServer()}
    servers["https://a.example"].add("one", "07011112222")

    class Router:
        name = "router"

        def send(self, request, timeout):
            host = "/".join(request.url.split("/")[:3])
            url = request.url.replace(host, "https://toy.example")
            return servers[host].send(type(request)(request.method, url, request.headers, request.body), timeout)

        async def asend(self, request, timeout):
            return self.send(request, timeout)

        def close(self): ...

        async def aclose(self): ...

    monkeypatch.setattr("telephony_core.client.sync_client.sync_backend", lambda *_: Router())
    monkeypatch.setattr("telephony_core.client.async_client.async_backend", lambda *_: Router())
    return Connections(
        {n: Connection(provider="toy", name=n, api_key="k", base_url=f"https://{n}.example") for n in ("a", "b")}
        | {"broken": Connection(provider="toy", name="broken", api_key="env:NOT_SET_ANYWHERE")}
    )


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_every_account_is_asked_and_a_broken_one_hides_nothing(two_accounts, mode):
    ask = two_accounts.find if mode == "sync" else lambda *a, **k: asyncio.run(two_accounts.afind(*a, **k))
    located = ask("+82 70-1111-2222")
    assert [(name, number.id) for name, number in located.served_by] == [("a", "one")]
    assert list(located.failed) == ["broken"]
    assert isinstance(located.failed["broken"], errors.ConfigurationError)
    assert ask("070-1111-2222", region="KR").served_by


def test_only_e164_is_compared_across_accounts(two_accounts):
    with pytest.raises(InvalidInput, match=r"E\.164"):
        two_accounts.find("070-1111-2222")


def test_windows_keeps_its_files_elsewhere(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_file() == tmp_path / ".config" / "telephony" / "config.toml"
    assert os.name == "posix"


def test_a_declared_pace_is_taken_over():
    from telephony_core.provider.capabilities import RateLimit

    pace = Pace.declared(RateLimit(per_second=5, per_minute=None, source="somebody"))
    assert (pace.per_second, pace.per_minute) == (5, None)
    assert repr(Pace.declared(None)) == "Pace.unlimited()"


# -- connections are their own


@pytest.mark.parametrize("where", ["code", "mapping", "file"])
def test_a_named_connection_never_takes_the_key_of_the_environment(where, tmp_path, monkeypatch):
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", CANARY)
    monkeypatch.setenv("TELEPHONY_TOY_BASE_URL", "https://toy.example")
    connection = {
        "code": lambda: Connection(provider="toy", name="kr-prod", base_url="https://kr.example"),
        "mapping": lambda: Connections({"kr-prod": Connection(provider="toy", base_url="https://kr.example")})[
            "kr-prod"
        ],
        "file": lambda: Connections.load(
            written(tmp_path, '[connections.kr-prod]\nprovider = "toy"\nbase_url = "https://kr.example"')
        )["kr-prod"],
    }[where]()
    with pytest.raises(ConfigurationError, match="connection 'kr-prod': there is no API key") as caught:
        connection.config(SPEC)
    assert "TELEPHONY_TOY_API_KEY is the key of the connection 'toy' only" in caught.value.message
    assert "[connections.kr-prod]" in caught.value.remedy
    assert CANARY not in str(caught.value)


def test_a_named_connection_never_takes_the_url_of_the_environment(monkeypatch):
    monkeypatch.setenv("TELEPHONY_TOY_BASE_URL", "https://elsewhere.example")
    named = Connection(provider="toy", name="kr-prod", api_key="k3y")
    with pytest.raises(ConfigurationError, match="base_url"):  # the toy has no URL of its own
        named.config(SPEC)
    assert Connection(provider="toy", api_key="k3y").config(SPEC).base_url == "https://elsewhere.example"
    assert Connection(provider="toy", name="toy", api_key="k3y").config(SPEC).base_url == "https://elsewhere.example"


@pytest.mark.parametrize("name", ["", "toy"])
def test_the_slugs_own_connection_is_configured_by_the_environment(name, monkeypatch):
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", CANARY)
    monkeypatch.setenv("TELEPHONY_TOY_BASE_URL", "https://toy.example")
    config = Connection(provider="toy", name=name).config(SPEC)
    assert (config.api_key.get_secret_value(), config.base_url) == (CANARY, "https://toy.example")


def test_a_slugs_name_for_another_provider_takes_nothing_of_either(monkeypatch):
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", CANARY)
    monkeypatch.setenv("TELEPHONY_OTHER_API_KEY", CANARY)
    with pytest.raises(ConfigurationError, match="connection 'other': there is no API key"):
        Connections({"other": Connection(provider="toy", base_url="https://toy.example")})["other"].config(SPEC)


def test_a_connection_has_the_name_under_which_it_is_there():
    found = Connections({"a": Connection(provider="toy"), "b": Connection(provider="toy", name="toy")})
    assert [found[name].name for name in ("a", "b")] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "shown"), [("kr-prod", "toy (kr-prod at toy.example:8443) get_number: "), ("", "toy get_number: ")]
)
def test_a_client_and_its_errors_name_connection_and_host(name, shown):
    connection = Connection(provider="toy", name=name, api_key="k3y", base_url="https://toy.example:8443/v1")
    client = Telephony(connection, backend=ToyServer())
    assert (client.connection_name, client.host) == (name or "toy", "toy.example:8443")
    with pytest.raises(errors.ProviderError) as caught:
        client.get_number("nobody")
    assert (caught.value.connection, caught.value.host) == (name or "toy", "toy.example:8443")
    assert str(caught.value).startswith(shown)
    client.close()
    with pytest.raises(errors.ClientClosed) as closed:
        client.get_number("nobody")
    assert (closed.value.connection, closed.value.host) == (name or "toy", "toy.example:8443")


# -- machines as they are


@pytest.fixture
def homeless(monkeypatch):
    """A user that the machine does not know, as in many containers."""

    def nobody(_number):
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_there_is_no_file_and_the_environment_still_serves(monkeypatch):
    assert user_file() is None
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", "key")
    assert list(Connections.load()) == ["toy"]
    monkeypatch.setenv("TELEPHONY_CONFIG", "~/telephony.toml")
    with pytest.raises(ConfigurationError, match="no such path"):
        Connections.load()


@pytest.mark.parametrize(
    ("variable", "value"), [("XDG_CONFIG_HOME", "config"), ("XDG_CONFIG_HOME", "."), ("HOME", "h")]
)
def test_a_relative_folder_is_refused_because_it_is_another_one_everywhere(monkeypatch, variable, value):
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"{variable} names a relative folder"):
        Connections.load()


def test_a_folder_or_a_broken_link_in_place_of_the_file_is_told_and_not_skipped(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "telephony" / "config.toml"
    file.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="directory"):
        Connections.load()
    file.rmdir()
    file.symlink_to("config.toml")
    with pytest.raises(ConfigurationError, match="symbolic links"):
        Connections.load()
    file.unlink()
    file.symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="No such file"):
        Connections.load()


@pytest.mark.parametrize("home", ["/dev/null", "/nonexistent"])
def test_a_home_that_is_none_has_no_file(monkeypatch, home):
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    assert len(Connections.load()) == 0


@pytest.mark.parametrize(
    "setting",
    [
        "timeout = inf",
        "timeout = nan",
        "timeout = 1e308",
        f"max_retries = {'9' * 4000}",
        f"max_retries = {'9' * 5000}",
        "pace = {per_second = inf}",
        f"settings = {'[' * 5000}",
    ],
)
def test_absurd_numbers_and_nesting_are_refused(tmp_path, setting):
    (tmp_path / "c.toml").write_text(f'[connections.x]\nprovider = "vox"\n{setting}\n')
    with pytest.raises(ConfigurationError):
        Connections.load(tmp_path / "c.toml")


def test_a_file_with_a_byte_order_mark_is_read_and_one_in_utf_16_says_what_to_do(tmp_path):
    text = '[connections.x]\nprovider = "vox"\n'
    (tmp_path / "c.toml").write_bytes(text.encode("utf-8-sig"))
    assert "x" in Connections.load(tmp_path / "c.toml")
    (tmp_path / "c.toml").write_bytes(text.encode("utf-16"))
    with pytest.raises(ConfigurationError, match="save it as UTF-8"):
        Connections.load(tmp_path / "c.toml")


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_there_is_not_is_refused_before_the_key_goes_to_another(port):
    with pytest.raises(ConfigurationError, match="1 to 65535"):
        Connection(provider="toy", api_key="k3y", base_url=f"http://127.0.0.1:{port}").config(SPEC)
