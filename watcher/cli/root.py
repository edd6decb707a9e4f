"""`watcher`: the options before a command's name, and which module holds which command."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from watcher import __version__
from watcher.cli import (
    backtest,
    bounce,
    check_config,
    copies,
    copying,
    demo,
    doctor,
    history,
    installing,
    mail,
    papers,
    preview,
    resend,
    roster,
    running,
    search,
    serving,
    status,
    suggest,
    topics,
    wizard,
)
from watcher.cli.common import (
    Common,
    ConfigOption,
    JsonOption,
    QuietOption,
    StateOption,
    VerboseOption,
)

app = typer.Typer(
    name="watcher",
    help="Watches the papers pages of the Hugging Face Hub and mails the new ones your rules pick.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"watcher {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    quiet: QuietOption = False,
    version: Annotated[  # noqa: ARG001  # eager: answered before any command
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Watches papers pages, matches rules, mails digests."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack the letters of a title
        sys.stdout.reconfigure(errors="backslashreplace")
    context.obj = Common(config, state_dir, as_json, verbose, quiet)


for module in (
    running,
    serving,
    wizard,
    check_config,
    roster,
    status,
    history,
    resend,
    papers,
    search,
    backtest,
    suggest,
    topics,
    preview,
    mail,
    bounce,
    doctor,
    installing,
    copies,
    copying,
    demo,
):
    module.register(app)
