"""LaTeX in titles and abstracts to readable text.

Formulas (`$…$`) go through pylatexenc, one by one and never a whole title; what stands outside of
them is handled here in one linear pass, because prose has dollars, braces and backslashes of its
own.
"""

# ruff: noqa: RUF001  (turning ASCII into its look-alikes is what this module does)

from __future__ import annotations

import re
import unicodedata

from watcher.digest.formulas import LIMIT as FORMULA_LIMIT
from watcher.digest.formulas import formula, raised, symbol

_LIMIT = 20_000
"""Characters read of one text; real abstracts have 2,000."""

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
}
_STYLES = frozenset(
    (
        *("bf", "em", "emph", "it", "mbox", "rm", "sc", "sf", "sl", "tt", "uline", "ul"),
        *("underline", "bm", "boldsymbol", "ensuremath", "operatorname", "left", "right", "text"),
        *("textbf", "textit", "texttt", "textsc", "textsf", "textrm", "textsl", "textmd", "textup"),
        *("textnormal", "mathbf", "mathbb", "mathcal", "mathrm", "mathsf", "mathtt", "mathit"),
        *("noindent", "nobreakdash", "boldmath"),
    )
)
_SIGN = re.compile(r"[\\$^{}~\x07-\x0d`]|--|''|\dtimes\b")
# No group has a possessive quantifier: before Python 3.11.5 those lost matches (CPython gh-106052).
_TOKEN = re.compile(
    r"""
      (?P<formula>\$\$?+(?P<body>(?!\$)[^$\\]*+(?:\\.[^$\\]*+)*)\$\$?+
        |\\\((?P<round>(?!\\[()])[^\\]*+(?:\\(?![()])[^\\]*+)*)\\\)
        |\\\[(?P<square>(?!\\[\[\]])[^\\]*+(?:\\(?![\[\]])[^\\]*+)*)\\\])
    | (?P<torn>\\[bcdkruv]\{(?:eta|hi|elta|appa|ho|psilon|arepsilon|arphi)\})
    | (?P<dropped>(?:~?\\cite[pt]?|\\(?:textcolor|color|href|ref|label|[hv]space))\*?\{[^{}]*+\})
    | \\text(?P<level>super|sub)script\s*+\{(?P<script>[^{}]*+)\}
    | (?P<argued>\\(?:[dt]?frac|sqrt|binom)\{[^{}]*+\}(?:\{[^{}]*+\})?)
    | (?<=[^\W\d_])\{(?P<lone>[^\W\d_A-Za-z]|[~"'`^][A-Za-z])\}
    | \\(?P<accent>["'`^~=.]|[uvHckrdb](?=\s*+\{\\?[A-Za-z]\}))
        (?:\{\s*+\\?(?P<inner>[^\W\d_])\s*+\}|\\(?P<dotless>[ij])(?![A-Za-z])|(?P<base>[^\W\d_]))
    | \\(?P<command>[A-Za-z]++)(?P<star>\*(?=\{))?(?P<space>\s*+)
    | \\(?:\\(?=[$%&#_]))?(?P<symbol>.)
    | (?P<open>\{)
    | (?P<close>\})
    | (?<=[\d\w)])\^(?:[{(](?P<power>[-+\d]{1,6})[)}]|(?P<digit>-?\d{1,6})(?!\.?\d))
    | (?P<tie>(?<=[A-Za-z.,)])(?<!\d[A-Za-z])~(?=[\w$\\`])|(?<=[A-Za-z.])(?<!\d[A-Za-z])~(?=\()
        |(?<=\d)~(?=[^\W\d_]{2})|(?<=\d[A-Z])~(?=[^\W\d_]{2}))
    | (?P<dashes>(?<!-)(?:(?<=[^\s(\[{"'`])---?+|---?+(?=[\s\d$\\(]|$))(?!-))
    | (?P<quotes>``|(?<![^\s(\[])''(?=\w)|''(?!\w))
    | (?<=\d)(?P<times>times)\b
    """,
    re.VERBOSE | re.DOTALL,
)
_MATHLIKE = re.compile(r"[\\^_=<>{}|+/]")
_COMMAND_OR_GROUP = re.compile(r"\\[A-Za-z]++|\{[^{}]*+\}")
_WORDY = re.compile(r"[^\W\d_]{3,}[,.;:)]*+\s++\(?[^\W\d_]{2,}")
_VERBATIM = re.compile(r"\\verb\*?([|!+])([^|!+\\{}]*+)\1")
_UNICODE = re.compile(r"\\unicode\{x([0-9A-Fa-f]{4})\}")
# An unescaped backslash in a script's source turns these commands into control characters.
_GARBLED = re.compile(
    r"\t(?=imes\b|heta\b|au\b|ext(?:bf|it|tt)?\{)|\x08(?=eta\b)|\f(?=rac\{)|\x07(?=lpha\b)"
)
_UNGARBLED = {"\t": r"\t", "\x08": r"\b", "\f": r"\f", "\x07": r"\a"}


