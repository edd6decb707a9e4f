"""Keywords: what they find, and which are refused with what advice."""

from __future__ import annotations

import pytest

from tests.rules.making import NOW, compiled, finds, judged, titled
from watcher.errors import RuleError
from watcher.models import Author, Organization, Paper
from watcher.settings import RuleSettings


@pytest.mark.parametrize(
    ("keyword", "title"),
    [
        ("hypernetwork", "HyperNetworks everywhere"),
        ("graph hypernetworks", "A graph-hypernetwork"),
        ("text-to-image", "Text to Image"),
        ("hypernetwork*", "Hypernetworking"),
        ("model zoo*", "Models zoology"),
        ('"LoRA"', "Fast LoRA!"),
        ('"Ha"', "David Ha"),
        (' "LoRA" ', "LoRA"),
        ("naive bayes", r"Na\"{\i}ve Bayes"),
        (r"na\"{\i}ve", "Naïve"),
        (r"$\beta$-VAE", "β-VAE"),
        ("alpha", r"$\alpha$-geometry"),
        ("C++", "From C to C++17"),
        ("SFT", "SFT+RL"),
        ("模型", "大模型很大"),
        ("ガ", "ｶﾞ"),
        ("cafe\u0301*", "Cafés"),
        ("search and rescue", "Search-and-rescue robots"),
        ("R&D", "R & D"),
        ("1,000", "1,000 models"),
        ("graph", "graph graph graph"),
        ("graph graph net", "graph graph graph net"),
        ("vitamin d*", "vitamin deficiency"),
    ],
)
def test_found(keyword: str, title: str) -> None:
    assert finds(keyword, title)


@pytest.mark.parametrize(
    ("keyword", "title"),
    [
        ("network", "hypernetwork"),
        ("hypernetwork*", "A hyper-network"),
        ('"LoRA"', "lora LORA LoRAs"),
        ('"naive"', "naïve"),
        ("C", "C++"),
        ("graph network", "graph of a network"),
        ("graph network", "network graph"),
        ("classes*", "class"),
        ("カ", "ガ"),
        ("graph net", "graph"),
        ('"graph net"', "graph"),
    ],
)
def test_not_found(keyword: str, title: str) -> None:
    assert not finds(keyword, title)


def test_a_phrase_does_not_cross_fields_or_site_keywords() -> None:
    rule = RuleSettings(any=("graph network",))
    paper = Paper("1", "The graph", "network", keywords=("graph", "network"), is_full=True)
    assert judged(paper, rule) is None
    whole = Paper("1", "The graph", "network", keywords=("a", "graph networks"), is_full=True)
    match = judged(whole, rule)
    assert match is not None
    assert [hit.field for hit in match.reasons[0].hits] == ["keywords"]


@pytest.mark.parametrize(
    ("keyword", "advice"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("...", "no letter or digit"),
        ('"-"', "no letter or digit"),
        (r"\textbf{}", "no letter or digit"),
        ("agents, tools", '["agents", "tools"]'),
        ("agents; tools", '["agents", "tools"]'),
        ("agents,", '["agents"]'),
        ("智能体，工具", '["智能体", "工具"]'),
        ("agents AND tools", "all = ["),
        ("agents OR tools", "any = ["),
        ("(agents OR tools)", "any = ["),
        ("NOT survey", "none = ["),
        ("agents | tools", "any = ["),
        ("agents || tools", "any = ["),
        ("agents&&tools", "all = ["),
        ("-survey", 'none = ["survey"]'),
        ("hypernet -survey", 'none = ["survey"]'),
        ("*network", '"network*"'),
        ("hyper*net", '"hyper net*"'),
        ("hyper**", '"hyper*"'),
        ("hyper.*", '"hyper*"'),
        ("hyper *", '"hyper*"'),
        ("*", '"word*"'),
        ("x*", "write more letters"),
        ("“LoRA”", """'"LoRA"'"""),
        ("\u2018LoRA\u2019", """'"LoRA"'"""),
        ('"LoRA', """'"LoRA"'"""),
        ('LoRA"', """'"LoRA"'"""),
        ('"', """'"word"'"""),
        ('""', """'"word"'"""),
        ('"LoRA" adapters', """'"LoRA adapters"'"""),
        ('"hyper*"', '"hyper*" for a prefix'),
    ],
)
def test_refused_with_advice(keyword: str, advice: str) -> None:
    with pytest.raises(RuleError) as raised:
        compiled(RuleSettings(), RuleSettings(any=("fine", keyword)))
    assert advice in raised.value.message
    assert raised.value.key == "rules[1].any[1]"
    assert raised.value.subscription_id == "ada"


@pytest.mark.parametrize(
    "keyword",
    ["Alzheimer’s", "3D", '"AND"', '"Attention, please"', "2,4-D", "R&D", "nor", "Or", "#5"],
)
def test_not_refused(keyword: str) -> None:
    ruleset = compiled(RuleSettings(any=(keyword,), none=("zzz",)))
    assert ruleset.judge(titled(keyword), now=NOW)


