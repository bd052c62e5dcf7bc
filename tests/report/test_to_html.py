"""What the page is made of, and, where there is a Chromium, what it does."""

import base64
import hashlib
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builders.chromium import Chromium
from builders.reports import HOSTILE_NAMES, hostile_rows, model_rows, result, summary_of
from trueness import offline_page
from trueness.errors import UsageError
from trueness.model import Diagnosis, Finding, Metrics, Result, State, TensorRef
from trueness.report import Summary, to_html, write_report

BROWSER = os.environ.get("TRUENESS_BROWSER") or shutil.which("chromium")
STRANGE = "no such sentence (.*) [0] {0}"
needs_browser = pytest.mark.skipif(not BROWSER, reason="needs chromium; see .ci/run")


def page_of(folder: Path, rows: list[Result], summary: Summary | None = None) -> Path:
    made = summary or summary_of(rows)
    return write_report("html", rows, folder / "report.html", lambda: made)


def data_of(page: Path) -> dict:
    packed = re.search(r'id="data">([^<]*)<', page.read_text(encoding="utf-8"))
    assert packed
    return json.loads(zlib.decompress(base64.b64decode(packed[1])))


def texts(column: object) -> list[str]:
    return [column["words"][i] for i in column["index"]] if isinstance(column, dict) else column


def test_the_page_holds_all_that_it_shows(tmp_path: Path) -> None:
    rows = list(model_rows(300, rows_a_layer=5))
    data = data_of(page_of(tmp_path, rows))
    assert (data["verdict"], data["total"], data["step"]) == ("FAIL", 300, 0)
    assert data["columns"]["row"] == list(range(300))
    assert texts(data["columns"]["name"]) == [row.my.op_name for row in rows if row.my]
    assert data["columns"]["layer"][90] == 18
    distances = [row.metrics["relative_euclidean_distance"] for row in rows]
    assert data["columns"]["metrics"]["relative_euclidean_distance"] == pytest.approx(
        distances, rel=1e-3
    )
    assert data["diagnosis"]["findings"][0]["producers"][1] == {
        "op_name": "mask",
        "op_type": "Data",
        "error": None,
    }


def test_nan_is_nothing_and_infinity_is_a_number(tmp_path: Path) -> None:
    values = {"rmse": float("nan"), "relative_euclidean_distance": float("inf")}
    metrics = data_of(page_of(tmp_path, [result(metrics=Metrics(values))]))["columns"]["metrics"]
    assert (metrics["rmse"], metrics["relative_euclidean_distance"]) == ([None], [float("inf")])


def test_of_too_many_rows_the_worst_stay_and_the_rest_is_thinned_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_html, "WORST", 10)
    monkeypatch.setattr(to_html, "THINNED", 20)
    rows = list(model_rows(200, ranks=1))
    rows[123] = result("bad", 7.0)
    data = data_of(page_of(tmp_path, rows))
    kept = data["columns"]["row"]
    assert len(kept) <= 30 and 123 in kept
    assert data["step"] == 16
    assert set(range(0, 200, 16)) <= set(kept)


def test_long_names_are_cut_when_the_page_would_grow_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [result(hashlib.sha256(bytes([i])).hexdigest() * 3) for i in range(50)]
    lengths = []
    for most in (1_000_000, 1):
        monkeypatch.setattr(to_html, "_MOST", most)
        names = texts(data_of(page_of(tmp_path, rows))["columns"]["name"])
        lengths.append(max(map(len, names)))
    assert lengths == [192, 39]


def test_nothing_of_a_dump_is_in_the_page_as_it_is(tmp_path: Path) -> None:
    text = page_of(tmp_path, hostile_rows(), summary_of(hostile_rows(), 9)).read_text("utf-8")
    assert "onerror" not in text and "pwned" not in text and "cmd|" not in text
    assert text.count("<script") == 3


def test_the_words_are_the_same_in_both_languages() -> None:
    words = json.loads((to_html._HERE / "words.json").read_text("utf-8"))
    assert words["en"].keys() == words["zh"].keys()
    for key, word in words["en"].items():
        assert set(re.findall(r"\{\d\}", word)) == set(re.findall(r"\{\d\}", words["zh"][key]))


