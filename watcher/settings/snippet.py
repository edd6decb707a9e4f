"""A rule on the command line."""

from __future__ import annotations

import tomllib

from pydantic import ValidationError

from watcher.errors import ConfigError, InvalidConfigError
from watcher.settings.explaining import problems_of
from watcher.settings.paths import dotted
from watcher.settings.syntax import fault_in
from watcher.settings.tables import RuleSettings, Settings

_ABOVE = len(("subscriptions", 0, "rules", 0))

EXAMPLE = 'any = ["diffusion*"], min_upvotes = 5'


def parse_rule(written: str) -> RuleSettings:
    """A rule as the lines of its table, or as what stands in an inline table.

    Raises ConfigError, its key relative to the rule.
    """
    whose = {"id": "rule", "to": "nobody@example.org", "rules": [_table(written)]}
    try:
        [subscription] = Settings.model_validate({"subscriptions": [whose]}).subscriptions
        return subscription.rules[0]
    except ValidationError as error:
        problems = [
            ConfigError(problem.message, key=dotted(problem.path[_ABOVE:]))
            for problem in problems_of(error, Settings)
        ]
        raise problems[0] if len(problems) == 1 else InvalidConfigError(problems) from None


def _table(written: str) -> dict[str, object]:
    text = written.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    # Shells leave `\n` as it is.
    lines = text if "\n" in text else text.replace("\\n", "\n")
    complaint = ""
    for form in (lines, f"rule = {{{' '.join(lines.splitlines())}}}"):
        try:
            found = tomllib.loads(form)
        except (ValueError, RecursionError) as error:
            complaint = complaint or str(error)
        else:
            table = found.get("rule", found)
            if isinstance(table, dict) and table:
                return table
            complaint = "empty"
    why = "" if "=" not in text else f"{fault_in(lines, complaint).message}; "
    raise ConfigError(f"{why}write a rule as in {EXAMPLE}")
