"""Rubrics: every mistake a teacher can make is named with its place; points follow from what was measured."""

import copy
import math

import pytest
import yaml

from data_tools.errors import KitError
from reports.grading.points import Evidence, award, unscaled
from reports.grading.rubric import check_metrics, read_rubric, rubric_from
from reports.grading.verdict import PROBLEMS, Problem, Verdict, compare, compare_all, of_problem, overall
from tests.reports.grading.toy import RUBRIC


def changed(place: str, value) -> dict:
    """RUBRIC with `value` at a dotted place; the criterion "accuracy" is criteria.5."""
    values = copy.deepcopy(RUBRIC)
    *above, last = place.split(".")
    at = values
    for key in above:
        at = at[int(key)] if isinstance(at, list) else at[key]
    at[int(last) if isinstance(at, list) else last] = value
    return values


def test_a_rubric_is_read_and_its_total_computed(tmp_path):
    (tmp_path / "rubric.yaml").write_text(yaml.safe_dump(RUBRIC))
    rubric = read_rubric(tmp_path / "rubric.yaml")
    assert rubric.total == 100 and rubric.assignment == "toy" and rubric.metrics == {"accuracy"}
    assert rubric.criteria[5].at_least == 0.7 and [step.points for step in rubric.criteria[5].partial] == [20, 10]
    (tmp_path / "rubric.yaml").write_text("# a remark changes nothing\n" + yaml.safe_dump(RUBRIC))
    assert read_rubric(tmp_path / "rubric.yaml").sha256 == rubric.sha256
    assert rubric_from(changed("criteria.0.points", 11), "x").sha256 != rubric.sha256


@pytest.mark.parametrize("values, message", [
    (changed("tolerence", 1), r"unknown key tolerence - did you mean tolerance\?"),
    (changed("tolerance", "0.1"), r"tolerance is '0.1', expected a number"),
    (changed("tolerance", -1), r"tolerance is -1, below 0"),
    (changed("tolerances", [1]), "tolerances is a list"),
    (changed("tolerances", {"accuracy": math.nan}), "tolerances: accuracy is nan"),
    (changed("when_edited", "zeor"), r"'zeor' - did you mean zero\?"),
    (changed("criteria", {}), "criteria is missing"),
    (changed("criteria", "x"), "criteria is a str"),
    (changed("assignment", ""), "assignment is missing"),
    (changed("criteria.1.id", "whole"), "two criteria have the id whole"),
    (changed("criteria.5.kind", "metrics"), r"criterion 6 \(accuracy\): kind is 'metrics' - did you mean metric\?"),
    (changed("criteria.5.atleast", 1), r"unknown key atleast - did you mean at_least\?"),
    (changed("criteria.5.at_most", 1), "one of at_least, at_most, band and gain; found at_least, at_most"),
    (changed("criteria.0.at_least", 1), r"criterion 1 \(whole\): unknown key at_least"),
    (changed("criteria.5.points", -1), "points is -1, below 0"),
    (changed("criteria.5.points", math.inf), "points is inf, expected a number"),
    (changed("criteria.5.points", True), "points is True, expected a number"),
    (changed("criteria.5.metric", None), "metric is None, expected a short text"),
    (changed("criteria.5.title", {"en": "x"}), "title needs both en and zh"),
    (changed("criteria.5.title", "x"), "title: expected named values, found str"),
    (changed("criteria.5.partial", [{"at_least": 0.5, "points": 50}]), "50 points for a part, 40 for all"),
    (changed("criteria.5.partial", [{"at_most": 0.5, "points": 5}]), "at_most beside a criterion that has at_least"),
    (changed("criteria.5.partial", [{"points": 5}]), "needs points and one of"),
    (changed("criteria.5", "x"), "criterion 6: expected named values, found str"),
    (changed("criteria.5", {"id": "a", "title": {"en": "a", "zh": "a"}, "kind": "whole"}), "points is missing"),
    (changed("criteria.5", {"id": "a", "title": {"en": "a", "zh": "a"}, "kind": "preset", "points": 1}),
     "presets is missing"),
    (changed("criteria.5", {**{k: v for k, v in RUBRIC["criteria"][5].items() if k not in ("at_least", "partial")},
                            "band": [1, 0]}), r"band \[1, 0\] is empty"),
    ([], "expected named values, found list")])
def test_mistakes_are_named(values, message):
    with pytest.raises(KitError, match=f"^my rubric.*{message}"):
        rubric_from(values, "my rubric")


@pytest.mark.parametrize("given, message", [
    ({"from": "basline"}, "from is 'basline', expected baseline or a number"),
    ({"from": 0.7}, "from is 0.7, which is as good as the goal"),
    ({"from": True}, "from is True, expected a number"),
    ({"from": 0.1, "partial": [{"at_least": 0.5, "points": 5}]}, "from stands beside partial")])
