"""Mails are signed so that nothing in them can be changed, and no header added that counts."""

from __future__ import annotations

import base64
import datetime as dt
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tests import documents
from tests.settings.making import ONE, loaded, write
from tests.signing import DKIM, ed25519_key, rsa_key, verdicts, write_keys, zone
from watcher.digest import Letter, boundary_for
from watcher.errors import ConfigError, RenderError
from watcher.mail import Signer, make_signer
from watcher.models import Rendered

AT = dt.datetime(2026, 2, 19, 8, 0, 30, 999_999, tzinfo=dt.UTC)
FROM = '[mail]\nfrom = "Papers <papers@example.org>"\n'
MAIL_ID = "<1@example.org>"
MESSAGE = Letter(
    Rendered("A Café of 2 papers", "one\n\n  two  \n\n\n", "<p>one</p>\n<p>two</p>"),
    sender="Papers <papers@example.org>",
    sent_at=AT,
    boundary=boundary_for(MAIL_ID),
    headers={
        "List-Id": "<papers.example.org>",
        "List-Unsubscribe": "<https://example.org/u/1>, <mailto:papers@example.org>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "Feedback-ID": "papers:digest:paper-watcher",
    },
).addressed("ada@example.org", MAIL_ID)

SHORT = """\
-----BEGIN PRIVATE KEY-----
MIIB5gIBADANBgkqhkiG9w0BAQEFAASCAdAwggHMAgEAAmEA5aOIGECRVKhSK4tn
k6ssTSUKh3ogkjmbZPTMq5cBv7Uj2BFQT21fiukmrjEoZig+bp0zI167ekUL+3n2
5UelR8df/Td4tEK/dz/P/XFL9XsIFhLf9CgpElJLGiJP8noHAgMBAAECYQDW2T2H
k0Flt2XJn8/0dP4p3zIOttCqfoNI3VBwagQU3OEAUpKU/Xuad7Dc4NkvWw3onAnV
Kc/Tj4aPQlGK+Aw0L9r/VP34z4qlSB3H83EYHTgyx7s9X+JsIFMCQ+LiDyECMQD3
kjnkPXBO1vhhiODCMh8q1433N3IQTL8gtEvjpfKLAaTicmCqfn7WDori3q5bPOsC
MQDtdQLCw4zhP+hrU8yMweRRoFA2/8DXk1IzKX0epic3aVZPGW7RCiTVMffzbpAl
wFUCMBoXfCh03TBB8b19yopM9AH0485pNolHPWF5/wGIDM7fpnwDJ/LwD/gJYlPU
ujV9bwIxAJook/FDqQt3RPmgvrRHEGZZ0JnUMisCTqQ+dCdYsS8NKOZTWZlGn6D1
PscAaX7IvQIxAJ+F60WCPlsiE1H/rVHnvTGFf21gPPUrLdbzR1C3/LMTfuSXCFiY
yPggBBfWrFicyw==
-----END PRIVATE KEY-----
"""


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    write_keys(tmp_path)
    return make_signer(loaded(tmp_path, FROM + DKIM + ONE))


def judged(signer: Signer, message: bytes) -> list[bool]:
    return verdicts(message, zone(signer.records), AT)


def header_of(message: bytes, index: int) -> dict[str, str]:
    """The tags of a signature, white space left out."""
    head = re.sub(rb"\r\n[ \t]", b"", message.partition(b"\r\n\r\n")[0])
    lines = [line for line in head.split(b"\r\n") if line.startswith(b"DKIM-Signature: ")]
    tags = lines[index].decode().partition(": ")[2].replace(" ", "").split(";")
    return dict(tag.split("=", 1) for tag in tags)


def test_a_receiver_finds_both_signatures_good(signer: Signer) -> None:
    signed = signer.sign(MESSAGE, AT)
    assert signed.endswith(MESSAGE)
    assert judged(signer, signed) == [True, True]
    rsa_tags, ed25519_tags = header_of(signed, 0), header_of(signed, 1)
    assert (rsa_tags["a"], rsa_tags["s"]) == ("rsa-sha256", "papers")
    assert (ed25519_tags["a"], ed25519_tags["s"]) == ("ed25519-sha256", "papers-ed25519")
    for tags in (rsa_tags, ed25519_tags):
        assert (tags["d"], tags["c"]) == ("example.org", "relaxed/relaxed")
        assert tags["t"] == str(int(AT.timestamp()))
        assert tags["h"].split(":").count("from") == 2
        assert "l" not in tags, "a part of the body would be anybody's"


