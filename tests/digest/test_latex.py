from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.digest.builders import texts
from watcher.digest.formulas import formula
from watcher.digest.latex import readable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"na\"{\i}ve", "naïve"),
        (r"\"Ubermensch, Erd\H{o}s, \'Etude, L\'evy-It\^o", "Übermensch, Erdős, Étude, Lévy-Itô"),
        (r"\v{S}koda \l{}ukasz fa\c{c}ade \ss", "Škoda łukasz façade ß"),
        (r"even \"stubborn\" models", 'even "stubborn" models'),
        (r"95\% of Q\&A in CHASE\_DB1", "95% of Q&A in CHASE_DB1"),
        (r"100$\times$ speedup, 2.6$\times$--1.8$\times$", "100× speedup, 2.6×–1.8×"),
        ("an 18times speedup, sometimes 6 times", "an 18× speedup, sometimes 6 times"),
        ("$10\times 3$ and \x08eta", "10×3 and β"),
        (r"\b{eta}-cell", "β-cell"),
        (r"$\beta$-VAE, $\varepsilon$-greedy", "β-VAE, ε-greedy"),
        ("$x_1^2$, $α_i$, $10^{-3}$, $M^4$ol", "x₁², αᵢ, 10⁻³, M⁴ol"),
        (r"$\mathbb{R}^{m\times n}$, $\mathcal{N}_3$", "ℝ^(m×n), N₃"),
        (r"$\alpha_{ij}^{(k)}$, $x_{i_Q}$, $G^\star$, $a_\infty$", "αᵢⱼ⁽ᵏ⁾, x_(i_Q), G⋆, a_∞"),
        (r"MAT$^\text{3}$, $\text{R}^2$, $2^\text{nd}$", "MAT³, R², 2ⁿᵈ"),
        (r"$O(\sqrt{T}\log T)$, $\sqrt[3]{x+1}$", "O(√T log T), ∛(x+1)"),
        (r"$\left(\frac{n+1}{k}\right)$", "((n+1)/k)"),
        (r"\(a^2\) and \[b_i\] and $$c$$", "a² and bᵢ and c"),
        (r"$x \in A \to B$ where $k\ll n$", "x ∈ A → B where k≪n"),
        (r"$50%$ or $50\%$", "50% or 50%"),
        (r"\textbf{D}ynamic \emph{and} {\em free} \textsc{$k$-GD}", "Dynamic and free k-GD"),
        (r"\textcolor{red}{text} \href{javascript:x}{y} \cite{z}", "text y "),
        (r"\method{} achieves", "method achieves"),
        ("trained for 10^{22} FLOPs, A^3-Bench", "trained for 10²² FLOPs, A³-Bench"),
        ("``Right-for-Wrong'' it's", "“Right-for-Wrong” it's"),
        ("a -- b, c--d, e---f, git --help", "a – b, c–d, e—f, git --help"),
        ("Fig.~1 by Ha~et~al, ~5, 1M~4M", "Fig. 1 by Ha et al, ~5, 1M~4M"),
        ("costs $5 and $10", "costs $5 and $10"),
        ("$5-$10, $3M to $300M, \\$7", "$5-$10, $3M to $300M, $7"),
        ("US$ and A$, a $3 trillion big$ cat", "US$ and A$, a $3 trillion big$ cat"),
        ("sets {a, b} and {'x': 1}", "sets {a, b} and {'x': 1}"),
        ("unbalanced } and {", "unbalanced } and {"),
        (r"$\|x\|_2$, $\binom{10}{k}$, ${m\choose k}$", "‖x‖₂, C(10,k), m choose k"),
        (r"$\sqrtκ$, $\tildeρ$, $\partialθ$, $\overlineΔ$", "√κ, ρ̃, ∂θ, Δ̅"),
        (r"$\widetilde{O}(\sqrt{dT})$, $\widehat{x}$, $\tfrac12$", "Õ(√(dT)), x̂, 1/2"),
        (r"$p=\Prob(x)$, $\E[X]$, $x\!y$", "p=Prob(x), E[X], xy"),
        (
            r"$e^{f(\bm{x})}$, $e^{f_w(\bm{x})}$, $n^{\max\{1,p\}}$, $C^{(\ell)}$",
            "eᶠ⁽ˣ⁾, e^(f_w(x)), n^(max{1,p}), C^(ℓ)",
        ),
        (r"$\max_{\bm{w}\in\mathbb{R}^d}\mathbb{E}x$", "max_(w∈ℝᵈ)Ex"),
        (r"$10^(-9)$, 10^(-9), C^0.12, 10^12, 2^1234567", "10⁻⁹, 10⁻⁹, C^0.12, 10¹², 2^1234567"),
        (r"$90^\circ$, $x^\prime$, $f''(x)$, $a \bmod n$", "90°, x′, f″(x), a mod n"),
        (r"($E_{ab} = AUC / \log_{10}(Params)$)", "(E_ab = AUC / log₁₀(Params))"),
        (r"$\verb|A_B|$, $\texttt{C\_D}$, $\unicode{x2014}$", "A_B, C_D, —"),
        (r"\gls{gp}, \num{1617}, \ours{}, \log{n}", "gp, 1617, ours, logn"),
        (r"CO\textsubscript{2}, 10\textsuperscript{3}, \frac{a}{b}", "CO₂, 10³, a/b"),
        (r"here.\footnote{Code} Wi\nobreakdash-Fi\vspace{1em}", "here. Code Wi-Fi"),
        (r"Ferr{é}, Ni{~n}o, \r{ho}, Q\\&A, 30\. \~8B", "Ferré, Niño, ρ, Q&A, 30. ~8B"),
        ("''a'' b, the single ''lifted''", "“a” b, the single “lifted”"),
        ("10~dB, graphs~(KGs), et al.~(2024), a~$x$", "10 dB, graphs (KGs), et al. (2024), a x"),
        (r"work~\cite{x}, 30%~40%, 1~2, (1)~(2)", "work, 30%~40%, 1~2, (1)~(2)"),
        (
            "$/kWh and demand ($/kW), $/token vs. $/hour",
            "$/kWh and demand ($/kW), $/token vs. $/hour",
        ),
        ("$ unclosed and \\", "$ unclosed and \\"),
        ("plain prose: nothing", "plain prose: nothing"),
    ],
)
def test_reading(raw: str, shown: str) -> None:
    assert readable(raw) == shown


