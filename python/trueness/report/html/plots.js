// The two plots, made anew by Bokeh whenever the rows, the metric, the colours or the words change.

const LINEAR = new Set(["cosine_similarity", "norm_ratio"]);
const VERDICTS = ["pass", "fail", ""];
const BINS = 40;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function colourOf(verdict) {
  return colour({ pass: "pass", fail: "fail" }[verdict] || "unknown");
}

function figure(title, options) {
  const front = colour("front");
  const plot = Bokeh.Plotting.figure({
    title, height: 330, sizing_mode: "stretch_width", toolbar_location: "above",
    background_fill_color: colour("back"), border_fill_color: colour("back"),
    outline_line_color: colour("line"), ...options,
  });
  plot.title.text_color = front;
  plot.toolbar.logo = null;
  for (const axis of [plot.xaxis, plot.yaxis].flat()) {
    axis.axis_label_text_color = axis.major_label_text_color = front;
    axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = colour("soft");
  }
  for (const grid of [plot.xgrid, plot.ygrid].flat()) grid.grid_line_color = colour("line");
  return plot;
}

// Zero and infinity have no place on a logarithmic axis: they go to its ends.
function range(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value > 0 && value < low) low = value;
    if (value > high && value < Infinity) high = value;
  }
  return low <= high ? [low, high] : [1e-9, 1];
}

function clamped(value, [low, high]) {
  return Math.min(Math.max(value, low / 2), high * 2);
}

function trendPlot(data, rows, metric, word) {
  const { columns } = data;
  const values = columns.metrics[metric];
  const linear = LINEAR.has(metric);
  if (!rows.some((i) => values[i] !== null)) return null;
  const limits = range(rows.map((i) => values[i]));
  const plot = figure(word("trend", metric), {
    tools: "pan,box_zoom,wheel_zoom,reset", y_axis_type: linear ? "linear" : "log",
    x_axis_label: word("row"), y_axis_label: metric,
  });
  const place = (i) => [
    [word("rank"), columns.rank[i]], [word("token"), columns.token[i]], [word("layer"), columns.layer[i]],
  ].filter((part) => part[1] !== null).map((part) => part.join(" ")).join(", ");
  const renderers = [];
  for (const verdict of VERDICTS) {
    const own = rows.filter((i) => values[i] !== null && textOf(columns.verdict, i) === verdict);
    if (!own.length) continue;
    const source = new Bokeh.ColumnDataSource({
      data: {
        x: own.map((i) => columns.row[i]),
        y: own.map((i) => (linear ? values[i] : clamped(values[i], limits))),
        name: own.map((i) => textOf(columns.name, i)),
        tensor: own.map((i) => textOf(columns.tensor, i)),
        place: own.map(place),
        value: own.map((i) => number(values[i])),
        reason: own.map((i) => textOf(columns.reason, i)),
      },
    });
    renderers.push(plot.scatter({ field: "x" }, { field: "y" }, {
      source, size: 4, color: colourOf(verdict), alpha: 0.7,
    }));
  }
  plot.add_tools(new Bokeh.HoverTool({
    renderers, limit: 3,
    tooltips: [
      [word("row"), "@x"], [word("operator"), "@name"], [word("tensor"), "@tensor"], ["", "@place"],
      [metric, "@value"], [word("reason"), "@reason"],
    ],
  }));
  return plot;
}

function histogramPlot(data, rows, metric, word) {
  const values = data.columns.metrics[metric];
  const linear = LINEAR.has(metric);
  const known = rows.filter((i) => values[i] !== null);
  if (!known.length) return null;
  const finite = known.map((i) => values[i]).filter(Number.isFinite);
  const limits = range(finite);
  const [low, high] = linear
    ? [finite.reduce((a, b) => Math.min(a, b), 1), finite.reduce((a, b) => Math.max(a, b), 1)]
    : [-Infinity, Infinity].map((end) => Math.log10(clamped(end, limits)));
  const width = (high - low) / BINS || 1e-3;
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, new Array(BINS).fill(0)]));
  for (const i of known) {
    const value = linear ? values[i] : Math.log10(clamped(values[i], limits));
    const bin = Math.min(Math.max(Math.floor((value - low) / width), 0), BINS - 1);
    counts[textOf(data.columns.verdict, i)][bin] += 1;
  }
  const edge = (k) => (linear ? low + k * width : 10 ** (low + k * width));
  const plot = figure(word("histogram", metric), {
    tools: "xpan,xwheel_zoom,reset", x_axis_type: linear ? "linear" : "log",
    x_axis_label: metric, y_axis_label: word("count"),
  });
  const base = new Array(BINS).fill(0);
  for (const verdict of VERDICTS) {
    const top = counts[verdict].map((count, k) => base[k] + count);
    plot.quad({
      left: base.map((_, k) => edge(k)), right: base.map((_, k) => edge(k + 1)),
      bottom: [...base], top, color: colourOf(verdict), line_color: colour("back"),
    });
    top.forEach((value, k) => { base[k] = value; });
  }
  return plot;
}

const views = new Map();

async function show(id, plot) {
  const target = document.getElementById(id);
  views.get(id)?.remove();
  views.delete(id);
  target.replaceChildren();
  if (!plot) {
    target.append(element("p", "-"));
    return;
  }
  views.set(id, await Bokeh.Plotting.show(plot, target));
}
