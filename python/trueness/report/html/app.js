// Puts the page together: what is chosen, in which words and colours, and what follows from it.

const byId = (id) => document.getElementById(id);

async function start() {
  const data = JSON.parse(await inflated("data"));
  const library = document.createElement("script");
  library.textContent = await inflated("library");
  document.head.append(library);
  Bokeh.set_log_level("warn");
  const state = {
    language: navigator.language.startsWith("zh") ? "zh" : "en",
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
    metric: "relative_euclidean_distance", sort: "relative_euclidean_distance", descending: true,
    page: 0, rows: [], filters: { rank: "", token: "", layer: "", verdict: "", search: "" },
  };
  const word = (key, ...parts) =>
    (data.words[state.language][key] ?? key).replace(/\{(\d)\}/g, (_, k) => parts[k]);
  const chinese = translator(data.sentences);
  const said = (sentence) => (state.language === "zh" ? chinese(sentence) : sentence);
  const page = pageOf(data, state, word, said);
  connect(data, state, page);
  page.everything();
  byId("loading").remove();
}

function pageOf(data, state, word, said) {
  const page = {
    everything() {
      document.documentElement.lang = state.language;
      document.documentElement.dataset.theme = state.theme;
      for (const labelled of document.querySelectorAll("[data-word]")) labelled.textContent = word(labelled.dataset.word);
      byId("language").textContent = word("language");
      byId("theme").textContent = word(state.theme === "dark" ? "light" : "dark");
      drawHeadline(data, word);
      drawFacts(data, word, said);
      drawDiagnosis(data, word, said);
      fillSelects(data, state, word);
      page.choose();
    },
    choose() {
      state.rows = chosenRows(data.columns, state.filters);
      byId("shown").textContent = word("shown", state.rows.length, data.total);
      page.sort();
      page.plots();
    },
    sort() {
      const column = tableColumns(data).find((one) => one.key === state.sort);
      sortRows(state.rows, (i) => rankedValue(data, column, i), state.descending);
      state.page = 0;
      page.table();
    },
    table() {
      drawHead(data, state, word, (key) => {
        state.descending = state.sort === key ? !state.descending : true;
        state.sort = key;
        page.sort();
      });
      drawPage(data, state, word, said);
    },
    plots() {
      const inOrder = [...state.rows].sort((a, b) => a - b);
      show("trend", trendPlot(data, inOrder, state.metric, word));
      show("histogram", histogramPlot(data, inOrder, state.metric, word));
    },
  };
  return page;
}

function connect(data, state, page) {
  byId("language").addEventListener("click", () => {
    state.language = state.language === "en" ? "zh" : "en";
    page.everything();
  });
  byId("theme").addEventListener("click", () => {
    state.theme = state.theme === "dark" ? "light" : "dark";
    page.everything();
  });
  byId("metric").addEventListener("change", (event) => {
    state.metric = event.target.value;
    page.table();
    page.plots();
  });
  for (const name of ["rank", "token", "layer", "verdict"]) {
    byId(name).addEventListener("change", (event) => {
      state.filters[name] = event.target.value;
      page.choose();
    });
  }
  let waiting;
  byId("search").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      state.filters.search = event.target.value;
      page.choose();
    }, 200);
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  const turn = (by) => () => {
    const last = Math.max(Math.ceil(state.rows.length / PAGE) - 1, 0);
    state.page = Math.min(Math.max(state.page + by, 0), last);
    page.table();
  };
  byId("previous").addEventListener("click", turn(-1));
  byId("next").addEventListener("click", turn(1));
}

function drawHeadline(data, word) {
  const head = byId("headline");
  head.textContent = word(data.verdict) + (data.standard && ` (${data.standard})`);
  head.className = data.verdict === "PASS" ? "pass" : "fail";
  document.title = `trueness: ${data.verdict}`;
}

function drawFacts(data, word, said) {
  const list = (counts) => Object.entries(counts).map(([name, count]) => `${word(name)} ${count}`).join(", ");
  const facts = [
    ...Object.entries(data.recognised).map(([side, text]) => [word(side), text]),
    [word("compared"), list(data.compared)],
    [word("coverage"), list(data.coverage)],
    [word("first"), data.first || word("none")],
  ];
  const origins = [data.diagnosis?.order, data.diagnosis?.edges].filter(Boolean).join("; ");
  if (origins) facts.push([word("order"), said(origins)]);
  byId("facts").replaceChildren(...facts.map(([name, text]) => {
    const row = element("tr");
    row.append(element("th", name), element("td", text));
    return row;
  }));
  byId("note").textContent = data.step ? word("kept", data.worst, data.step, data.total) : "";
}

function drawDiagnosis(data, word, said) {
  byId("diagnosis").hidden = !data.diagnosis;
  if (!data.diagnosis) return;
  byId("conclusion").textContent = said(data.diagnosis.conclusion);
  byId("findings").replaceChildren(...data.diagnosis.findings.map((finding, k) => findingCard(finding, k, word, said)));
}

function fillSelects(data, state, word) {
  const fill = (id, options, chosen) => {
    byId(id).replaceChildren(...options.map(([value, text]) => element("option", text, { value })));
    byId(id).value = chosen;
  };
  fill("metric", data.metrics.map((name) => [name, name]), state.metric);
  for (const name of ["rank", "token", "layer"]) {
    const values = distinct(data.columns[name]).map((value) => [value, value]);
    fill(name, [["", word("all")], ...values], state.filters[name]);
  }
  const verdicts = [...new Set(data.columns.verdict.words ?? data.columns.verdict)].filter(Boolean);
  fill("verdict", [["", word("all")], ...verdicts.map((v) => [v, verdictWord(v, word)])], state.filters.verdict);
}

start();