def test_without_bokeh_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline_page, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r'pip install "trueness\[report\]"'):
        page_of(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(str(BROWSER), tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def model_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_of(tmp_path_factory.mktemp("page"), list(model_rows(300, rows_a_layer=5)))


FIRST_ROW = "document.querySelector('#rows tbody tr').innerText"


def choose(browser: Chromium, name: str, value: str, event: str = "change") -> None:
    browser.run(
        f"{{ const e = document.getElementById('{name}'); e.value = {json.dumps(value)};"
        f" e.dispatchEvent(new Event('{event}')); }}"
    )


@pytest.fixture(scope="module")
def opened(chromium: Chromium, model_page: Path) -> Chromium:
    chromium.open(model_page)
    return chromium


@needs_browser
def test_it_opens_from_a_file_without_errors_and_fetches_nothing(
    opened: Chromium, model_page: Path
) -> None:
    assert opened.problems == []
    assert {url.split(":")[0] for url in opened.requests} <= {"file", "data"}
    assert [url for url in opened.requests if url.startswith("file")] == [model_page.as_uri()]
    text = str(opened.run("document.body.innerText"))
    order = [text.index(word) for word in ("FAIL (auto@2)", "1. model.layers.17.", "300 of 300")]
    assert order == sorted(order)
    assert opened.run("document.querySelectorAll('.finding svg .box').length") == 8


@needs_browser
def test_filters_search_and_sort(opened: Chromium) -> None:
    shown = "document.getElementById('shown').textContent"
    assert str(opened.run(FIRST_ROW)).split("\t")[5] == "0"
    choose(opened, "rank", "1")
    assert opened.run(shown) == "150 of 300 rows"
    choose(opened, "layer", "30")
    assert opened.run(shown) == "5 of 300 rows"
    choose(opened, "rank", "")
    choose(opened, "layer", "")
    choose(opened, "search", "softmax", "input")
    opened.wait(f"{shown} === '60 of 300 rows'")
    choose(opened, "search", "", "input")
    opened.wait(f"{shown} === '300 of 300 rows'")
    opened.run("document.querySelector('#rows th').click()")
    assert str(opened.run(FIRST_ROW)).startswith("299\t")
    opened.run("document.querySelector('#rows th').click()")
    assert str(opened.run(FIRST_ROW)).startswith("0\t")
    opened.run("document.getElementById('next').click()")
    assert str(opened.run(FIRST_ROW)).startswith("100\t")
    opened.run("document.querySelector('#rows tbody tr').click()")
    assert "dump/worldsize2" in str(opened.run("document.getElementById('detail').innerText"))
    choose(opened, "metric", "kl_divergence")
    assert "kl_divergence" in str(opened.run("document.querySelector('#rows thead').innerText"))
    assert opened.problems == []


@needs_browser
def test_light_dark_and_two_languages(opened: Chromium) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    assert opened.run(back) == "rgb(255, 255, 255)"
    opened.run("document.getElementById('theme').click()")
    assert opened.run(back) == "rgb(13, 17, 23)"
    opened.run("document.getElementById('language').click()")
    words = json.loads((to_html._HERE / "words.json").read_text("utf-8"))["zh"]
    assert opened.run("document.documentElement.lang") == "zh"
    assert opened.run("document.querySelector('h2').textContent") == words["diagnosis"]
    assert words["operator"] in str(opened.run("document.querySelector('#rows thead').innerText"))
    assert opened.problems == []


@needs_browser
def test_the_diagnosis_is_translated_and_names_in_it_are_not(
    chromium: Chromium, tmp_path: Path
) -> None:
    rows = [replace(result("graph", 0.3), reason="golden shape [2], my shape [3]; no elements")]
    finding = Finding("introduced", "graph", "", 9, 0.3, 0.1, [STRANGE], rows[0])
    conclusion = "graph is where the values part; 2 more are suspect"
    summary = replace(summary_of(rows), diagnosis=Diagnosis(conclusion, [finding], "graph"))
    chromium.open(page_of(tmp_path, rows, summary))
    read = "document.getElementById('diagnosis').innerText"
    assert conclusion in str(chromium.run(read)) and STRANGE in str(chromium.run(read))
    chromium.run("document.getElementById('language').click()")
    said = str(chromium.run(read))
    known = json.loads((to_html._HERE / "sentences.json").read_text("utf-8"))
    assert known["{0} is where the values part"].replace("{0}", "graph") in said
    assert known["{0} more are suspect"].replace("{0}", "2") in said
    assert known["introduced"] in said and STRANGE in said
    assert known["graph"] in str(chromium.run("document.getElementById('facts').innerText"))
    shapes = known["golden shape {0}, my shape {1}"].format("[2]", "[3]")
    table = str(chromium.run("document.querySelector('#rows tbody').innerText"))
    assert shapes in table and known["no elements"] in table
    assert chromium.problems == []


@needs_browser
def test_hovering_shows_the_row(chromium: Chromium, tmp_path: Path) -> None:
    rows = [result(f"op{i}", 0.1) for i in range(3)]
    chromium.open(page_of(tmp_path, rows))
    chromium.run("document.getElementById('trend').scrollIntoView()")
    box = "document.getElementById('trend').getBoundingClientRect()"
    left, top, width, height = (
        float(str(chromium.run(f"{box}.{side}"))) for side in ("x", "y", "width", "height")
    )
    found = ""
    # The points are in the middle of the height; where exactly depends on fonts.
    for step in range(600):
        across, down = step % 12 * 4, step // 12 % 5 * 8 - 30
        chromium.move_mouse(left + width / 2 + across, top + height / 2 + down)
        found = str(chromium.run(TOOLTIP))
        if "op1" in found:
            break
    assert "output 0" in found and "relative_euclidean_distance 0.1 > 0.005" in found


TOOLTIP = """(() => {
  const seen = [];
  const walk = (node) => {
    if (String(node.className).includes('bk-tooltip-row-value')) seen.push(node.textContent);
    if (node.shadowRoot) node.shadowRoot.querySelectorAll('*').forEach(walk);
  };
  document.querySelectorAll('*').forEach(walk);
  return seen.join(' | ');
})()"""


@needs_browser
def test_hostile_names_do_nothing(chromium: Chromium, tmp_path: Path) -> None:
    rows = hostile_rows()
    chromium.open(page_of(tmp_path, rows, summary_of(rows, 9)))
    chromium.run("for (const row of document.querySelectorAll('#rows tbody tr')) row.click()")
    assert chromium.run("document.title") == "trueness: FAIL"
    assert chromium.run("document.querySelectorAll('img').length") == 0
    assert chromium.run("document.scripts.length") == 4
    names = "[...document.querySelectorAll('#rows tbody tr')].map((r) => r.cells[2].textContent)"
    shown = chromium.run(names)
    assert set(HOSTILE_NAMES[:6]) < set(shown)  # type: ignore[arg-type]
    assert "\\u202eevil\\u202c" in shown  # type: ignore[operator]
    assert chromium.problems == []


@needs_browser
def test_findings_of_files_that_tell_no_operator_type(chromium: Chromium, tmp_path: Path) -> None:
    ref = TensorRef("my/a.npy")
    rows = [result(error=0.5, golden=ref, my=ref)]
    chromium.open(page_of(tmp_path, rows, summary_of(rows, 1)))
    assert chromium.problems == []
    assert chromium.run("document.querySelectorAll('.finding').length") == 1
    assert chromium.run("document.querySelectorAll('#rows tbody tr').length") == 1


@needs_browser
def test_a_row_that_fails_without_a_number_comes_first(chromium: Chromium, tmp_path: Path) -> None:
    broken = result("nan", 0.5, state=State.NONFINITE_MY, metrics=Metrics({}))
    missing = result("gone", 0.5, state=State.UNMATCHED_MY, metrics=Metrics({}))
    rows = [result("good"), missing, broken, result("bad", 0.9)]
    chromium.open(page_of(tmp_path, rows))
    names = "[...document.querySelectorAll('#rows tbody tr')].map((r) => r.cells[2].textContent)"
    assert chromium.run(names) == ["nan", "bad", "good", "gone"]


@needs_browser
def test_equal_tensors_have_a_bin_of_their_own(chromium: Chromium, tmp_path: Path) -> None:
    chromium.open(page_of(tmp_path, [result()]))
    plot = """histogramPlot(
      { columns: { metrics: { m: [0, 0.1, 0.2] }, verdict: ["pass", "fail", "fail"] } },
      [0, 1, 2], "m", (word) => word)"""
    tops = f"{plot}.renderers.map((r) => [...r.data_source.data.top]).map((t) => t[0])"
    assert chromium.run(tops) == [1, 1, 1]
    passed, all_rows = (
        chromium.run(f"[...{plot}.renderers[{k}].data_source.data.top].filter(Boolean).length")
        for k in (0, 1)
    )
    assert (passed, all_rows) == (1, 3)


@needs_browser
def test_no_origin_of_the_order_is_no_line(chromium: Chromium, tmp_path: Path) -> None:
    rows = [result("a", 0.5)]
    summary = summary_of(rows, 0)
    summary.diagnosis = Diagnosis("nothing was compared that could be followed")
    chromium.open(page_of(tmp_path, rows, summary))
    assert "order and edges" not in str(chromium.run("document.body.innerText"))


@needs_browser
def test_no_rows(chromium: Chromium, tmp_path: Path) -> None:
    chromium.open(page_of(tmp_path, []))
    assert chromium.problems == []
    text = str(chromium.run("document.body.innerText"))
    assert "NOTHING COMPARED" in text
    assert "()" not in text
