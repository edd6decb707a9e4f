"""Formulas in LaTeX to Unicode text, one by one, through pylatexenc."""

# ruff: noqa: RUF001  (turning ASCII into its look-alikes is what this module does)

from __future__ import annotations

import logging
import re
import unicodedata
from functools import lru_cache

from pylatexenc.latex2text import (  # type: ignore[import-untyped]  # has no stubs
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)
from pylatexenc.latexwalker import LatexWalkerError  # type: ignore[import-untyped]  # has no stubs

LIMIT = 300
"""Characters of a formula that is read as one."""

_DEPTH_LIMIT = 8

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
_ESCAPED = {r"\{": "\ue005", r"\}": "\ue006", r"\_": "\ue007", r"\|": "‖"}
_RELEASE = str.maketrans(
    {_BRACKET: "[", _DOLLAR: "$", _BREAK: "", "\ue005": "{", "\ue006": "}", "\ue007": "_"}
    | {held: sign for sign, held in _HELD.items()}
)

_SCRIPT = re.compile(
    r"\s*+([_^])\s*+(?:\{([^{}]*+)\}|\(([^(){}\\]*+)\)"
    r"|(\\[A-Za-z]++(?:\{[^{}]*+\})?|[^\s\\{}_^]))"
)
_ARGUMENTS = re.compile(
    r"\\(?P<macro>frac|binom|sqrt)\s*+(?:\[(?P<degree>[^\[\]{}]*+)\])?"
    r"\{(?P<first>[^{}]*+)\}(?:\s*+\{(?P<second>[^{}]*+)\})?"
)
_SINGLE = re.compile(rf".?|\\[A-Za-z]+(?:{_BREAK}\w+)?")
_GROUP = re.compile(r"(?P<macro>\\[A-Za-z]++\s*+)?\{(?P<inside>[^{}]*+)\}")
_LETTERS = re.compile(r"\\(?:math(?:bb|bbm|ds|cal|scr|frak)|hat|tilde|bar|vec|dot|ddot|check)\s*+")
_LONG_NAME = re.compile(r"\\(?:wide(?=tilde|hat)|[dt](?=frac|binom))")
# To the converter a foreign letter is part of a command's name: `\sqrtκ` is none that it knows.
_GLUED = re.compile(r"(\\[A-Za-z]++)([^\W\d_])")
_OVERLINE = re.compile(r"\\overline(?![A-Za-z])")
_STYLE = re.compile(
    r"\\(?:text[a-z]*+|math(?:rm|sf|tt|bf|it|bm)|operatorname\*?|boldsymbol|bm|mbox|rm|bf|sf|tt|it|em"
    r"|left|right|[bB]igg?[lrm]?|(?:display|text|script)style|(?:no)?limits)(?![A-Za-z])\.?"
)
_OPERATOR = re.compile(
    r"(?P<before>[\w)}])?\s*+\\(?P<name>log|ln|exp|min|max|sup|inf|arg|lim|sin|cos|tan|det|dim|mod|Pr"
    r"|[bp]mod|choose)(?![A-Za-z])\s*+(?=(?P<after>[^\W_]|[{\\])?)"
)
_TIGHT = re.compile(r"(?<=[\w)\]}])(\\[A-Za-z]++)[ ]++(?=[\w\\({])")  # `k\ll n` as `k ≪ n` is not
_BARE_PERCENT = re.compile(r"(?<!\\)%")

# What hostile formulas do to the converter is no news.
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)
_macros = get_default_latex_context_db()
# Commands of a paper's own are shown by name: `\Prob` left out would make another formula of it.
_own = MacroTextSpec("", lambda node: node.macroname if node.macroname.isalpha() else "")
_macros.set_unknown_macro_spec(_own)
_to_text = LatexNodes2Text(
    latex_context=_macros,
    math_mode="text",
    keep_comments=True,
    strict_latex_spaces="based-on-source",
)


