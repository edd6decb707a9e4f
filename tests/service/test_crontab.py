from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.errors import WatcherError
from watcher.service.crontab import holds_block, with_block, without_block

others = st.lists(
    st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"])).filter(
        lambda line: "paper-watcher" not in line
    )
).map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(before=others, after=others)
def test_other_lines_survive_installing_changing_and_removing(before: str, after: str) -> None:
    table = with_block(before, "* * * * * old") + after
    changed = with_block(table, "* * * * * new")
    assert holds_block(changed)
    assert "old" not in changed.removeprefix(before).removesuffix(after)
    assert with_block(changed, "* * * * * new") == changed
    assert without_block(changed) == before + after


def test_a_table_that_does_not_end_its_last_line_gets_it_ended() -> None:
    assert with_block("@daily tidy", "job") == (
        "@daily tidy\n# BEGIN paper-watcher\njob\n# END paper-watcher\n"
    )


def test_removing_from_a_table_without_the_block_changes_nothing() -> None:
    assert not holds_block("@daily tidy")
    assert without_block("@daily tidy") == "@daily tidy"


@pytest.mark.parametrize(
    "table",
    [
        "# BEGIN paper-watcher\njob\n@daily tidy\n",
        "# END paper-watcher\n@daily tidy\n",
        "# END paper-watcher\njob\n# BEGIN paper-watcher\n",
        "# BEGIN paper-watcher\n" * 2 + "# END paper-watcher\n" * 2,
    ],
)
def test_damaged_marks_are_left_to_the_user(table: str) -> None:
    with pytest.raises(WatcherError, match="crontab -e"):
        with_block(table, "job")
    with pytest.raises(WatcherError, match="crontab -e"):
        without_block(table)
