"""Where the configuration and the state live."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from watcher.errors import ConfigError

SYSTEM_CONFIG = Path("/etc/paper-watcher/config.toml")
SYSTEM_STATE = Path("/var/lib/paper-watcher")
SYSTEM_CACHE = Path("/var/cache/paper-watcher")
_OURS = "paper-watcher"


def find_config(
    flag: Path | None, environ: Mapping[str, str], *, system: Path = SYSTEM_CONFIG
) -> Path:
    """The configuration file: `--config`, else the user's, else the system's.

    ConfigError, telling how to make one, where there is none. What a flag names need not exist.
    """
    if flag is not None:
        return flag.expanduser().absolute()
    own = user_config(environ)
    for path in (own, system):
        if _exists(path):
            return path
    raise ConfigError(
        f"there is no configuration: neither {own} nor {system} exists; "
        "`watcher init` makes one, --config names another"
    )


def find_state_dir(
    flag: Path | None,
    environ: Mapping[str, str],
    config_path: Path | None,
    *,
    system: Path = SYSTEM_CONFIG,
) -> Path:
    """The state directory, absolute; it need not exist.

    `--state-dir`, else the first of `$STATE_DIRECTORY` (systemd's), else /var/lib/paper-watcher for
    the system-wide configuration, else `$XDG_STATE_HOME/paper-watcher`.
    """
    if flag is not None:
        return flag.expanduser().absolute()
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given).absolute()
    if config_path is not None and config_path.absolute() == system:
        return SYSTEM_STATE
    return _base(environ, "XDG_STATE_HOME", ".local/state") / _OURS


def find_cache_dir(environ: Mapping[str, str], config_path: Path) -> Path | None:
    """Where what can be made again is kept; None where nobody's home is known.

    The first of `$CACHE_DIRECTORY` (systemd's), else /var/cache/paper-watcher for the system-wide
    configuration, else `$XDG_CACHE_HOME/paper-watcher`.
    """
    given = environ.get("CACHE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given).absolute()
    if config_path == SYSTEM_CONFIG:
        return SYSTEM_CACHE
    base = _base(environ, "XDG_CACHE_HOME", ".cache")
    return base / _OURS if base != Path("/.cache") else None


def user_config(environ: Mapping[str, str]) -> Path:
    """Where a user's own configuration is, or would be."""
    return _base(environ, "XDG_CONFIG_HOME", ".config") / _OURS / "config.toml"


def _base(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """A base directory; the specification has relative ones ignored."""
    given = Path(environ.get(variable, ""))
    return given if given.is_absolute() else Path(environ.get("HOME") or "/") / default


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # Who may not look is told so when the file is read.
        return True
    return True