def test_advice_shows_long_keywords_cut() -> None:
    with pytest.raises(RuleError, match="…`") as raised:
        compiled(RuleSettings(none=(", ".join(["word"] * 100),)))
    assert raised.value.key == "rules[0].none[0]"


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("Ha", "David Ha"),
        ("David Ha", "DAVID HA"),
        ("Ha, David", "David Ha"),
        ("van der Maaten", "Laurens van der Maaten"),
        ("van der Maaten, Laurens", "Laurens van der Maaten"),
        ("Maaten", "Laurens van der Maaten"),
        ("garcia", "Ana García"),
        ("Jürgen Schmidhuber", r"J\"urgen Schmidhuber"),
        ("Lukasz Kaiser", "Łukasz Kaiser"),
        ("LeCun,", "Yann LeCun"),
        (" ".join("abcdefghijklmnop"), " ".join("abcdefghijklmnop")),
    ],
)
def test_authors_by_whole_or_last_name(wanted: str, name: str) -> None:
    paper = Paper("1", "", "", authors=(Author("Else"), Author(name)), is_full=True)
    match = judged(paper, RuleSettings(authors=("Nobody", wanted)))
    assert match is not None
    (hit,) = match.reasons[0].hits
    assert (hit.condition, hit.wanted, hit.words) == ("authors", wanted, (name,))


@pytest.mark.parametrize(
    ("wanted", "name"), [("David", "David Ha"), ("Ha", "Hao Ha Li"), ("Model", "Ann Models")]
)
def test_authors_that_differ(wanted: str, name: str) -> None:
    paper = Paper("1", "", "", authors=(Author(name),), is_full=True)
    assert judged(paper, RuleSettings(authors=(wanted,))) is None


@pytest.mark.parametrize(
    "name", ["Ha, Schmidhuber, LeCun", "David Ha, Jürgen Schmidhuber", "...", ""]
)
def test_names_that_are_not_names(name: str) -> None:
    with pytest.raises(RuleError) as raised:
        compiled(RuleSettings(authors=("Ha", name)))
    assert raised.value.key == "rules[0].authors[1]"


def test_organizations_by_slug_or_full_name() -> None:
    paper = Paper(
        "1", "", "", organization=Organization("g-deepmind", "Google DeepMind"), is_full=True
    )
    for wanted in ("G-DeepMind", "google deepmind", "Google-DeepMind"):
        match = judged(paper, RuleSettings(organizations=("nvidia", wanted)))
        assert match is not None
        assert match.reasons[0].hits[0].words == ("Google DeepMind",)
    assert judged(paper, RuleSettings(organizations=("google",))) is None
    assert judged(titled("x"), RuleSettings(organizations=("google",))) is None
    with pytest.raises(RuleError, match="no letter or digit"):
        compiled(RuleSettings(organizations=("—",)))


NEVER = [
    (RuleSettings(any=("graph survey",), none=("survey",)), "rules[0].none"),
    (RuleSettings(any=("surveys",), none=("survey",)), "rules[0].none"),
    (RuleSettings(any=("survey paper", "surveys"), none=("x", "survey*")), "rules[0].none"),
    (RuleSettings(any=("graph network*",), none=("net*",)), "rules[0].none"),
    (RuleSettings(any=('"LoRA"',), none=("lora",)), "rules[0].none"),
    (RuleSettings(any=('"LoRA nets"',), none=('"LoRA"',)), "rules[0].none"),
    (RuleSettings(any=('"Surveying"',), none=("survey*",)), "rules[0].none"),
    (RuleSettings(any=("a", "b c"), none=("a", "c")), "rules[0].none"),
    (RuleSettings(all=("x", "deep survey"), none=("survey",)), "rules[0].all[1]"),
    (RuleSettings(any=("x",), all=("y", " survey "), none=("survey",)), "rules[0].all[1]"),
    (RuleSettings(any=("x",), fields=()), "rules[0].fields"),
    (RuleSettings(all=("x",), fields=()), "rules[0].fields"),
]


@pytest.mark.parametrize(("rule", "key"), NEVER)
def test_a_rule_that_can_never_match_is_an_error(rule: RuleSettings, key: str) -> None:
    with pytest.raises(RuleError) as raised:
        compiled(rule)
    assert raised.value.key == key
    assert str(raised.value).startswith(f"{key}: ")


@pytest.mark.parametrize(
    "rule",
    [
        RuleSettings(any=("survey",), none=("graph survey",)),
        RuleSettings(any=("a", "survey"), none=("survey",)),
        RuleSettings(any=("lora",), none=('"LoRA"',)),
        RuleSettings(any=("survey*",), none=("survey",)),
        RuleSettings(any=("survey*",), none=('"survey"',)),
        RuleSettings(any=("policy",), none=("policy*",)),
        RuleSettings(any=("graph network",), none=("network graph",)),
        RuleSettings(all=("deep learning",), none=("deeply",)),
        RuleSettings(fields=()),
        RuleSettings(none=("survey", "survey", "surveys")),
        RuleSettings(authors=("Ha", "Ha")),
    ],
)
def test_a_rule_that_can_match_is_none(rule: RuleSettings) -> None:
    assert compiled(rule).subscription_ids == ("ada",)