def test_another_key_in_dns_is_a_forgery(signer: Signer, tmp_path: Path) -> None:
    signed = signer.sign(MESSAGE, AT)
    write_keys(tmp_path, "theirs")
    other = make_signer(loaded(tmp_path, FROM + DKIM + ONE))
    assert judged(other, signed) == [False, False]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"two", b"tw0"),
        (b"<p>one</p>", b"<p>One</p>"),
        (b"--\r\n", b"--\r\nmore\r\n"),
        (b"From: Papers", b"From: Eve"),
        (b"To: ada@", b"To: eve@"),
        (b"Subject: =?", b"Subject: x =?"),
        (b"08:00:30", b"08:00:31"),
        (b"<1@example.org>", b"<2@example.org>"),
        (b"List-Id: <papers", b"List-Id: <others"),
        (b"example.org/u/1", b"example.org/u/2"),
        (b"=One-Click", b"=Two-Click"),
        (b"auto-generated", b"no"),
        (b"MIME-Version: 1.0", b"MIME-Version: 2.0"),
        (b"multipart/alternative", b"multipart/mixed"),
        (b"d=example.org", b"d=example.com"),
    ],
)
def test_whatever_is_changed_is_found(signer: Signer, before: bytes, after: bytes) -> None:
    signed = signer.sign(MESSAGE, AT)
    assert before in signed
    assert judged(signer, signed.replace(before, after)) == [False, False]


@pytest.mark.parametrize(
    "header",
    [
        *("From: eve@example.org", "To: eve@example.org", "Cc: eve@example.org"),
        *("Reply-To: eve@example.org", "Subject: x", "Date: Thu, 19 Feb 2026 09:00:00 +0000"),
        *("Message-ID: <x@y>", "MIME-Version: 1.0", "Content-Type: text/html"),
        *("List-Id: <x.y>", "List-Unsubscribe: <mailto:eve@example.org>"),
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ],
)
@pytest.mark.parametrize("is_list", [True, False], ids=["to a list", "to one"])
def test_a_header_that_counts_cannot_be_added(signer: Signer, header: str, is_list: bool) -> None:
    message = MESSAGE if is_list else re.sub(rb"(?m)^List-.*\r\n", b"", MESSAGE)
    signed = signer.sign(message, AT)
    assert judged(signer, signed) == [True, True]
    added = header.encode() + b"\r\n"
    assert judged(signer, added + signed) == [False, False]
    below = signed.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1)
    assert judged(signer, below) == [False, False]


def test_what_mail_servers_do_on_the_way_leaves_them_good(signer: Signer) -> None:
    signed = signer.sign(MESSAGE, AT)
    traced = b"Return-Path: <b@example.org>\r\nReceived: from a by b; x\r\n" + signed
    refolded = traced.replace(b"<https://example.org/u/1>, ", b"<https://example.org/u/1>,\r\n\t")
    respaced = refolded.replace(b"To: ada", b"TO:  ada") + b"\r\n\r\n"
    assert respaced.count(b"\r\n\t<mailto") == 1
    assert judged(signer, respaced) == [True, True]


def test_the_same_mail_is_signed_alike_whatever_the_hour(signer: Signer) -> None:
    with time_machine.travel(AT):
        first = signer.sign(MESSAGE, AT)
    with time_machine.travel(AT + dt.timedelta(days=4000)):
        assert signer.sign(MESSAGE, AT) == first
        assert signer.sign(MESSAGE, AT + dt.timedelta(seconds=1)) != first


