"""What a word is, and which words are equal."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules import naive
from watcher.rules.fold import Text, forms, readable, same_word, stem


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("Text-to-Image, 3D!", "text to image 3d"),
        ("C++ and C# and C++17", "c++ and c# and c++ 17"),
        ("SFT+RL, image+text, GPT-4+ LoRA+.", "sft rl image text gpt 4+ lora+"),
        ("F#m a++b", "f m a++ b"),
        ("snake_case a/b don't", "snake case a b don t"),
        ("Straße ﬁne İstanbul Łódź Ærø", "strasse fine istanbul lodz aero"),
        ("cafe\u0301 CAFÉ caf\u00ade\u0301", "cafe cafe cafe"),
        ("日本語のモデル", "日 本 語 の モ デ ル"),
        ("ガ カ ｶﾞ", "ガ カ ガ"),
        ("한국어 모델", "한 국 어 모 델"),
        ("深度learning学习", "深 度 learning 学 习"),
        ("β-VAE π₀ µP", "beta vae pi0 mup"),
        ("x\u0302y", "xy"),
        ("", ""),
        ("— … \u200b \ud800 🎉", ""),
    ],
)
def test_words(raw: str, words: str) -> None:
    assert list(Text.of(raw).words) == words.split()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (r"na\"{\i}ve na\"ive na{\"i}ve na\" {i}ve", "naive naive naive naive"),
        (
            r"\'Ecole Erd\H{o}s \v{S}koda \c cedille \L ukasz S{\o}ren",
            "ecole erdos skoda cedille lukasz soren",
        ),
        (r"$\alpha$-divergence, $\varepsilon$, $\Omega$", "alpha divergence epsilon omega"),
        (r"$\beta$-VAE and $\pi_0$, $\pi_{0.5}$, \(H_2O\)", "beta vae and pi0 pi0 5 h2o"),
        (r"H_2O $x$_y", "h 2o x y"),
        (r"\textbf{Lo}RA, Q\textsc{lora}, {\bf Bold} \emph{it}", "lora qlora bold it"),
        (r"100$\times$ faster, 3\times4", "100 faster 3 4"),
        (r"$\frac{a_{1}}{b}$ \unknown{kept} models\cite{smith}", "a1 b kept models smith"),
        (r"C\# R\&D 5\% a\\b dis\-crete a\,b", "c# r d 5 a b discrete a b"),
        ("{GPT}-{4} k$NN \\", "gpt 4 knn"),
        (r"\"", ""),
        (r"\frac{a}{b} \href{x}{y} {{G}}PT", "a b x y gpt"),
        (r"$\mathcal L$ and $\mathrm{CO}_2$", "l and co2"),
    ],
)
def test_latex_markup_goes_and_its_arguments_stay(raw: str, words: str) -> None:
    assert list(Text.of(raw).words) == words.split()


def test_text_reads_as_people_write_it() -> None:
    assert readable(r"A na\"{\i}ve $\beta$-VAE with \textbf{Lo}RA") == "A naïve β-VAE with LoRA"


def test_spelling_spans_white_space() -> None:
    text = Text.of("The Graph\n   Hyper-Network!")
    assert text.spelling(1, 4) == "Graph Hyper-Network"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("model", "models"), ("class", "classes"), ("box", "boxes"), ("batch", "batches")),
        *(("mesh", "meshes"), ("quiz", "quizes"), ("database", "databases"), ("cache", "caches")),
        *(("policy", "policies"), ("movie", "movies"), ("bias", "biases"), ("lens", "lenses")),
        *(("gpu", "gpus"), ("api", "apis"), ("relu", "relus"), ("axis", "axis"), ("llm", "llms")),
        ("key", "keys"),
    ],
)
def test_plurals_equal_their_singular(one: str, other: str) -> None:
    assert same_word(one, other)
    assert same_word(other, one)
    assert naive.equal(one, other)
    assert stem(one) == stem(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("loss", "los"), ("as", "a"), ("gas", "ga"), ("bus", "bu"), ("naïves", "naïve")),
        *(("gpt4s", "gpt4"), ("model", "modeling"), ("policy", "polic"), ("graph", "graphics")),
        ("ladies", "lad"),
    ],
)
def test_other_words_differ(one: str, other: str) -> None:
    assert not same_word(one, other)
    assert not naive.equal(one, other)


def test_words_beyond_language_have_no_plural() -> None:
    assert same_word("a" * 63, "a" * 63 + "s")
    assert not same_word("a" * 64, "a" * 64 + "s")


letters = st.text(alphabet="abcehiosxyzs", min_size=1, max_size=7)
endings = st.sampled_from(("", "s", "es", "ies", "y", "ss", "ches", "shes", "ie"))
built = st.builds(str.__add__, letters, endings)


@given(one=built, other=built)
def test_equal_words_share_a_stem_and_equality_is_mutual(one: str, other: str) -> None:
    assert same_word(one, other) == same_word(other, one) == naive.equal(one, other)
    for form in forms(one):
        assert stem(form) == stem(one)


@given(st.text())
def test_folding_takes_any_text(raw: str) -> None:
    text = Text.of(raw)
    assert len(text.words) == len(text.exact)
    for position in range(len(text.words)):
        assert text.spelling(position, position + 1) == text.exact[position]
        assert text.words[position]


@given(st.text(alphabet="aé\\{}$_^\"'~ \u0301+#ij日", max_size=40))
def test_folding_takes_any_markup(raw: str) -> None:
    assert not set("{}") & set("".join(Text.of(raw).words))


HOSTILE = {
    "braces": "{" * 1_000_000,
    "closed braces": "}{" * 500_000,
    "backslashes": "\\" * 1_000_000,
    "dollars": "$" * 1_000_000,
    "accents": '\\"' * 500_000,
    "accent before a megabyte of nothing": '\\"' + " " * 1_000_000,
    "braces far apart": ("}" + " " * 1_000) * 1_000,
    "one command": "\\" + "a" * 1_000_000,
    "many commands": "\\a " * 330_000,
    "one word": "a" * 1_000_000,
    "signs": "a+" * 500_000,
    "only signs": "a" + "+#" * 500_000,
    "combining characters": "a" + "\u0301" * 1_000_000,
    "unsorted combining characters": "a" + "\u0315\u0300" * 500_000,
    "accented letters": "e\u0301\u0315" * 330_000,
    "kana marks": "\u3099\u0301" * 500_000,
    "ideographs": "日" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_takes_linear_time(name: str) -> None:
    started = time.process_time()
    Text.of(HOSTILE[name])
    assert time.process_time() - started < 10


def test_abstracts_fold_quickly() -> None:
    abstract = (
        'We study $\\beta$-VAE models \\textbf{on} graphs, with na\\"{\\i}ve Ångström units. ' * 18
    )
    started = time.process_time()
    for _ in range(1000):
        Text.of(abstract)
    assert time.process_time() - started < 5
