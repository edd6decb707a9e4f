"""LaTeX in titles and abstracts to readable text.

Formulas (`$…$`) go through pylatexenc, one by one and never a whole title; what stands outside of
them is handled here in one linear pass, because prose has dollars, braces and backslashes of its
own.
"""

# ruff: noqa: RUF001  (turning ASCII into its look-alikes is what this module does)

from __future__ import annotations

import logging
import re
import unicodedata
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text  # type: ignore[import-untyped]  # has no stubs
from pylatexenc.latexwalker import LatexWalkerError  # type: ignore[import-untyped]  # has no stubs

_LIMIT = 20_000
"""Characters read of one text; real abstracts have 2,000."""

_FORMULA_LIMIT = 300
_DEPTH_LIMIT = 8

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
    )
)
_SCRIPTS = {
    "_": str.maketrans(
        "0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ"
    ),
    "^": str.maketrans(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW*βγδθφχ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ*ᵝᵞᵟᶿᵠᵡ",
    ),
}
_HELD = {"_": "\ue000", "^": "\ue001"}  # scripts that have no character of their own
_BREAK = "\ue002"  # ends a command's name: to the converter `ᵢ` is a letter like any other
# The converter takes exponential time on nested environments, formulas and optional arguments that
# are left open: it never sees any.
_NESTED = re.compile(r"\\(?:begin|end)(?:\{[^{}]*+\})?|\\[()\[\]]|(?<!\\)\$")
_BRACKET, _DOLLAR = "\ue003", "\ue004"
_RELEASE = str.maketrans(
    {_BRACKET: "[", _DOLLAR: "$", _BREAK: ""} | {held: sign for sign, held in _HELD.items()}
)

_SIGN = re.compile(r"[\\$^{}~\x07-\x0d`]|--|''|\dtimes\b")
# No group has a possessive quantifier: before Python 3.11.5 those lost matches (CPython gh-106052).
_TOKEN = re.compile(
    r"""
      (?P<formula>\$\$?+(?P<body>(?!\$)[^$\\]*+(?:\\.[^$\\]*+)*)\$\$?+
        |\\\((?P<round>(?!\\[()])[^\\]*+(?:\\(?![()])[^\\]*+)*)\\\)
        |\\\[(?P<square>(?!\\[\[\]])[^\\]*+(?:\\(?![\[\]])[^\\]*+)*)\\\])
    | (?P<beta>\\b\{eta\})
    | (?P<dropped>\\(?:textcolor|color|href|cite[pt]?|ref|label)\*?\{[^{}]*+\})
    | \\(?P<accent>["'`^~=.]|[uvHckrdb](?=\s*+\{\\?[A-Za-z]\}))
        (?:\{\s*+\\?(?P<inner>[^\W\d_])\s*+\}|\\(?P<dotless>[ij])(?![A-Za-z])|(?P<base>[^\W\d_]))
    | \\(?P<command>[A-Za-z]++)(?P<star>\*(?=\{))?(?P<space>\s*+)
    | \\(?P<symbol>.)
    | (?P<open>\{)
    | (?P<close>\})
    | (?<=[\d\w)])\^(?:\{(?P<power>[-+\d]{1,6})\}|(?P<digit>-?\d{1,6}))
    | (?P<tie>(?<=[A-Za-z.)])(?<!\d[A-Za-z])~(?=\w))
    | (?P<dashes>(?<!-)(?:(?<=[^\s(\[{"'`])---?+|---?+(?=[\s\d$\\(]|$))(?!-))
    | (?P<quotes>``|''(?!\w))
    | (?<=\d)(?P<times>times)\b
    """,
    re.VERBOSE | re.DOTALL,
)
_MATHLIKE = re.compile(r"[\\^_=<>{}|+/]")
_COMMAND_OR_GROUP = re.compile(r"\\[A-Za-z]++|\{[^{}]*+\}")
_WORDY = re.compile(r"[^\W\d_]{3,}.*?[^\W\d_]{3,}", re.DOTALL)
_SCRIPT = re.compile(r"\s*+([_^])\s*+(?:\{([^{}]*+)\}|(\\[A-Za-z]++(?:\{[^{}]*+\})?|[^\s\\{}_^]))")
_ARGUMENTS = re.compile(
    r"\\(?P<macro>[dt]?frac|sqrt)\s*+(?:\[(?P<degree>[^\[\]{}]*+)\])?"
    r"\{(?P<first>[^{}]*+)\}(?:\s*+\{(?P<second>[^{}]*+)\})?"
)
_STYLE = re.compile(
    r"\\(?:text[a-z]*+|math(?:rm|sf|tt|bf|it|bm)|operatorname\*?|boldsymbol|bm|mbox|rm|bf|sf|tt|it|em"
    r"|left|right|big|Big|bigl|bigr|displaystyle|limits)(?![A-Za-z])\.?"
)
_OPERATOR = re.compile(
    r"(?P<before>[\w)}])?\s*+\\(?P<name>log|ln|exp|min|max|sup|inf|arg|lim|sin|cos|tan|det|dim|mod|Pr)"
    r"(?![A-Za-z])\s*+(?=(?P<after>[\w\\])?)"
)
_TIGHT = re.compile(r"(?<=[\w)\]}])(\\[A-Za-z]++)[ ]++(?=[\w\\({])")  # `k\ll n` as `k ≪ n` is not
_BARE_PERCENT = re.compile(r"(?<!\\)%")
# An unescaped backslash in a script's source turns these commands into control characters.
_GARBLED = re.compile(
    r"\t(?=imes\b|heta\b|au\b|ext(?:bf|it|tt)?\{)|\x08(?=eta\b)|\f(?=rac\{)|\x07(?=lpha\b)"
)
_UNGARBLED = {"\t": r"\t", "\x08": r"\b", "\f": r"\f", "\x07": r"\a"}

