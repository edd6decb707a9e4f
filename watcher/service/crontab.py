"""The watcher's own block in a user's crontab: whatever stands around it is not touched."""

from __future__ import annotations

from watcher.errors import WatcherError

_BEGIN, _END = "# BEGIN paper-watcher", "# END paper-watcher"


def holds_block(table: str) -> bool:
    """Whether the block is there."""
    return _BEGIN in table.split("\n")


def with_block(table: str, block: str) -> str:
    """The table with this block in the place of the old one, or at its end."""
    lines = _lines(table)
    at = lines.index(_BEGIN) if _BEGIN in lines else len(lines)
    rest = _lines(without_block(table))
    return "\n".join((*rest[:at], _BEGIN, block, _END, *rest[at:], ""))


def without_block(table: str) -> str:
    """The table as if it had never been there; WatcherError where its marks are damaged."""
    lines = _lines(table)
    marks = [line for line in lines if line in {_BEGIN, _END}]
    if not marks:
        return table
    if marks != [_BEGIN, _END]:
        raise WatcherError(
            f"the crontab has not one {_BEGIN!r} with its {_END!r} after it; "
            "put that right with `crontab -e`"
        )
    begin, end = lines.index(_BEGIN), lines.index(_END)
    return "".join(f"{line}\n" for line in (*lines[:begin], *lines[end + 1 :]))


def _lines(table: str) -> list[str]:
    return table.removesuffix("\n").split("\n") if table else []