def readable(text: str) -> str:
    r"""The text with LaTeX markup turned into Unicode; what is no markup stays as it is.

    `na\"{\i}ve $x_1^2$, 95\% of $5` is `naïve x₁², 95% of $5`. Never raises; takes time linear in
    the length, of which 20,000 characters are read.
    """
    text = text[:_LIMIT]
    if not _SIGN.search(text):
        return text
    text = _GARBLED.sub(lambda sign: _UNGARBLED[sign[0]], text)
    text = _UNICODE.sub(lambda code: chr(int(code[1], 16)), text)
    text = _VERBATIM.sub(lambda verb: "\\texttt{" + verb[2].replace("_", "\\_") + "}", text)
    return unicodedata.normalize("NFC", _Reader(text).read())


class _Reader:
    """One pass over one text; `_groups` says for each open brace whether it is markup."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._out: list[str] = []
        self._groups: list[bool] = []
        self._is_argument = False

    def read(self) -> str:
        position = 0
        while token := _TOKEN.search(self._text, position):
            self._out.append(self._text[position : token.start()])
            if token.start() > position:
                self._is_argument = False
            position = self._take(token)
        return "".join((*self._out, self._text[position:]))

    def _take(self, token: re.Match[str]) -> int:
        """Write what the token says; gives the position to go on from."""
        kind = token.lastgroup
        is_argument, self._is_argument = self._is_argument, False
        if token["formula"]:
            return self._formula(token)
        if token["dropped"]:
            self._is_argument = True
        elif token["command"]:
            self._is_argument = True
            has_argument = re.match(r"\{[^}]", self._text[token.end() : token.end() + 2])
            self._out.append(
                _command(token["command"], token["space"], has_argument=bool(has_argument))
            )
        elif token["open"]:
            is_markup = is_argument or self._text.startswith("\\", token.end())
            self._groups.append(is_markup)
            self._is_argument = (
                is_markup and is_argument and self._text.startswith("}", token.end())
            )
            self._out.append("" if is_markup else "{")
        elif token["close"]:
            is_markup = bool(self._groups) and self._groups.pop()
            # The next argument of the same command: `\textcolor{red}{text}`.
            self._is_argument = is_markup
            self._out.append("" if is_markup else "}")
        elif token["accent"]:
            return self._accent(token)
        else:
            self._out.append(_plain(token, kind))
        return token.end()

    def _formula(self, token: re.Match[str]) -> int:
        body = token["body"] or token["round"] or token["square"]
        if token["body"] is not None and not _is_formula(
            body, self._text[token.end() : token.end() + 1]
        ):
            self._out.append("$")
            return token.start() + 1
        self._out.append(formula(body))
        return token.end()

    def _accent(self, token: re.Match[str]) -> int:
        letter = token["inner"] or token["dotless"] or token["base"]
        composed = unicodedata.normalize("NFC", letter + _ACCENTS[token["accent"]])
        if len(composed) == 1:
            self._out.append(composed)
            return token.end()
        self._out.append(token["accent"] if token["accent"] in "\"'`^~=." else "")
        return token.start() + 2


def _plain(token: re.Match[str], kind: str | None) -> str:
    match kind:
        case "symbol":
            kept = token["symbol"] if token["symbol"] in "$%&#_{}\"'.~" else " "
            text = {"!": "", "-": "", "/": "", "|": "‖"}.get(token["symbol"], kept)
        case "torn":
            text = symbol(re.sub(r"\W", "", token["torn"]))
        case "argued":
            text = formula(token["argued"])
        case "script":
            text = raised("^" if token["level"] == "super" else "_", token["script"])
        case "lone":
            sign, letter = token["lone"][:-1], token["lone"][-1]
            text = letter + _ACCENTS.get(sign, "")
        case "power" | "digit":
            text = raised("^", token["power"] or token["digit"])
        case "dashes":
            text = "—" if len(token[0]) == 3 else "–"
        case "quotes":
            is_open = token[0] == "``" or token.string[token.end() :][:1].isalnum()
            text = "“" if is_open else "”"
        case _:
            text = " " if kind == "tie" else "×"
    return text


def _is_formula(body: str, following: str) -> bool:
    """Whether what stands between two dollar signs is one, and not prose about money."""
    if len(body) > FORMULA_LIMIT or not body.strip():
        return False
    if body[0].isdigit() and (body[-1].isspace() or following.isdigit()):
        return False
    if body[0] == "/" and body[1:2].isalpha():  # of $/hour
        return False
    if _WORDY.search(_COMMAND_OR_GROUP.sub("", body)):
        return False
    return bool(_MATHLIKE.search(body)) or not (body[0].isspace() or body[-1].isspace())


def _command(name: str, space: str, *, has_argument: bool) -> str:
    if name in _STYLES:
        return ""
    if name == "footnote":
        return " "
    # `\gls{gp}` and other commands of a paper's own show what stands in the braces.
    return (symbol(name) or ("" if has_argument else name)) + space
