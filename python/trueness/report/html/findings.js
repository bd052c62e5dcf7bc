// What was found, and the operators around it.

const MOST_NEIGHBOURS = 6;
const BOX = { width: 210, height: 40, gap: 100, row: 52 };

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function shape(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function shortened(name, most = 30) {
  return name.length > most ? `${name.slice(0, most / 2 - 1)}...${name.slice(1 - most / 2)}` : name;
}

function box(svg, x, y, operator, found) {
  const group = shape("g", {});
  const [name, type] = [operator.op_name ?? "", operator.op_type ?? ""];
  group.append(
    shape("title", {}, `${name} ${type}`),
    shape("rect", { x, y, width: BOX.width, height: BOX.height, rx: 6, class: found ? "box found" : "box" }),
    shape("text", { x: x + 8, y: y + 17 }, shortened(name)),
    shape("text", { x: x + 8, y: y + 33, class: "soft" }, shortened(type)),
  );
  svg.append(group);
}

function edge(svg, x, from, to, error) {
  const end = x + BOX.gap;
  const middle = x + BOX.gap / 2;
  svg.append(
    shape("path", { class: "edge", d: `M${x},${from} C${middle},${from} ${middle},${to} ${end},${to}` }),
    shape("path", { class: "edge", d: `M${end - 6},${to - 4} L${end},${to} L${end - 6},${to + 4}` }),
    shape("text", { x: middle, y: (from + to) / 2 - 5, "text-anchor": "middle", class: "soft" }, number(error)),
  );
}

function neighbourhood(finding) {
  const before = finding.producers.slice(0, MOST_NEIGHBOURS);
  const after = finding.consumers.slice(0, MOST_NEIGHBOURS);
  const rows = Math.max(before.length, after.length, 1);
  const width = 3 * BOX.width + 2 * BOX.gap;
  const height = rows * BOX.row;
  const svg = shape("svg", { viewBox: `-2 0 ${width + 4} ${height}`, width: width + 4, height });
  const top = (count, k) => (height - count * BOX.row) / 2 + k * BOX.row + (BOX.row - BOX.height) / 2;
  const centre = top(1, 0) + BOX.height / 2;
  const found = BOX.width + BOX.gap;
  box(svg, found, top(1, 0), finding, true);
  before.forEach((operator, k) => {
    const y = top(before.length, k);
    box(svg, 0, y, operator, false);
    edge(svg, BOX.width, y + BOX.height / 2, centre, operator.error);
  });
  after.forEach((operator, k) => {
    const y = top(after.length, k);
    box(svg, found + BOX.width + BOX.gap, y, operator, false);
    edge(svg, found + BOX.width, centre, y + BOX.height / 2, operator.error);
  });
  return svg;
}

function findingCard(finding, place, word, said) {
  const card = element("div", undefined, { class: "finding" });
  const amounts = [[word("off by"), finding.error], [word("inherited"), finding.inherited], [word("score"), finding.score]]
    .filter((part) => part[1] !== null)
    .map(([name, value]) => `${name} ${number(value)}`);
  const list = element("ul");
  list.append(...finding.evidence.map((sentence) => element("li", said(sentence))));
  card.append(
    element("h3", `${place + 1}. ${finding.title}`),
    element("div", [said(finding.kind), ...amounts].join(", ")),
    list,
  );
  if (finding.producers.length || finding.consumers.length) card.append(neighbourhood(finding));
  return card;
}
