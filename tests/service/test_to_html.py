"""The page for people without Grafana, and, where there is a Chromium, what it shows."""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.chromium import Chromium
from trueness import offline_page
from trueness.errors import UsageError
from trueness.service import service_compare

BROWSER = os.environ.get("TRUENESS_BROWSER") or shutil.which("chromium")
needs_browser = pytest.mark.skipif(not BROWSER, reason="needs chromium; see .ci/run")
PLOTS = ("forest", "quantiles", "histogram", "time", "sizes")
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample runs, one of them under a hostile name and with a hostile metric of its own."""
    root = tmp_path_factory.mktemp("html")
    folder = Path(shutil.copytree(samples / "input", root / HOSTILE.replace("/", "")))
    with (folder / "request_summary.csv").open("a", newline="") as file:
        csv.writer(file).writerow([HOSTILE, *["1"] * 6])
    service_compare([folder], [samples / "golden"], root / "out")
    return root / "out" / "compare_result.html"


@pytest.fixture(scope="module")
def opened(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(str(BROWSER), tmp_path_factory.mktemp("profile"))
    browser.open(page, PLOTS)
    yield browser
    browser.close()


def test_nothing_of_the_inputs_is_markup(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "onerror" not in text
    assert text.count("<script") == 3
    assert "http-equiv" in text


def test_without_bokeh_it_says_what_to_install(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline_page, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r'pip install "trueness\[service\]"'):
        service_compare([samples / "input"], [samples / "golden"], tmp_path / "out")
    assert not (tmp_path / "out" / "compare_result.html").exists()


@needs_browser
def test_it_opens_from_a_file_and_fetches_nothing(opened: Chromium, page: Path) -> None:
    assert opened.problems == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [page.as_uri()]
    text = str(opened.run("document.body.innerText"))
    assert "time_per_output_token (ms)" in text
    assert "onerror=alert(1)" in text


@needs_browser
def test_choices_and_words(opened: Chromium) -> None:
    def choose(name: str, value: str) -> None:
        opened.run(
            f"{{ const e = document.getElementById('{name}'); e.value = {json.dumps(value)};"
            " e.dispatchEvent(new Event('change')); }"
        )

    rows = "[...document.querySelectorAll('#rows tbody tr td:first-child')].map(e => e.className)"
    assert set(opened.run(rows)) > {"worse"}
    choose("verdict", "worse")
    assert set(opened.run(rows)) == {"worse"}
    choose("metric", "subsequent_token_latency (ms)")
    before = opened.run("document.querySelector('[data-word=notes]').textContent")
    opened.run("document.getElementById('language').click()")
    assert opened.run("document.querySelector('[data-word=notes]').textContent") != before
    opened.run("document.getElementById('theme').click()")
    assert opened.problems == []