@given(st.one_of(texts, st.text(st.sampled_from("\\${}^_ab1[]()%&~'\"`-")), st.text()))
def test_nothing_raises(text: str) -> None:
    readable(text)
    formula(text)


@given(st.lists(st.sampled_from((
    *("\\frac", "\\sqrt", "{", "}", "$", "_", "^", "\\begin{matrix}", "\\end{x}", "&", "\\\\", "%"),
    *("\\hat", "[", "]", "\\left(", "\\text{", "\\input{x}", "\\verb", "|", "\\item", "x", "\\log"),
    *("\\href", "\\footnote", "\\textbf", "\\item[", "\\cite", "\\today", "\\includegraphics", "#"),
)), max_size=14).map("".join))  # fmt: skip
def test_commands_in_any_order_do_not_raise(source: str) -> None:
    readable(f"${source}$")
    formula(source)
    readable(source)


@given(st.text(st.characters(exclude_characters="\\${}^_~`'-times", categories=["L", "N", "P"])))
def test_text_without_markup_stays(text: str) -> None:
    assert readable(text) == text


def test_files_are_not_read() -> None:
    assert readable(r"$\input{/etc/passwd}$") == ""


@pytest.mark.parametrize(
    "text",
    [
        *("{" * 10**6, "$" * 10**6, "\\" * 10**6, "$x" * 10**6, "\\(" * 10**6, "\\[x" * 10**6),
        *("\\frac{" * 10**5, "$x_{" * 10**5, '\\"' * 10**6, "^" * 10**6, "-" * 10**6, "`" * 10**6),
        *("$\\frac{a}{b}$" * 10**5, "{\\em " * 10**5, "}" * 10**6, "\\textcolor{" * 10**5),
    ],
    ids=lambda text: text[:8],
)
def test_hostile_length_takes_no_time(text: str) -> None:
    started_at = time.process_time()
    readable(text)
    assert time.process_time() - started_at < 2


@pytest.mark.parametrize(
    "part",
    [
        *(
            "\\sqrt[",
            "\\cite[",
            "\\footnote [",
            "\\item[",
            "\\begin{a}\\sqrt[",
            "\\\\\\begin{array}",
        ),
        *(
            "\\begin{array}\\item[\\\\",
            "^\\\\\\begin{array}$$$",
            "[}}\\vec{{$$",
            "\\mbox{$*}}\\vec",
        ),
        *(
            "\\frac{{{\\begin{tabular}\\\\}}}",
            "_\\log\\\\\\[\\begin{array}",
            "\\(",
            "\\left(",
            "\\hat",
        ),
    ],
)
def test_what_is_left_open_takes_no_time(part: str) -> None:
    started_at = time.process_time()
    for length in range(1, 60):
        formula((part * length)[:290])
    assert time.process_time() - started_at < 5


def test_brackets_and_dollars_in_formulas_stay() -> None:
    assert readable(r"$x \in [0, 1]$ for \(\$5\)") == "x ∈ [0, 1] for $5"


def test_deep_formulas_are_not_followed() -> None:
    assert formula("{" * 400 + "x" + "}" * 400).strip() == "x"
