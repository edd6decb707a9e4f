"""LaTeX markup out of titles, abstracts and keywords, in one linear pass.

Titles and abstracts come as arXiv has them: `na\\"{\\i}ve`, `$\\beta$-VAE`, `\\textbf{Ours}`. A
full LaTeX parser is neither linear on hostile text nor forgiving of half a formula; for comparing
words it is enough that commands go and their arguments stay.
"""

from __future__ import annotations

import re

_ACCENTS = {
    '"': "\u0308",
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c",
    "H": "\u030b",
    "c": "\u0327",
    "k": "\u0328",
    "r": "\u030a",
    "d": "\u0323",
    "b": "\u0331",
    "t": "",
}
_LETTERS = {
    "i": "\u0131",
    "j": "\u0237",
    "l": "ł",
    "L": "Ł",
    "o": "ø",
    "O": "Ø",
    "ss": "ß",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "aa": "å",
    "AA": "Å",
    "dh": "ð",
    "DH": "Ð",
    "dj": "đ",
    "DJ": "Đ",
    "th": "þ",
    "TH": "Þ",
    "ell": "l",
}
_LOWER_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi"),
    *("chi", "psi", "omega"),
)
GREEK_NAMES = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", _LOWER_GREEK, strict=True))
_GREEK = (
    {name: letter for letter, name in GREEK_NAMES.items()}
    | {f"var{name}": letter for letter, name in GREEK_NAMES.items()}
    | {name.capitalize(): letter.upper() for letter, name in GREEK_NAMES.items()}
)
# These change the looks of a part of a word: `Q\textsc{lora}` is one word.
_STYLES = frozenset(
    (
        *("bar", "bf", "bm", "boldsymbol", "dot", "em", "emph", "ensuremath", "hat", "it", "mbox"),
        *("operatorname", "overline", "pmb", "rm", "sc", "sf", "sl", "tilde", "tt", "uline", "ul"),
        *("underline", "vec", "widehat", "widetilde"),
    )
)
_JOINING_SYMBOLS = frozenset("-/!()[]")
_LITERAL_SYMBOLS = frozenset("$%&#_{}")

_SIGNS = ("\\", "$", "{", "}")
_START = re.compile(r"[\\{}$_^]")
_MARKUP = re.compile(
    r"""
      \\(?P<accent>["'`^~=.]|[uvHckrdbt](?![A-Za-z]))\s*+\{?\s*+
        (?:\\(?P<dotless>[ij])(?![A-Za-z])|(?P<base>[^\W\d_]))?
    | \\(?P<command>[A-Za-z]++)\*?(?P<space>\s*+)
    | \\(?P<symbol>.)
    | (?P<braces>[{}]++)
    | (?P<dollars>\$++)
    | (?P<script>[_^])
    """,
    re.VERBOSE | re.DOTALL,
)


class _Dropper:
    """What becomes of each piece of markup; knows whether it stands in a formula."""

    def __init__(self) -> None:
        self._in_formula = False

    def __call__(self, match: re.Match[str]) -> str:
        kind = match.lastgroup
        if kind in {"accent", "dotless", "base"}:
            base = _LETTERS.get(match["dotless"] or "", match["base"] or "")
            return base.translate(_DOTTED) + _ACCENTS[match["accent"]] if base else ""
        if kind == "space":
            return self._command(match["command"], match["space"])
        if kind == "symbol":
            return self._symbol(match["symbol"])
        if kind == "braces":
            return " " if "}{" in match["braces"] else ""
        if kind == "dollars":
            self._in_formula = not self._in_formula
            return ""
        return "" if self._in_formula else match[0]

    def _command(self, name: str, space: str) -> str:
        if name in _GREEK:
            return _GREEK[name] + space
        if name in _LETTERS:
            return _LETTERS[name]
        if name in _STYLES or name.startswith(("text", "math")):
            return ""
        return " "

    def _symbol(self, symbol: str) -> str:
        if symbol in "([":
            self._in_formula = True
        elif symbol in ")]":
            self._in_formula = False
        if symbol in _JOINING_SYMBOLS:
            return ""
        return symbol if symbol in _LITERAL_SYMBOLS else " "


_DOTTED = str.maketrans("\u0131\u0237", "ij")  # a dotless i takes its accent like any other i


def drop_latex(text: str) -> str:
    """The text without LaTeX markup.

    Accents and special letters become the characters they stand for, Greek commands the letters;
    in formulas sub- and superscripts join (`$\\pi_0$` is `π0`); unknown commands separate words.
    Text without a backslash, brace or dollar sign comes back as it is.
    """
    if not any(sign in text for sign in _SIGNS):
        return text
    replaced, parts, done = _Dropper(), [], 0
    # Most of a text is none: to look for beginnings alone is several times faster than `sub`.
    while start := _START.search(text, done):
        parts.append(text[done : start.start()])
        markup = _MARKUP.match(text, start.start())
        parts.append(replaced(markup) if markup else start[0])
        done = (markup or start).end()
    return "".join((*parts, text[done:]))