# What hostile formulas do to the converter is no news.
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)
_to_text = LatexNodes2Text(
    math_mode="text", keep_comments=True, strict_latex_spaces="based-on-source"
)


def readable(text: str) -> str:
    r"""The text with LaTeX markup turned into Unicode; what is no markup stays as it is.

    `na\"{\i}ve $x_1^2$, 95\% of $5` is `naïve x₁², 95% of $5`. Never raises; takes time linear in
    the length, of which 20,000 characters are read.
    """
    text = text[:_LIMIT]
    if not _SIGN.search(text):
        return text
    text = _GARBLED.sub(lambda sign: _UNGARBLED[sign[0]], text)
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
            self._out.append(_command(token["command"], token["space"]))
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
    if kind == "symbol":
        return {"!": "", "-": "", "/": ""}.get(
            token["symbol"], token["symbol"] if token["symbol"] in "$%&#_{}\"'" else " "
        )
    if kind in {"power", "digit"}:
        return (token["power"] or token["digit"]).translate(_SCRIPTS["^"])
    if kind == "dashes":
        return "—" if len(token[0]) == 3 else "–"
    if kind == "quotes":
        return "“" if token[0] == "``" else "”"
    return {"beta": "β", "tie": " ", "times": "×"}[kind or ""]


def _is_formula(body: str, following: str) -> bool:
    """Whether what stands between two dollar signs is one, and not prose about money."""
    if len(body) > _FORMULA_LIMIT or not body.strip():
        return False
    if body[0].isdigit() and (body[-1].isspace() or following.isdigit()):
        return False
    if _WORDY.search(_COMMAND_OR_GROUP.sub("", body)):
        return False
    return bool(_MATHLIKE.search(body)) or not (body[0].isspace() or body[-1].isspace())


def _command(name: str, space: str) -> str:
    if name in _STYLES:
        return ""
    return _symbol(name) + space


@lru_cache(maxsize=1024)
def _symbol(name: str) -> str:
    return _convert(f"\\{name}").strip(" /") or name


@lru_cache(maxsize=4096)
def formula(source: str) -> str:
    """One formula, without its dollar signs, as text: `x_1^2` is `x₁²`."""
    if _depth(source) > _DEPTH_LIMIT or len(source) > _FORMULA_LIMIT:
        return re.sub(r"[{}\\$]+", " ", source)
    source = _STYLE.sub("", _BARE_PERCENT.sub(r"\\%", source))
    source = _TIGHT.sub(rf"\1{_BREAK}", _OPERATOR.sub(_operator, source))
    for _ in range(_DEPTH_LIMIT):  # from the innermost braces outwards
        source, script_count = _SCRIPT.subn(_script, source)
        source, argument_count = _ARGUMENTS.subn(_with_arguments, source)
        if not script_count + argument_count:
            break
    text = _convert(source).translate(_RELEASE)
    return " ".join(_plain_letters(text).split())


def _script(match: re.Match[str]) -> str:
    sign, group, single = match.groups()
    text = _plain_letters(_convert(group if group is not None else single))
    text = text.replace(_BREAK, "").strip()
    raised = text.replace(" ", "").translate(_SCRIPTS[sign])
    if not set(raised) & set(text) - {"*"}:
        return _BREAK + raised
    if sign == "^" and text in {"⋆", "∗", "†", "′", "∘", "⊤"}:
        return _BREAK + text
    return f"{_HELD[sign]}{text if len(text) == 1 or text.isalnum() else f'({text})'}"


def _with_arguments(match: re.Match[str]) -> str:
    first, second = (_grouped(match[name] or "") for name in ("first", "second"))
    if match["macro"] != "sqrt":
        return f"{first}/{second}"
    rest = f"{{{match['second']}}}" if match["second"] is not None else ""
    root = {"3": "∛", "4": "∜"}.get(match["degree"] or "", "√")
    return f"{root}{first}{rest}"


def _grouped(source: str) -> str:
    text = source.strip()
    return (
        text
        if len(text) < 2 or text.isalnum() or re.fullmatch(r"\\[A-Za-z]+", text)
        else f"({text})"
    )


def _operator(match: re.Match[str]) -> str:
    before = f"{match['before']} " if match["before"] else ""
    return f"{before}{match['name']}{' ' if match['after'] else ''}"


def _closed(source: str) -> str:
    source = _NESTED.sub(" ", source).replace("[", _BRACKET)
    return source.replace("\\$", _DOLLAR).replace("$", "")


def _convert(source: str) -> str:
    try:
        text = str(_to_text.latex_to_text(_closed(source), tolerant_parsing=True))
    except (LatexWalkerError, LookupError, ValueError, TypeError, AttributeError):
        return re.sub(r"[{}\\$]+", " ", source)
    # What the converter leaves of a command that lacks its arguments.
    return text if "%" in source else text.replace("%s", "")


def _plain_letters(text: str) -> str:
    """Mathematical alphabets, which fonts and screen readers lack, to plain letters."""
    if text.isascii():
        return text
    return "".join(
        unicodedata.normalize("NFKC", letter) if "\U0001d400" <= letter <= "\U0001d7ff" else letter
        for letter in text
    )


def _depth(source: str) -> int:
    depth = deepest = 0
    for character in source:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest
