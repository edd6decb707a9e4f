from __future__ import annotations

from pathlib import Path

import pytest

from tests.digest import samples
from watcher.models import Rendered

MAILS: dict[str, Rendered] = samples.digests() | samples.notices()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The HTML of every mail in a file, by name."""
    folder = tmp_path_factory.mktemp("pages")
    for name, mail in MAILS.items():
        (folder / f"{name}.html").write_text(mail.html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in MAILS}
