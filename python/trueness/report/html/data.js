// Row data as it was written: columns of numbers, and of texts that are words and places in them.

async function inflated(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

function textOf(column, i) {
  return column.words ? column.words[column.index[i]] : column[i];
}

function number(value) {
  if (value === null || value === undefined) return "";
  if (Number.isSafeInteger(value) || !Number.isFinite(value)) return String(value).replace("Infinity", "inf");
  const size = Math.abs(value);
  const short = +value.toPrecision(size > 0.9 && size < 1.1 ? 9 : 4);
  return size >= 1e-3 && size < 1e5 ? String(short) : short.toExponential();
}

function distinct(column) {
  return [...new Set(column)].filter((value) => value !== null).sort((a, b) => a - b);
}

function chosenRows(columns, filters) {
  const wanted = filters.search.toLowerCase();
  const texts = [columns.name, columns.type, columns.reason, columns.path, columns.dtype];
  const found = [];
  for (let i = 0; i < columns.row.length; i++) {
    if (filters.rank !== "" && columns.rank[i] !== +filters.rank) continue;
    if (filters.token !== "" && columns.token[i] !== +filters.token) continue;
    if (filters.layer !== "" && columns.layer[i] !== +filters.layer) continue;
    if (filters.verdict !== "" && textOf(columns.verdict, i) !== filters.verdict) continue;
    if (wanted && !texts.some((column) => textOf(column, i).toLowerCase().includes(wanted))) continue;
    found.push(i);
  }
  return found;
}

// An error that is no number, as of an output full of NaN, is the largest that a row can fail with.
function rankedValue(data, { key, of }, i) {
  const worst = data.metrics.includes(key) && !LINEAR.has(key) && textOf(data.columns.verdict, i) === "fail";
  return worst ? of(i) ?? Infinity : of(i);
}

// What has no value goes to the end, whichever way the rest is sorted.
function sortRows(rows, valueOf, descending) {
  const sign = descending ? -1 : 1;
  return rows.sort((a, b) => {
    const x = valueOf(a);
    const y = valueOf(b);
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return x < y ? -sign : x > y ? sign : a - b;
  });
}
