"""What is read off the tables."""

from __future__ import annotations

from watcher.settings import RuleSettings, Settings, SmtpSettings, TopicSettings, schema


def test_tables_by_their_paths() -> None:
    assert schema.table_at(Settings, ("smtp",)) is SmtpSettings
    assert schema.table_at(Settings, ("topics", "mine")) is TopicSettings
    assert schema.table_at(Settings, ("subscriptions", 3, "rules", 1)) is RuleSettings
    assert schema.table_at(Settings, ("smtp", "host")) is None
    assert schema.table_at(Settings, ("smpt",)) is None


def test_tables_by_their_headers() -> None:
    assert " ".join(schema.headers()) == (
        "[schedule] [http] [store] [mail] [smtp] [digest] [dkim] [health] [metrics] [web] "
        "[log] [[sources]] [topics.NAME] [[subscriptions]] [[subscriptions.rules]]"
    )
    assert ("mail", "from") in schema.scalars()
    assert "id" not in schema.keys(schema.headers()["[[subscriptions]]"])
