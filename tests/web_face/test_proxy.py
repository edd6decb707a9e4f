"""Behind a real nginx that speaks TLS, configured as the guide says."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.documents import Document
from tests.web_face.browsing import Browser, free_port, link_in, pages_of, subscribe
from tests.world import World

pytestmark = pytest.mark.nginx

EVE = "eve@example.org"


@contextlib.contextmanager
def nginx(folder: Path, port: int, upstream: int) -> Iterator[Path]:
    """A real one with the guide's block for these ports; what it is trusted by."""
    authority = Authority(folder)
    certificate, key = authority.issue("localhost")
    [block] = [each for each in Document("docs/guide.md").blocks if each.language == "nginx"]
    site = block.text
    for said, here in (
        (r"listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (r"server_name \S+;", "server_name localhost;"),
        (r"ssl_certificate \S+;", f"ssl_certificate {certificate};"),
        (r"ssl_certificate_key \S+;", f"ssl_certificate_key {key};"),
        (r"/var/log/nginx/error\.log", str(folder / "error.log")),
        (r"127\.0\.0\.1:8466", f"127.0.0.1:{upstream}"),
    ):
        site, count = re.subn(said, here, site)
        assert count == 1, said
    own = "".join(
        f"{each}_temp_path {folder / each};\n"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        ("user root;\n" if os.geteuid() == 0 else "")  # or its worker may not enter the folder
        + f"worker_processes 1;\npid {folder / 'nginx.pid'};\nevents {{}}\n"
        f"http {{\naccess_log {folder / 'access.log'};\n{own}{site}\n}}\n"
    )
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program
    command = [
        program,
        "-p",
        str(folder),
        "-e",
        str(folder / "start.log"),
        "-c",
        str(configuration),
    ]
    subprocess.run(command, check=True, timeout=20)  # ends once its servant listens
    try:
        yield authority.ca_file
    finally:
        subprocess.run([*command, "-s", "stop"], check=True, timeout=20)


def test_the_whole_goes_through_a_web_server_in_front(world: World, tmp_path: Path) -> None:
    port, upstream = free_port(), free_port()
    public = f"https://localhost:{port}"
    folder = tmp_path / "nginx"
    folder.mkdir()
    world.fill()
    with contextlib.ExitStack() as stack:
        trusted_by = stack.enter_context(nginx(folder, port, upstream))
        tls = ssl.create_default_context(cafile=trusted_by)
        browser = stack.enter_context(Browser(port, public, tls=tls))
        with pages_of(world, public_url=public, port=upstream) as inside:
            confirm = _subscribed(world, browser, public)
            form: dict[str, str | list[str]] = {"form": _mark(browser), "act": "preview"}
            # Each says that it comes from elsewhere: two have gone before.
            told = [
                browser.post("/", form, **{"X-Forwarded-For": f"192.0.2.{each}"}).status
                for each in range(40)
            ]
            assert told.count(429) > 0, "all of them count for the network that nginx saw"
            assert inside.press(inside.get("/"), "See what would come").status == 422
        assert browser.client.get(confirm).status_code == 502, "nothing is served any more"
    logs = "".join(each.read_text() for each in sorted(folder.glob("*.log")))
    assert confirm.rpartition("/")[2] not in logs, "links of mails stand in no log"


def _subscribed(world: World, browser: Browser, public: str) -> str:
    """Subscribe and see what a browser sees; the link that confirmed."""
    mine = subscribe(world, browser, EVE)
    assert mine.url.startswith(f"{public}/manage/")
    [cookie] = browser.client.cookies.jar
    assert (cookie.name, cookie.secure) == ("__Host-form", True)
    assert mine.headers["Strict-Transport-Security"].startswith("max-age=")
    gone = browser.press(mine, "Delete", sure="yes")
    assert gone.heading == "It is deleted"
    return link_in(world.mails[-1], "confirm")


def _mark(browser: Browser) -> str:
    found = browser.get("/").tree.css_first("input[name=form]")
    assert found is not None
    return found.attributes["value"] or ""
