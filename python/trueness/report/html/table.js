// The rows, a page at a time.

const PAGE = 100;

function tableColumns(data) {
  const { columns } = data;
  const text = (key, word) => ({ key, word, of: (i) => textOf(columns[key], i) });
  const whole = (key) => ({ key, word: key, number: true, of: (i) => columns[key][i] });
  return [
    whole("row"), text("verdict", "verdict"), text("name", "operator"), text("tensor", "tensor"), text("type", "type"),
    text("dtype", "dtype"), text("shape", "shape"), whole("rank"), whole("token"), whole("layer"),
    ...data.metrics.map((key) => ({ key, number: true, of: (i) => columns.metrics[key][i] })),
    text("state", "state"), text("reason", "reason"), text("path", "path"),
  ];
}

const SHOWN = new Set([
  "row", "name", "tensor", "type", "rank", "token", "layer", "verdict", "reason",
  "cosine_similarity", "relative_euclidean_distance", "max_relative_error", "max_absolute_error", "introduced_score",
]);

function verdictWord(verdict, word) {
  return word(verdict || "not needed");
}

function cellText(column, i, word, said) {
  const value = column.of(i);
  if (column.key === "reason") return said(value);
  if (column.key === "verdict") return verdictWord(value, word);
  return column.number ? number(value) : value;
}

function drawHead(data, state, word, sortBy) {
  const row = element("tr");
  for (const column of tableColumns(data)) {
    if (!SHOWN.has(column.key) && column.key !== state.metric) continue;
    const mark = column.key === state.sort ? (state.descending ? " \u2193" : " \u2191") : "";
    const head = element("th", (column.word ? word(column.word) : column.key) + mark);
    head.addEventListener("click", () => sortBy(column.key));
    row.append(head);
  }
  document.querySelector("#rows thead").replaceChildren(row);
}

function drawPage(data, state, word, said) {
  const columns = tableColumns(data).filter((c) => SHOWN.has(c.key) || c.key === state.metric);
  const start = state.page * PAGE;
  const shown = state.rows.slice(start, start + PAGE);
  const rows = shown.map((i) => {
    const row = element("tr");
    for (const column of columns) {
      const cell = element("td", cellText(column, i, word, said));
      if (column.number) cell.className = "number";
      if (column.key === "verdict") cell.className = { pass: "pass", fail: "fail" }[column.of(i)] || "unknown";
      row.append(cell);
    }
    row.addEventListener("click", () => {
      document.querySelector("#rows tr.chosen")?.classList.remove("chosen");
      row.classList.add("chosen");
      drawDetail(data, i, word, said);
    });
    return row;
  });
  document.querySelector("#rows tbody").replaceChildren(...rows);
  const last = Math.min(start + PAGE, state.rows.length);
  document.getElementById("place").textContent = word("place", shown.length ? start + 1 : 0, last, state.rows.length);
}

function drawDetail(data, i, word, said) {
  const table = element("table");
  for (const column of tableColumns(data)) {
    const text = cellText(column, i, word, said);
    if (text === "" || text === null) continue;
    const row = element("tr");
    row.append(element("th", column.word ? word(column.word) : column.key), element("td", text));
    table.append(row);
  }
  const panel = document.getElementById("detail");
  panel.replaceChildren(table);
  panel.hidden = false;
}
