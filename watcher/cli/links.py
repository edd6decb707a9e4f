"""`subscriptions links`: the addresses at which a subscription can be read on the pages."""

from __future__ import annotations

import typer

from watcher.cli import names
from watcher.cli.common import ConfigOption, JsonOption, StateOption, common, guarded, print_json
from watcher.cli.standing import NameArgument
from watcher.errors import ConfigError


@guarded
def links(
    context: typer.Context,
    name: NameArgument,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the links to its archive and its feeds, for its recipients.

    Whoever has one can read what is mailed, for ten years or until the subscription ends.
    """
    from watcher import app
    from watcher.links import Links, Purpose

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load_whole("warning")
    web = loaded.settings.web
    secret = web.secret.get_secret_value()
    if not (secret and web.public_url):
        raise ConfigError(
            "there are no pages to link to: write `listen`, `public_url` and `secret_file` below"
            " [web]",
            path=loaded.path,
            key="web",
        )
    known = {each.id: each for each in loaded.settings.subscriptions}
    chosen = names.pick("subscription", name, {each.id: each.name for each in known.values()})
    made = Links(secret, web.public_url, app.utc_now)
    feed = made.url(Purpose.FEED, chosen)
    told = {
        "archive": made.url(Purpose.ARCHIVE, chosen),
        "atom": f"{feed}/atom.xml",
        "json_feed": f"{feed}/feed.json",
    }
    recipients = known[chosen].to
    if options.as_json:
        print_json({"id": chosen, "to": list(recipients), **told})
        return
    print(f"{chosen}, for {', '.join(recipients)}")
    for label, url in told.items():
        print(f"  {label.replace('_', ' '):<10} {url}")
