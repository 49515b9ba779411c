import copy
import csv
import json

import numpy as np
import pytest
from listening_files import KINDS, session
from scipy import stats

from auralflow.api.listening import listening_results
from auralflow.cli.main import main


def ratings(seed, reference=100):
    found = np.random.default_rng(seed).integers(30, 80, (4, 5))
    found[:, 0] = reference
    found[:, 3] += 15
    return found


@pytest.fixture
def save(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def save(name, content):
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return name

    return save


def test_means_and_comparisons_are_scipys(save):
    given = {name: ratings(seed) for seed, name in enumerate(("Ann", "Ben", "Cleo"))}
    given["Dan"] = ratings(9, reference=89)
    files = [save(f"{name}.json", session(name, values)) for name, values in given.items()]
    ranking, problems = listening_results(files)
    assert (ranking.listeners, ranking.excluded, problems) == (["Ann", "Ben", "Cleo"], [("Dan", 4)], [])
    counted = np.stack([given[name] for name in ranking.listeners])  # (listeners, pages, stimuli)
    for target, pages in {"all targets": range(4), "drums": (0, 2), "vocals": (1, 3)}.items():
        rows = [row for row in ranking.ranks if row.target == target]
        assert [row.place for row in rows] == [1, 2, 3, 4, 5] and rows[0].name == "Reference"
        for row in rows:
            heard = counted[:, list(pages), list(KINDS).index(row.name)]
            means = heard.mean(axis=1)
            half = stats.t.ppf(0.975, 2) * stats.sem(means)
            assert row.mean == pytest.approx((means.mean(), means.mean() - half, means.mean() + half))
            assert row.median.value == np.median(heard) and row.ratings == heard.size
        [pair] = [item for item in ranking.comparisons if item.target == target]
        first, second = (counted[:, list(pages)][..., list(KINDS).index(name)].mean(axis=1) for name in pair[1:3])
        assert pair.difference.value == pytest.approx((first - second).mean()) and pair.difference.value > 0
        assert pair.p == pytest.approx(stats.ttest_rel(first, second).pvalue)  # a single pair needs no correction


@pytest.mark.parametrize(("pages", "missed", "excluded"), [(6, 1, True), (7, 1, False), (20, 3, False), (20, 4, True)])
def test_listeners_may_miss_the_reference_on_15_percent_of_the_pages(save, pages, missed, excluded):
    values = np.full((pages, 5), 50)
    values[:, 0] = [89] * missed + [90] * (pages - missed)
    ranking, _ = listening_results(save("a.json", session("Ann", values)))
    assert ranking.excluded == ([("Ann", missed)] if excluded else [])


def test_the_command_prints_and_writes(save, capsys, tmp_path):
    files = [save(f"{seed}.json", session(f"L{seed}", ratings(seed, 80 if seed == 2 else 95))) for seed in range(4)]
    bad = [save("bad.json", "{"), save("other.json", session("Eve", ratings(5), test="u"))]
    arguments = ["listening-test", "results", *files, *bad, "--csv", "out.csv", "--json", "out.json"]
    assert main(arguments) == 1
    output, error = capsys.readouterr()
    assert "Excluded: L2, who rated the hidden reference below 90 on 4 of 4 pages." in output
    assert "Counted 3 listeners: L0, L1, L3." in output and "[b]two" in output
    first, *lines = error.splitlines()
    assert first == "auralflow: 2 of 6 files not counted:" and len(lines) == 2
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    saved = json.loads((tmp_path / "out.json").read_text())
    assert len(rows) == len(saved["ranks"]) == 15 and len(saved["comparisons"]) == 3
    for text, value in zip(rows, saved["ranks"], strict=True):
        assert float(text["mean_low"]) == value["mean_low"] <= value["mean"] <= value["mean_high"]
        assert f"{value['mean']:.1f} [{value['mean_low']:.1f}, {value['mean_high']:.1f}]" in output
    assert saved["excluded"] == [{"listener": "L2", "missed": 4}] and len(saved["not_counted"]) == 2
    assert main(["listening_test", "results", "nothing"]) == 2  # not a command's name
    assert main(["listening-test", "results", *bad[:1]]) == 2


def changed(change):
    content = copy.deepcopy(session("Zoe", ratings(7)))
    change(content)
    return content


def rating(content):
    return content["trials"][1]["ratings"][2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not valid JSON at line 1"),
        ("\xff", "cannot be read"),
        ("[]", "is no result of a listening test, expected the file that its page saves"),
        (changed(lambda content: content.update(format=2)), "has the format 2, expected 1"),
        (changed(lambda content: rating(content).update(rating=101)), "<= 100.0 - at `$.trials[1].ratings[2].rating`"),
        (changed(lambda content: rating(content).update(rating=None)), "got `null` - at `$.trials[1].ratings[2]"),
        (changed(lambda content: rating(content).update(rating=float("nan"))), "is nan, expected a finite number"),
        (changed(lambda content: rating(content).update(kind="other")), "Invalid enum value 'other'"),
        (changed(lambda content: content.update(extra=1)), "unknown field `extra`"),
        (changed(lambda content: content.update(trials=[])), "trials is empty"),
        (changed(lambda content: content["trials"].pop()), "has ratings of other sounds than good.json"),
        (changed(lambda content: content["trials"].append(content["trials"][0])), "has the same page twice"),
        (changed(lambda content: rating(content).update(name="one")), "page 2 has 2 ratings of one, expected one"),
        (changed(lambda content: rating(content).update(kind="reference")), "2 ratings of the hidden reference"),
        (changed(lambda content: content.update(test="u")), "is of another listening test, u; expected t"),
        (session("Ann", ratings(1)), "holds the same session as good.json"),
    ],
)
def test_files_that_cannot_be_counted_are_named_and_the_others_counted(save, content, message):
    good = [save(f"{name}.json", session(name, ratings(1))) for name in ("good", "Bob")]
    save("good.json", session("Ann", ratings(1)))
    if content == "\xff":
        with open("bad.json", "wb") as file:
            file.write(b"\xff\xfe\x00")
    else:
        save("bad.json", content)
    ranking, [problem] = listening_results([*good, "bad.json"])
    assert ranking.listeners == ["Ann", "Bob"]
    assert problem.startswith("bad.json: ") and message in problem and "\n" not in problem
