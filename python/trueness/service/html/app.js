// Puts the page together. Names of others are only ever set as text.

const byId = (id) => document.getElementById(id);
const VERDICTS = ["worse", "unclear", "better", "same"];

async function inflated(id) {
  const bytes = Uint8Array.from(atob(byId(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

function element(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function number(value) {
  return value === null ? "" : String(+value.toPrecision(6));
}

function percent(value) {
  return value === null ? "" : (value > 0 ? "+" : "") + value.toFixed(1);
}

function fill(id, values, chosen, wordOf = (value) => value) {
  const options = values.map((value) => {
    const option = element("option", wordOf(value));
    option.value = value;
    option.selected = value === chosen;
    return option;
  });
  byId(id).replaceChildren(...options);
}

function drawHeadline(data, word) {
  const parts = VERDICTS.map((verdict) => element("span", `${data.counts[verdict]} ${word(verdict)}`, verdict));
  byId("headline").replaceChildren(...parts.flatMap((part, i) => (i ? [document.createTextNode(", "), part] : [part])));
  const rows = ["input", "golden"].map((side) => {
    const row = document.createElement("tr");
    row.append(element("th", word(side)), element("td", data.sides[side].join(", ")));
    return row;
  });
  byId("sides").replaceChildren(...rows);
}

function drawRows(data, state, word) {
  const titles = ["verdict", "metric", "statistic", "change", "interval", "golden", "input", "reason"];
  const head = document.createElement("tr");
  head.append(...titles.map((title) => element("th", word(title))));
  byId("rows").tHead.replaceChildren(head);
  const rows = data.rows.filter((row) => !state.verdict || row.verdict === state.verdict);
  byId("rows").tBodies[0].replaceChildren(...rows.map((row) => {
    const made = document.createElement("tr");
    const interval = row.low === null ? "" : `${percent(row.low)} .. ${percent(row.high)}`;
    made.append(
      element("td", word(row.verdict), row.verdict), element("td", row.metric),
      element("td", row.statistic), element("td", percent(row.relative), "number"),
      element("td", interval, "number"), element("td", number(row.golden), "number"),
      element("td", number(row.input), "number"), element("td", row.reason),
    );
    return made;
  }));
}

function drawNotes(data, word) {
  const notes = data.notes.map(([level, where, message]) => element("li", `${level}: ${where}: ${message}`));
  byId("notes").replaceChildren(...(notes.length ? notes : [element("li", word("none"))]));
}

function drawPlots(data, state, word) {
  show("forest", forestPlot(data.rows, word));
  const curve = data.quantiles[state.metric];
  show("quantiles", curve && quantilePlot(curve, state.metric, word));
  show("histogram", data.bins[state.metric] && histogramPlot(data.bins[state.metric], state.metric, word));
  show("time", data.series[state.series] && timePlot(data.series[state.series], state.series, word));
  show("sizes", data.sizes[state.kind] && sizePlot(data.sizes[state.kind], word));
}

function draw(data, state) {
  const word = (key) => data.words[state.language][key] ?? key;
  document.documentElement.lang = state.language;
  document.documentElement.dataset.theme = state.theme;
  for (const labelled of document.querySelectorAll("[data-word]")) labelled.textContent = word(labelled.dataset.word);
  byId("language").textContent = word("language");
  byId("theme").textContent = word(state.theme === "dark" ? "light" : "dark");
  fill("verdict", ["", ...VERDICTS], state.verdict, (value) => word(value || "all"));
  fill("metric", Object.keys(data.quantiles), state.metric);
  fill("series", Object.keys(data.series), state.series);
  fill("kind", Object.keys(data.sizes), state.kind);
  drawHeadline(data, word);
  drawRows(data, state, word);
  drawNotes(data, word);
  drawPlots(data, state, word);
}

async function start() {
  const data = JSON.parse(await inflated("data"));
  const library = document.createElement("script");
  library.textContent = await inflated("library");
  document.head.append(library);
  Bokeh.set_log_level("warn");
  const state = {
    language: navigator.language.startsWith("zh") ? "zh" : "en",
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
    verdict: "", metric: Object.keys(data.quantiles)[0], series: Object.keys(data.series)[0],
    kind: Object.keys(data.sizes)[0],
  };
  for (const id of ["verdict", "metric", "series", "kind"]) {
    byId(id).addEventListener("change", (event) => {
      state[id] = event.target.value;
      draw(data, state);
    });
  }
  byId("language").addEventListener("click", () => {
    state.language = state.language === "en" ? "zh" : "en";
    draw(data, state);
  });
  byId("theme").addEventListener("click", () => {
    state.theme = state.theme === "dark" ? "light" : "dark";
    draw(data, state);
  });
  draw(data, state);
  byId("loading").remove();
}

start();