def test_its_lines_are_short_and_names_are_never_folded(tmp_path: Path) -> None:
    write(tmp_path, rsa_key(bits=4096), "rsa.pem")
    write(tmp_path, ed25519_key(), "ed25519.pem")
    domain, selector = "a" * 60 + ".org", "s" * 62
    text = DKIM.replace('"papers', f'"{selector[:54]}')
    text = text.replace("[dkim]", f'[dkim]\ndomain = "{domain}"')
    signer = make_signer(loaded(tmp_path, FROM.replace("@", f"@{domain[:60]}.") + text + ONE))
    signed = signer.sign(MESSAGE, AT)
    added = signed.removesuffix(MESSAGE)
    assert added.isascii()
    assert max(map(len, added.split(b"\r\n"))) <= 78
    assert b"\n" not in added.replace(b"\r\n", b"")
    for record in signer.records:
        assert f" s={record.selector};".encode() in added
    assert added.count(f" d={domain};".encode()) == 2
    assert judged(signer, signed) == [True, True]


@pytest.mark.parametrize("kept", ["rsa", "ed25519"])
def test_one_key_of_either_kind_is_enough(tmp_path: Path, kept: str) -> None:
    write_keys(tmp_path)
    lines = [line for line in DKIM.splitlines() if "=" in line]
    mine = [line for line in lines if ("ed25519" in line) == (kept == "ed25519")]
    signer = make_signer(loaded(tmp_path, FROM + "[dkim]\n" + "\n".join(mine) + ONE))
    [record] = signer.records
    assert record.algorithm == kept
    assert judged(signer, signer.sign(MESSAGE, AT)) == [True]


def test_a_key_may_come_from_the_environment_or_a_credential(tmp_path: Path) -> None:
    text = FROM + '[dkim]\nselector = "s"\n' + ONE
    given = make_signer(loaded(tmp_path, text, WATCHER_DKIM__KEY=rsa_key()))
    write(tmp_path, rsa_key(), "credentials/dkim.key")
    folder = str(tmp_path / "credentials")
    found = make_signer(loaded(tmp_path, text, CREDENTIALS_DIRECTORY=folder))
    assert given.sign(MESSAGE, AT) == found.sign(MESSAGE, AT) != MESSAGE


def test_without_a_key_mails_are_left_as_they_are(tmp_path: Path) -> None:
    signer = make_signer(loaded(tmp_path, FROM + ONE))
    assert signer.records == ()
    assert signer.sign(MESSAGE, AT) is MESSAGE


def test_what_is_no_mail_cannot_be_signed(signer: Signer) -> None:
    with pytest.raises(RenderError, match="cannot be signed"):
        signer.sign(b"no header\r\n\r\nbody\r\n", AT)


def content(kind: str) -> str:
    """What a file holds that is meant to be a key."""
    key = load_pem_private_key(rsa_key().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    public, elliptic = key.public_key(), ec.generate_private_key(ec.SECP256R1())
    guard, pkcs8 = BestAvailableEncryption(b"password"), PrivateFormat.PKCS8
    contents: dict[str, str | bytes] = {
        "rsa": rsa_key(),
        "ed25519": ed25519_key(),
        "no PEM": "hunter2",
        "cut off": rsa_key()[:300],
        "public": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "encrypted": key.private_bytes(Encoding.PEM, pkcs8, guard),
        "elliptic": elliptic.private_bytes(Encoding.PEM, pkcs8, NoEncryption()),
        "short": SHORT,
    }
    found = contents[kind]
    return found if isinstance(found, str) else found.decode()


NO_RSA = "holds no private key in PEM form; `openssl genrsa -out FILE 2048` makes one"


NO_ED25519 = NO_RSA.replace("genrsa -out FILE 2048", "genpkey -algorithm ed25519 -out FILE")
ENCRYPTED = (
    "is encrypted, and nobody is there to type its password; "
    "`openssl pkey -in FILE -out NEW` writes the key without one"
)
TOO_SHORT = (
    "holds an RSA key of 768 bits, which receivers refuse; "
    "`openssl genrsa -out FILE 2048` makes a longer one"
)
ANOTHER = "holds another kind of key than an RSA key; `openssl genrsa -out FILE 2048` makes one"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("no PEM", NO_RSA),
        ("cut off", NO_RSA),
        ("public", NO_RSA),
        ("encrypted", ENCRYPTED),
        ("short", TOO_SHORT),
        ("ed25519", "holds an Ed25519 key, and not an RSA key; name it in ed25519_key_file"),
        ("elliptic", ANOTHER),
    ],
)
def test_a_key_of_no_use_is_refused_with_what_to_do(tmp_path: Path, kind: str, answer: str) -> None:
    write_keys(tmp_path)
    write(tmp_path, content(kind), "rsa.pem")
    config = loaded(tmp_path, FROM + DKIM.lstrip() + ONE)
    with pytest.raises(ConfigError) as caught:
        make_signer(config)
    said = str(caught.value).replace(f"{tmp_path}/", "")
    assert said == f"config.toml, line 5, dkim.key_file: rsa.pem {answer}"
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("public", NO_ED25519),
        ("rsa", "holds an RSA key, and not an Ed25519 key; name it in key_file"),
    ],
)
def test_so_is_one_that_is_not_ed25519(tmp_path: Path, kind: str, answer: str) -> None:
    write_keys(tmp_path)
    write(tmp_path, content(kind), "ed25519.pem")
    with pytest.raises(ConfigError) as caught:
        make_signer(loaded(tmp_path, FROM + DKIM.lstrip() + ONE))
    said = str(caught.value).replace(f"{tmp_path}/", "")
    assert said == f"config.toml, line 7, dkim.ed25519_key_file: ed25519.pem {answer}"