def test_mistakes_of_a_scale_are_named(given, message):
    entry = {key: value for key, value in RUBRIC["criteria"][5].items() if key != "partial"}
    with pytest.raises(KitError, match=f"my rubric.*accuracy.*{message}"):
        rubric_from(changed("criteria.5", {**entry, **given}), "my rubric")


@pytest.mark.parametrize("content, message", [
    ("a: &x 1\nb: *x", "anchor or alias"), ("- [", "not valid YAML"), ("x: !!python/name:os.system", "tag")])
def test_a_file_that_is_no_plain_yaml(tmp_path, content, message):
    (tmp_path / "rubric.yaml").write_text(content)
    with pytest.raises(KitError, match=f"rubric.yaml.*{message}"):
        read_rubric(tmp_path / "rubric.yaml")
    with pytest.raises(KitError, match="none.yaml cannot be read: No such file"):
        read_rubric(tmp_path / "none.yaml")


def test_a_metric_that_nobody_measures_is_named():
    rubric = rubric_from(changed("criteria.5.metric", "acuracy"), "x")
    with pytest.raises(KitError, match=r"unknown metric acuracy - did you mean accuracy\?; there are accuracy, f1"):
        check_metrics(rubric, ["accuracy", "f1"], "x")


def points_of(criterion: dict, **evidence) -> float:
    values = {"id": "c", "title": {"en": "c", "zh": "c"}, "points": 10, **criterion}
    return award(rubric_from({**RUBRIC, "criteria": [values]}, "x"), Evidence(**evidence))[0].points


@pytest.mark.parametrize("measured, points", [(0.7, 40), (0.69, 20), (0.5, 20), (0.49, 10), (0.29, 0)])
def test_partial_credit(measured, points):
    line = award(rubric_from(RUBRIC, "x"), Evidence(judged=True, measured={"accuracy": measured}))[5]
    assert line.points == points and line.passed == (points == 40)


@pytest.mark.parametrize("measured, met", [(0.7, True), (0.69, False), (None, False)])
def test_a_line_for_information_shows_whether_it_is_met(measured, met):
    rubric = rubric_from(changed("criteria.5", {**RUBRIC["criteria"][5], "points": 0, "partial": []}), "x")
    line = award(rubric, Evidence(judged=True, measured={} if measured is None else {"accuracy": measured}))[5]
    assert (line.points, line.max, line.passed) == (0, 0, met)


@pytest.mark.parametrize("measured, points, said", [
    (0.2, 0, "no better than the base line 0.3000"), (0.3, 0, "什么都不学"), (0.3001, 0, "base line 0.3000,"),
    (0.5, 20, "基线 0.3000，"), (0.6, 30, "for all points"), (0.7, 40, "for all points"), (0.9, 40, "for all points")])
def test_points_grow_evenly_from_the_base_line_to_the_goal(measured, points, said):
    entry = {key: value for key, value in RUBRIC["criteria"][5].items() if key != "partial"}
    rubric = rubric_from(changed("criteria.5", {**entry, "from": "baseline"}), "x")
    evidence = Evidence(judged=True, measured={"accuracy": measured}, baseline={"accuracy": 0.3})
    line = award(rubric, evidence)[5]
    assert line.points == points and line.passed == (points == 40) and not unscaled(rubric, evidence)
    assert said in line.message["en"] + line.message["zh"]


def test_a_goal_that_the_base_line_reaches_is_the_graders_mistake():
    entry = {key: value for key, value in RUBRIC["criteria"][5].items() if key != "partial"}
    rubric = rubric_from(changed("criteria.5", {**entry, "from": "baseline"}), "x")
    assert "the goal 0.7 of accuracy is no better than the base line 0.8" in unscaled(
        rubric, Evidence(measured={"accuracy": 0.9}, baseline={"accuracy": 0.8}))
    assert "no base line of accuracy" in unscaled(rubric, Evidence(measured={"accuracy": 0.9}))
    low = rubric_from(changed("criteria.5", {**{key: value for key, value in entry.items() if key != "at_least"},
                                             "at_most": 0.2, "from": 1}), "x")
    assert award(low, Evidence(measured={"accuracy": 0.6}))[5].points == 20  # an error rate: downwards
    gain = rubric_from(changed("criteria.5", {**{key: value for key, value in entry.items() if key != "at_least"},
                                              "gain": 0.4}), "x")
    line = award(gain, Evidence(measured={"accuracy": 30.3}, baseline={"accuracy": 30.1}))[5]
    assert line.points == 20 and "at least 30.5 for all points" in line.message["en"]
    assert "no base line" in unscaled(gain, Evidence(measured={"accuracy": 0.9}))


