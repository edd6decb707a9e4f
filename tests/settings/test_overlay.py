"""What comes from the environment, from credentials and from files of secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.settings.making import ONE, loaded, mistake, write
from watcher.errors import ConfigError
from watcher.settings import Config, load

SMTP = '[smtp]\nhost = "h.example"\nusername = "a@b.example"\n'


def password(config: Config) -> str:
    return config.settings.smtp.password.get_secret_value()


def credentials(directory: Path, **files: str) -> str:
    for name, content in files.items():
        write(directory / "credentials", content, name)
    return str(directory / "credentials")


def test_every_key_of_a_table_may_come_from_the_environment(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        f'{SMTP}port = 25\nsecurity = "none"\n{ONE}',
        WATCHER_SMTP__PORT="465",
        watcher_smtp__security="tls",
        WATCHER_SMTP__PASSWORD="hunter2",
        WATCHER_MAIL__FROM="Me <me@example.org>",
        WATCHER_HTTP__TIMEOUT="1.5",
        WATCHER_LOG__LEVEL="DEBUG",
        WATCHER_STORE__URL="postgresql://me:hunter2@db.example/papers",
        WATCHER_SCHEDULE__TIMEZONE="Asia/Tokyo",
        WATCHER_HEALTH__QUIET_DAYS="",
    )
    settings = config.settings
    assert (settings.smtp.port, settings.smtp.security) == (465, "tls")
    assert password(config) == "hunter2"
    assert settings.mail.from_ == "Me <me@example.org>"
    assert settings.http.timeout == 1.5
    assert settings.log.level == "debug"
    assert config.store_url == "postgresql://me:hunter2@db.example/papers"
    assert settings.schedule.timezone == "Asia/Tokyo"
    assert settings.health.quiet_days == 7
    assert "hunter2" not in repr(config)


def test_a_table_may_come_from_the_environment_alone(tmp_path: Path) -> None:
    config = loaded(tmp_path, ONE, WATCHER_SMTP__HOST="h.example", WATCHER_MAIL__FROM="a@b.example")
    assert config.settings.smtp.host == "h.example"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (
            "WATCHER_SMTP__PASWORD",
            "unknown setting; did you mean WATCHER_SMTP__PASSWORD?",
        ),
        (
            "WATCHER_SMPT__PASSWORD",
            "unknown setting; did you mean WATCHER_SMTP__PASSWORD?",
        ),
        (
            "WATCHER_SMTP__CA_FILE_NAME__X",
            "unknown setting; did you mean WATCHER_SMTP__CA_FILE?",
        ),
        (
            "WATCHER_HTTP__TIMEZONE",
            "unknown setting; did you mean WATCHER_SCHEDULE__TIMEZONE?",
        ),
        (
            "WATCHER_MAIL__TIMEOUT",
            "unknown setting; did you mean WATCHER_HTTP__TIMEOUT or WATCHER_SMTP__TIMEOUT?",
        ),
        (
            "WATCHER_X__Y",
            (
                "unknown setting; WATCHER_TABLE__KEY has these tables: "
                "digest, dkim, health, http, log, mail, metrics, schedule, smtp, store, web"
            ),
        ),
        (
            "WATCHER_SUBSCRIPTIONS__0__TO",
            (
                "subscriptions cannot come from the environment; "
                "write them into the configuration file"
            ),
        ),
        (
            "WATCHER_TOPICS__MINE",
            "topics cannot come from the environment; write them into the configuration file",
        ),
    ],
)
def test_an_unknown_setting_is_refused(name: str, answer: str, tmp_path: Path) -> None:
    assert mistake(tmp_path, ONE, {name: "hunter2"}) == f"{name}: {answer}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("WATCHER_PORT_8080_TCP", ""),
        ("WATCHER_SERVICE_HOST", ""),
        ("WATCHER_SMTP_PASSWORD", "; did you mean WATCHER_SMTP__PASSWORD?"),
        ("WATCHER_SMTP", ""),
    ],
)
def test_what_containers_put_there_is_only_warned_of(name: str, hint: str, tmp_path: Path) -> None:
    warning = f"{name} in the environment is not a setting{hint}"
    assert loaded(tmp_path, ONE, **{name: "tcp://10.0.0.1"}).warnings == (warning,)


def test_a_wrong_value_is_told_by_its_variable(tmp_path: Path) -> None:
    environ = {"WATCHER_SMTP__PORT": "many", "WATCHER_MAIL__FROM": "me"}
    assert mistake(tmp_path, ONE, environ) == (
        'WATCHER_MAIL__FROM: "me" is not an e-mail address: An email address must have an @-sign.\n'
        "WATCHER_SMTP__PORT: expected a whole number, not text: port = 587"
    )


def test_a_table_that_is_none_is_told_all_the_same(tmp_path: Path) -> None:
    environ = {"WATCHER_SMTP__PASSWORD": "x", "WATCHER_HTTP__CA_FILE": "~nobody-here/x"}
    assert mistake(tmp_path, "smtp = 3\nlog = 3\n", environ) == (
        'WATCHER_HTTP__CA_FILE: there is no home directory for "~nobody-here"\n'
        "config.toml, line 1, smtp: expected a table, not a number: "
        "write [smtp] on a line of its own, and its keys below\n"
        "config.toml, line 2, log: expected a table, not a number: "
        "write [log] on a line of its own, and its keys below"
    )


@pytest.mark.parametrize("name", ["smtp.password", "smtp_password"])
def test_a_secret_may_be_a_credential(name: str, tmp_path: Path) -> None:
    directory = credentials(tmp_path, **{name: "secret\n", "other": "x"})
    config = loaded(tmp_path, f'{SMTP}password = "y"\n{ONE}', CREDENTIALS_DIRECTORY=directory)
    assert password(config) == "secret"
    assert config.warnings == ()


def test_credentials_give_other_keys_too(tmp_path: Path) -> None:
    files = {"store.url": "postgresql:///papers\r\n", "http_token": "hf_x"}
    directory = credentials(tmp_path, **files)
    config = loaded(tmp_path, ONE, CREDENTIALS_DIRECTORY=directory)
    assert config.store_url == "postgresql:///papers"
    assert config.settings.http.token.get_secret_value() == "hf_x"


def test_the_environment_goes_before_credentials_and_these_before_the_file(tmp_path: Path) -> None:
    write(tmp_path, "from file", "named")
    directory = credentials(tmp_path, **{"smtp.password": "from credential"})
    text = f'{SMTP}password_file = "named"\n{ONE}'
    assert password(loaded(tmp_path, text)) == "from file"
    given = {"CREDENTIALS_DIRECTORY": directory}
    assert password(loaded(tmp_path, text, **given)) == "from credential"
    given["WATCHER_SMTP__PASSWORD"] = "from environment"
    assert password(loaded(tmp_path, text, **given)) == "from environment"
    given["WATCHER_SMTP__PASSWORD"] = ""
    given["WATCHER_SMTP__PASSWORD_FILE"] = "named"
    assert password(loaded(tmp_path, text, **given)) == "from file"
    assert password(loaded(tmp_path, f'{SMTP}password = "x"\n{ONE}', **given)) == "from file"


def test_a_misspelt_credential_is_warned_of(tmp_path: Path) -> None:
    directory = credentials(tmp_path, **{"smtp.pasword": "x"})
    assert loaded(tmp_path, ONE, CREDENTIALS_DIRECTORY=directory).warnings == (
        "credential smtp.pasword is not used; did you mean smtp.password?",
    )


def test_a_credential_that_is_wrong_is_told_by_its_file(tmp_path: Path) -> None:
    files = {"smtp.password": "\n", "smtp.port": "many"}
    environ = {"CREDENTIALS_DIRECTORY": credentials(tmp_path, **files)}
    assert mistake(tmp_path, ONE, environ) == (
        "smtp.password: credentials/smtp.password is empty\n"
        "credentials/smtp.port, smtp.port: expected a whole number, not text: port = 587"
    )


def test_credentials_that_cannot_be_read(tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "absent")}
    assert mistake(tmp_path, ONE, environ) == (
        "$CREDENTIALS_DIRECTORY, absent, cannot be read: No such file or directory"
    )


@pytest.mark.parametrize(
    ("content", "secret"),
    [("x\n", "x"), ("x\r\n", "x"), ("x", "x"), (" x \n", " x "), ("x\\n\n", "x\\n")],
)
def test_a_file_of_a_secret_loses_its_last_line_break(
    content: str, secret: str, tmp_path: Path
) -> None:
    (tmp_path / "named").write_bytes(content.encode())
    (tmp_path / "named").chmod(0o600)
    config = loaded(tmp_path, f'{SMTP}password_file = "named"\n{ONE}')
    assert password(config) == secret
    assert config.settings.smtp.password_file == tmp_path / "named"
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"", "named is empty"),
        (b"\n", "named is empty"),
        (b"  \n", "named is empty"),
        (b"a\nb\n", "named holds more than one line; it must hold the secret alone"),
        (b"\xff", "named is not UTF-8 text"),
    ],
)
def test_a_file_without_a_secret_is_refused(content: bytes, answer: str, tmp_path: Path) -> None:
    (tmp_path / "named").write_bytes(content)
    text = f'{ONE}[http]\ntoken_file = "named"\n'
    assert mistake(tmp_path, text) == f"config.toml, line 5, http.token_file: {answer}"


def test_a_directory_is_no_secret(tmp_path: Path) -> None:
    text = f'{ONE}[http]\ntoken_file = "{tmp_path}"\n'
    answer = mistake(tmp_path, text).replace(str(tmp_path), "…")
    assert answer == "config.toml, line 5, http.token_file: … cannot be read: Is a directory"


def test_a_secret_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "hf_x", "token")
    text = f'[http]\ntoken_file = "token"\n{ONE}'
    path.chmod(0o640)
    assert loaded(tmp_path, text).warnings == ()
    path.chmod(0o644)
    assert mistake(tmp_path, text) == (
        "config.toml, line 2, http.token_file: everybody on this machine can read token; "
        "nothing is done until `chmod o-r token`"
    )


SECRETS = [
    ('[http]\ntoken = "hf_x"', "[http] token"),
    ('[smtp]\npassword = "x"', "[smtp] password"),
    (
        '[mail]\nunsubscribe_secret = "0123456789abcdef0123456789abcdef"',
        "[mail] unsubscribe_secret",
    ),
    ('[dkim]\nselector = "x"\nkey = "x"\ndomain = "example.org"', "[dkim] key"),
    (
        '[dkim]\ned25519_selector = "x"\ned25519_key = "x"\ndomain = "example.org"',
        "[dkim] ed25519_key",
    ),
    ('[health]\nping_url = "https://hc-ping.com/x"', "[health] ping_url"),
    ('[http]\nproxy = "http://me:x@proxy.example:3128"', "[http] proxy"),
    ('[store]\nurl = "postgresql://me:x@db.example/papers"', "[store] url"),
]


@pytest.mark.parametrize(("text", "told"), SECRETS, ids=[told for _, told in SECRETS])
def test_a_configuration_with_a_secret_that_everybody_can_read_is_refused(
    text: str, told: str, tmp_path: Path
) -> None:
    path = write(tmp_path, f"{text}\n{ONE}")
    path.chmod(0o604)
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert (
        f"everybody on this machine can read {told} in this file; nothing is done until "
        f"`chmod o-r {path}`"
    ) in str(caught.value)
    [command] = re.findall(r"`chmod o-r (.*)`", str(caught.value))
    subprocess.run(["chmod", "o-r", command], check=True)
    load(path, environ={})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example/papers?user=me&password=x",
        "postgresql://db.example/papers?SSLpassword=x",
        "postgresql://me:x/y@db.example/papers",
        "postgresql://me:x@y@db.example/papers",
    ],
)
def test_a_password_is_seen_wherever_it_stands_and_though_the_environment_goes_before(
    url: str, tmp_path: Path
) -> None:
    path = write(tmp_path, f'[store]\nurl = "{url}"\n{ONE}')
    path.chmod(0o604)
    with pytest.raises(ConfigError, match=r"can read \[store\] url in this file"):
        load(path, environ={"WATCHER_STORE__URL": "postgresql:///papers"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[http]\nproxy = "http://proxy.example:3128"',
        '[store]\nurl = "postgresql://me@db.example/papers"',
        '[store]\nurl = "postgresql://me@db.example:5432/papers?passfile=/srv/x&application_name=a@b"',
        '[smtp]\npassword = ""',
    ],
)
def test_without_a_secret_everybody_may_read_it(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"{text}\n{ONE}")
    path.chmod(0o644)
    assert load(path, environ={"TZ": "UTC"}).warnings == ()


def test_two_secrets_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, f'[http]\ntoken = "hf_x"\n{SMTP}password = "x"\n{ONE}')
    path.chmod(0o604)
    with pytest.raises(ConfigError, match=r"\[http\] token and \[smtp\] password"):
        load(path, environ={})


def test_relative_paths_start_where_it_is_documented(tmp_path: Path) -> None:
    write(tmp_path, "x", "ca.pem")
    text = f"""
        [http]
        ca_file = "ca.pem"
        [smtp]
        ca_file = "~/ca.pem"
        password_file = ""
        [log]
        file = "watcher.log"
        [mail]
        maildir = "~/mail"
        {ONE}
    """
    settings = loaded(tmp_path, text, STATE_DIRECTORY="/state").settings
    assert settings.http.ca_file == settings.smtp.ca_file == tmp_path / "ca.pem"
    assert settings.smtp.password_file is None
    assert settings.log.file == Path("/state/watcher.log")
    assert settings.mail.maildir == tmp_path / "mail"