def test_both_keys_of_no_use_are_told_at_once(tmp_path: Path) -> None:
    for name in ("rsa.pem", "ed25519.pem"):
        write(tmp_path, "x", name)
    with pytest.raises(ConfigError) as caught:
        make_signer(loaded(tmp_path, FROM + DKIM.lstrip() + ONE))
    first, second = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert first == f"config.toml, line 5, dkim.key_file: rsa.pem {NO_RSA}"
    assert second == f"config.toml, line 7, dkim.ed25519_key_file: ed25519.pem {NO_ED25519}"


def test_a_key_in_the_environment_is_named_as_such(tmp_path: Path) -> None:
    config = loaded(tmp_path, FROM + '[dkim]\nselector = "s"\n' + ONE, WATCHER_DKIM__KEY="x")
    with pytest.raises(ConfigError, match=r"dkim\.key: holds no private key"):
        make_signer(config)


@pytest.mark.parametrize("missing", ["dkim", "nacl.signing", "cryptography.exceptions"])
def test_without_its_libraries_it_says_what_to_install(tmp_path: Path, missing: str) -> None:
    write_keys(tmp_path)
    path = write(tmp_path, FROM + DKIM.lstrip() + ONE)
    program = (
        "import sys, pathlib\n"
        f"sys.modules[{missing!r}] = None\n"
        "from watcher.settings import load\n"
        "from watcher.mail import make_signer\n"
        f"make_signer(load(pathlib.Path({str(path)!r}), environ={{}}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    said = "line 3, dkim: signing needs its libraries: pip install 'paper-watcher[dkim]'"
    assert done.stderr.splitlines()[-1].endswith(f"{path}, {said}")


def run(line: str, folder: Path) -> bytes:
    return subprocess.run(shlex.split(line), cwd=folder, capture_output=True, check=True).stdout


@pytest.mark.openssl
def test_the_guide_leads_to_signatures_that_hold(tmp_path: Path) -> None:
    [making] = [block for block in documents.blocks("sh", "machine") if "genrsa" in block.text]
    [table] = [block for block in documents.blocks("toml", "") if "[dkim]" in block.text]
    [shown] = documents.blocks("text", "record")
    for line in documents.commands(making):
        if not line.startswith("pipx"):
            run(line, tmp_path)
    config = loaded(tmp_path, table.text + ONE)
    assert config.warnings == ()
    signer = make_signer(config)
    assert judged(signer, signer.sign(MESSAGE, AT)) == [True, True]
    for record, line in zip(signer.records, shown.text.splitlines(), strict=True):
        assert line.partition(" p=")[0] == f"{record.name} TXT {record.text}".partition(" p=")[0]
    # openssl itself says that the public halves are these.
    for record, file in zip(signer.records, ("dkim.pem", "dkim-ed25519.pem"), strict=True):
        public = run(f"openssl pkey -in {file} -pubout -outform DER", tmp_path)
        published = base64.b64decode(record.text.partition("p=")[2])
        assert public.endswith(published)
        assert len(published) == (len(public) if record.algorithm == "rsa" else 32)