@lru_cache(maxsize=4096)
def formula(source: str) -> str:
    """One formula, without its dollar signs, as text: `x_1^2` is `x₁²`."""
    if _depth(source) > _DEPTH_LIMIT or len(source) > LIMIT:
        return re.sub(r"[{}\\$]+", " ", source)
    source = re.sub(r"\\[\\{}_|]", lambda sign: _ESCAPED.get(sign[0], sign[0]), source)
    source = _STYLE.sub("", _BARE_PERCENT.sub(r"\\%", source)).replace("''", "″")
    source = _OVERLINE.sub(r"\\bar", _LONG_NAME.sub(r"\\", source))
    source = _GLUED.sub(r"\1{\2}", source)
    source = _TIGHT.sub(rf"\1{_BREAK}", _OPERATOR.sub(_operator, source))
    for _ in range(2 * _DEPTH_LIMIT):  # from the innermost braces outwards
        before = source
        source = _ARGUMENTS.sub(_with_arguments, _SCRIPT.sub(_script, source))
        if source == before:
            source = _GROUP.sub(_ungrouped, source)
        if source == before:
            break
    text = _convert(source).translate(_RELEASE)
    return " ".join(_plain_letters(text).split())


def raised(sign: str, source: str) -> str:
    """A script by its `sign`, ^ or _, and what stands in its braces."""
    return formula(f"{sign}{{{source}}}")


@lru_cache(maxsize=1024)
def symbol(name: str) -> str:
    """What a command stands for; empty where it is not known, or nothing without arguments."""
    return "" if _macros.get_macro_spec(name) is _own else _convert(f"\\{name}").strip(" /")


def _script(match: re.Match[str]) -> str:
    sign, *scripts = match.groups()
    text = _plain_letters(_convert(next(each for each in scripts if each is not None)))
    text = text.replace(_BREAK, "").strip()
    if sign == "^":
        text = {"'": "′", "∘": "°"}.get(text, text)
    moved = text.replace(" ", "").translate(_SCRIPTS[sign])
    if not set(moved) & set(text) - {"*"}:
        return _BREAK + moved
    if sign == "^" and text in {"⋆", "∗", "†", "′", "°", "⊤"}:
        return _BREAK + text
    is_one = len(text) == 1 or text.isalnum() or re.fullmatch(r"\([^()]*+\)", text)
    return f"{_HELD[sign]}{text if is_one else f'({text})'}"


def _with_arguments(match: re.Match[str]) -> str:
    if match["macro"] == "binom":
        return f"C({match['first']},{match['second'] or ''})"
    is_root = match["macro"] == "sqrt"
    first, second = (_grouped(match[name] or "", is_root=is_root) for name in ("first", "second"))
    if not is_root:
        return f"{first}/{second}"
    rest = f"{{{match['second']}}}" if match["second"] is not None else ""
    root = {"3": "∛", "4": "∜"}.get(match["degree"] or "", "√")
    return f"{root}{first}{rest}"


def _grouped(source: str, *, is_root: bool) -> str:
    """An argument in parentheses, unless it is one thing: `√(ab)`, but `1/ab` and `√n²`."""
    text = source.strip()
    bare = text.replace(_BREAK, "")
    is_one = bare.isalnum() and sum(map(str.isalpha, bare)) <= 1
    if is_one or (text.isalnum() and not is_root) or _SINGLE.fullmatch(text):
        return text
    return f"({text})"


def _ungrouped(match: re.Match[str]) -> str:
    """What is in braces that are not a script's, nor the argument of a command that needs them."""
    macro = match["macro"]
    if macro is None:
        return match["inside"]
    if not _LETTERS.fullmatch(macro):
        return match[0]
    return _BREAK + _convert(match[0].replace(_BREAK, ""))


def _operator(match: re.Match[str]) -> str:
    before = f"{match['before']} " if match["before"] else match[0].partition("\\")[0]
    name = match["name"].removeprefix("b").removeprefix("p")
    return f"{before}{name}{' ' if match['after'] else ''}"


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
