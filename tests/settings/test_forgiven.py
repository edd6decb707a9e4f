"""The short forms and slips that are taken as they are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.making import ONE, loaded, only
from watcher.settings import RuleSettings, SmtpSettings, SourceSettings, TopicSettings


def test_the_shortest_configuration(tmp_path: Path) -> None:
    text = '[[subscriptions]]\nto = "ada@example.org"\nany = "hypernetwork*"\n'
    config = loaded(tmp_path, text, TZ="Asia/Tokyo")
    subscription = only(config)
    assert (subscription.id, subscription.name) == ("papers", "papers")
    assert subscription.to == ("ada@example.org",)
    assert subscription.digest == "daily 08:00"
    assert subscription.rules == (RuleSettings(any=("hypernetwork*",)),)
    assert config.settings.sources == (
        SourceSettings(name="trending", page="trending"),
        SourceSettings(name="daily", page="daily"),
    )
    assert config.settings.schedule.timezone == "Asia/Tokyo"
    assert config.warnings == ()
    assert config.broken == ()


def test_single_tables_stand_for_arrays(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """
        [sources]
        page = "Weekly"
        [subscriptions]
        to = "ada@example.org"
        [subscriptions.rules]
        name = "mine"
        any = ["a", "b"]
        """,
    )
    assert config.settings.sources == (SourceSettings(name="weekly", page="weekly"),)
    assert only(config).rules == (RuleSettings(name="mine", any=("a", "b")),)


def test_a_single_string_stands_for_a_list(tmp_path: Path) -> None:
    keys = ["any", "all", "none", "topics", "authors", "organizations"]
    lines = "\n".join(f'{key} = "x"' for key in keys)
    config = loaded(tmp_path, f'{ONE}sources = "daily"\nfields = "Title"\n{lines}')
    (rule,) = only(config).rules
    assert all(getattr(rule, key) == ("x",) for key in keys)
    assert rule.fields == ("title",)
    assert only(config).sources == ("daily",)


def test_a_list_stands_for_a_topic(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'[topics]\nmine = ["x", "y"]\nhers = "z"\n{ONE}')
    assert config.settings.topics == {
        "mine": TopicSettings(any=("x", "y")),
        "hers": TopicSettings(any=("z",)),
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"8:00"', "daily 08:00"),
        ('"08:00"', "daily 08:00"),
        ("08:00:00", "daily 08:00"),
        ('"daily"', "daily 08:00"),
        ('"mon-fri 8:00"', "weekdays 08:00"),
        ('"0  8 1 * *"', "0 8 1 * *"),
    ],
)
def test_a_digest_key_is_brought_into_form(written: str, meant: str, tmp_path: Path) -> None:
    assert only(loaded(tmp_path, f"{ONE}digest = {written}")).digest == meant


def test_addresses_come_in_one_form(tmp_path: Path) -> None:
    text = """
        [mail]
        from = "Bücher, neue <papers@bücher.example>"
        operator = "mailto:root@localhost"
        [[subscriptions]]
        to = ["Ada <ada@EXAMPLE.org>", " ada@example.org", "bob@host.test", "Ada@example.org"]
    """
    config = loaded(tmp_path, text)
    mail = config.settings.mail
    assert mail.from_ == '"Bücher, neue" <papers@xn--bcher-kva.example>'
    assert mail.operator == mail.unsubscribe == "root@localhost"
    assert only(config).to == ("ada@example.org", "bob@host.test")


def test_who_is_not_named_follows_from_the_account(tmp_path: Path) -> None:
    text = '[smtp]\nhost = "h.example"\nusername = "papers@example.org"\npassword = "x"\n'
    mail = loaded(tmp_path, text + ONE).settings.mail
    assert mail.from_ == mail.operator == mail.unsubscribe == mail.reply_to == "papers@example.org"
    mail = loaded(tmp_path, f'[mail]\nfrom = "<me@example.org>"\n{text}{ONE}').settings.mail
    assert mail.from_ == mail.operator == "me@example.org"
    mail = loaded(tmp_path, f'[mail]\ntransport = "Maildir"\n{ONE}').settings.mail
    assert mail.from_ == mail.operator == "paper-watcher@localhost"


@pytest.mark.parametrize(
    ("lines", "security"),
    [
        ("", "starttls"),
        ("port = 465", "tls"),
        ('port = "465"', "tls"),
        ("port = 25", "starttls"),
        ('port = 465\nsecurity = "TLS"', "tls"),
        ('port = 25\nsecurity = "none"', "none"),
    ],
)
def test_the_port_implies_how_it_is_secured(lines: str, security: str, tmp_path: Path) -> None:
    text = f'[mail]\nfrom = "a@b.example"\n[smtp]\nhost = "h.example"\n{lines}\n{ONE}'
    assert loaded(tmp_path, text).settings.smtp.security == security


def test_the_port_implies_it_for_records_too() -> None:
    assert SmtpSettings(port=465).security == "tls"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("abcd efgh ijkl mnop", "abcdefghijklmnop"),
        ("abcd\u00a0efgh\u00a0ijkl\u00a0mnop", "abcdefghijklmnop"),
        ("correct horse battery staple", "correct horse battery staple"),
        (" abc ", " abc "),
    ],
)
def test_the_spaces_of_an_app_password_are_dropped(
    written: str, meant: str, tmp_path: Path
) -> None:
    text = f'[smtp]\nhost = "h.example"\nusername = "a@b.example"\npassword = "{written}"\n{ONE}'
    assert loaded(tmp_path, text).settings.smtp.password.get_secret_value() == meant


def test_urls_and_hosts_come_in_one_form(tmp_path: Path) -> None:
    text = f"""
        [http]
        base_url = " https://mirror.example/hub/ "
        proxy = "http://me:pass@proxy.example:3128"
        [mail]
        from = "a@b.example"
        [smtp]
        host = "[::1]"
        {ONE}
    """
    settings = loaded(tmp_path, text).settings
    assert settings.http.base_url == "https://mirror.example/hub"
    assert settings.smtp.host == "::1"
    assert settings.http.proxy == "http://me:pass@proxy.example:3128"
    assert "pass@" not in repr(settings)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "mail.localhost", "127.0.0.2", "::1"])
def test_a_password_may_go_to_this_machine_in_the_clear(host: str, tmp_path: Path) -> None:
    text = f"""
        [smtp]
        host = "{host}"
        port = 25
        security = "none"
        username = "a@b.example"
        password = "x"
        {ONE}
    """
    assert loaded(tmp_path, text).settings.smtp.security == "none"


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            '[http]\nbase_url = "http://mirror.example:8080/hub"\ntoken = "hf_x"\n',
            (
                "[http] base_url is plain http: whoever is on the way can read and change it, "
                "the token too"
            ),
        ),
        (
            '[http]\nbase_url = "http://mirror.example"\n',
            "[http] base_url is plain http: whoever is on the way can read and change it",
        ),
        (
            '[mail]\nfrom = "a@b.example"\n[smtp]\nhost = "h.example"\npassword = "x"\n',
            "[smtp] password is given without username, and so never used",
        ),
    ],
)
def test_what_is_hardly_meant_is_warned_of(text: str, warning: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, text + ONE).warnings == (warning,)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000"])
def test_plain_http_to_this_machine_is_nothing_to_warn_of(host: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, f'[http]\nbase_url = "http://{host}"\n{ONE}').warnings == ()


def test_without_a_subscription_there_is_a_warning(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").warnings == (
        "there is no subscription yet; `watcher add ADDRESS --any …` makes one",
    )


def test_a_renamed_key_warns_and_goes_on(tmp_path: Path) -> None:
    from watcher.settings import load

    path = tmp_path / "config.toml"
    path.write_text(
        '[mail]\nsender = "me@example.org"\n[[subscriptions]]\nto = "ada@example.org"\nmax = 5\n'
    )
    path.chmod(0o600)
    folder = tmp_path / "subscriptions.d"
    folder.mkdir()
    (folder / "bob.toml").write_text('to = "bob@example.org"\nmax = 6\nmax_papers = 7\n')
    config = load(
        path,
        environ={"WATCHER_HTTP__KEY": "hf_x"},
        renamed={
            "mail.sender": "mail.from",
            "subscriptions.max": "subscriptions.max_papers",
            "http.key": "http.token",
        },
    )
    assert config.settings.mail.from_ == "me@example.org"
    assert [each.max_papers for each in config.settings.subscriptions] == [5, 7]
    assert config.settings.http.token.get_secret_value() == "hf_x"
    assert config.warnings == (
        "WATCHER_HTTP__KEY is now called WATCHER_HTTP__TOKEN; the old name will go",
        f"{path}, line 2, mail.sender: is now called from; the old name will go",
        f"{path}, line 5, subscriptions[0].max: is now called max_papers; the old name will go",
        f"{folder / 'bob.toml'}, line 2, max: is now called max_papers; the old name will go",
    )


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *(("fr", "fr"), (" FR ", "fr"), ("fr-CA", "fr"), ("de_AT.UTF-8", "de"), ("zh-Hans", "zh")),
        *(("French", "fr"), ("Deutsch", "de"), ("日本語", "ja"), ("english", "en"), ("", "de")),
    ],
)
def test_languages_as_people_write_them(written: str, code: str, tmp_path: Path) -> None:
    config = loaded(tmp_path, f'[digest]\nlanguage = "German"\n{ONE}language = "{written}"\n')
    assert config.language(only(config)) == code