def test_the_standard_lines_share_what_is_left_of_100():
    def points(*own: float) -> dict[str, float]:
        entries = [{**RUBRIC["criteria"][5], "id": f"a{number}", "points": value, "partial": []}
                   for number, value in enumerate(own)]
        return {line.id: line.points for line in rubric_from({"assignment": "x", "standard": True,
                                                              "criteria": entries}, "x").criteria}

    assert points(86) == {"whole": 2, "weights": 2, "seal": 2, "consistent": 2, "reproduced": 6, "a0": 86}
    assert points(20, 10) == {"whole": 10, "weights": 10, "seal": 10, "consistent": 10, "reproduced": 30,
                              "a0": 20, "a1": 10}  # as rubrics that were written before had it
    assert points(110)["whole"] == 10


@pytest.mark.parametrize("bounds, value, points", [
    ({"at_most": 0.2, "partial": [{"at_most": 0.4, "points": 4}]}, 0.2, 10), ({"at_most": 0.2}, 0.21, 0),
    ({"at_most": 0.2, "partial": [{"at_most": 0.4, "points": 4}]}, 0.3, 4),
    ({"band": [0.1, 0.3]}, 0.3, 10), ({"band": [0.1, 0.3]}, 0.31, 0), ({"band": [0.1, 0.3]}, 0.05, 0)])
def test_bounds(bounds, value, points):
    assert points_of({"kind": "metric", "metric": "loss", **bounds}, measured={"loss": value}) == points


def test_no_claim_alone_earns_points():
    claims = {"claimed": {"accuracy": 0.99}}
    assert points_of({"kind": "metric", "metric": "accuracy", "at_least": 0.5}, **claims) == 0
    assert points_of({"kind": "reproduced"}, **claims) == 0
    assert points_of({"kind": "reproduced"}, **claims, measured={"accuracy": 0.98}) == 10
    assert points_of({"kind": "reproduced", "tolerance": 0.001}, **claims, measured={"accuracy": 0.98}) == 0
    assert points_of({"kind": "reproduced", "metric": "f1"}, **claims, measured={"accuracy": 0.98}) == 0
    preset = {"kind": "preset", "presets": ["paper"]}
    assert points_of(preset, preset="paper") == 10 and points_of(preset, preset="smoke") == 0
    assert points_of(preset, preset="paper", problems=[Problem("seal-broken", "x")]) == 0
    assert [points_of({"kind": "seal"}, seal=seal) for seal in (None, ["a"], [])] == [0, 0, 10]


@pytest.mark.parametrize("evidence", [
    {}, {"seal": ["result.json"], "preset": "smoke", "problems": [Problem("pickle", "x"), Problem("seal-broken", "x")]},
    {"whole": True, "judged": True, "checked": True, "seal": [], "preset": "paper", "claimed": {"accuracy": 0.9},
     "measured": {"accuracy": 0.9}},
    {"measured": {"accuracy": 0.6}, "claimed": {"accuracy": 0.9}}, {"measured": {"accuracy": 0.6}}])
def test_what_was_found_is_told_in_both_languages(evidence):
    rubric = rubric_from({**RUBRIC, "criteria": [*RUBRIC["criteria"], {
        "id": "preset", "kind": "preset", "presets": ["paper"], "points": 1, "title": {"en": "c", "zh": "c"}}]}, "x")
    for line in award(rubric, Evidence(**evidence)):
        assert line.message["en"].isascii() and any("\u4e00" <= letter <= "\u9fff" for letter in line.message["zh"])
    assert all(english.isascii() and not chinese.isascii() for english, chinese in PROBLEMS.values())


@pytest.mark.parametrize("claimed, measured, verdict", [
    (0.9, 0.9 + 1e-9, Verdict.REPRODUCED), (0.9, 0.92, Verdict.WITHIN_TOLERANCE), (0.9, 0.8, Verdict.NOT_REPRODUCED),
    (math.nan, 0.9, Verdict.NOT_REPRODUCED), (math.inf, math.inf, Verdict.NOT_REPRODUCED)])
def test_compare(claimed, measured, verdict):
    assert compare(claimed, measured, 0.03) is verdict


def test_the_verdict_is_the_gravest():
    good, bad = Problem("seal-broken", ""), Problem("pickle", "")
    assert overall([], {}) is overall([bad, good], {"a": Verdict.REPRODUCED}) is Verdict.INCOMPLETE
    assert overall([good], {}) is overall([good], {"a": Verdict.REPRODUCED}) is Verdict.EDITED
    compared = compare_all({"a": 1.0, "b": 0.5}, {"a": 1.0, "b": 0.52}, {"a": 0.0, "b": 0.1})
    assert overall([], compared) is Verdict.WITHIN_TOLERANCE
    assert overall([], compare_all({}, {"a": 1.0}, {"a": 0.1})) is Verdict.NOT_REPRODUCED
    assert {of_problem(kind) for kind in PROBLEMS} == {Verdict.EDITED, Verdict.INCOMPLETE}
