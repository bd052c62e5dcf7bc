// The plots, made anew by Bokeh whenever the choice, the colours or the words change.

const SIDES = ["input", "golden"];
const views = new Map();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function figure(options) {
  const plot = Bokeh.Plotting.figure({
    height: 300, sizing_mode: "stretch_width", toolbar_location: "above",
    tools: "pan,box_zoom,wheel_zoom,hover,reset", background_fill_color: colour("back"),
    border_fill_color: colour("back"), outline_line_color: colour("line"), ...options,
  });
  plot.toolbar.logo = null;
  for (const axis of [plot.xaxis, plot.yaxis].flat()) {
    axis.axis_label_text_color = axis.major_label_text_color = colour("front");
    axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = colour("soft");
  }
  for (const grid of [plot.xgrid, plot.ygrid].flat()) grid.grid_line_color = colour("line");
  return plot;
}

function legend(plot) {
  plot.legend.background_fill_color = colour("back");
  plot.legend.label_text_color = colour("front");
  return plot;
}

// A dot for each change that was judged, a line for its interval.
function forestPlot(rows, word) {
  const shown = rows.filter((row) => row.relative !== null).reverse();
  const plot = figure({ height: 90 + 20 * shown.length, x_axis_label: word("change") + " (%)" });
  const names = shown.map((row) => [row.label, row.statistic].filter((part) => part !== "value").join(" "));
  const [axis] = [plot.yaxis].flat();
  axis.ticker = new Bokeh.FixedTicker({ ticks: shown.map((_, i) => i) });
  axis.major_label_overrides = new Map(names.map((name, i) => [i, name]));
  plot.segment([0], [-0.5], [0], [shown.length - 0.5], { line_color: colour("soft") });
  shown.forEach((row, i) => {
    const paint = colour(row.verdict);
    if (row.low !== null) plot.segment([row.low], [i], [row.high], [i], { line_color: paint, line_width: 3 });
    plot.scatter([row.relative], [i], { size: 9, fill_color: paint, line_color: paint });
  });
  return plot;
}

function quantilePlot(curve, name, word) {
  const plot = figure({ x_axis_label: word("quantile"), y_axis_label: name });
  for (const side of SIDES) {
    const known = curve[side].map((value, i) => [curve.quantile[i], value]).filter((pair) => pair[1] !== null);
    plot.line(known.map((p) => p[0]), known.map((p) => p[1]), { line_color: colour(side), line_width: 2, legend_label: side });
  }
  plot.legend.location = "top_left";
  return legend(plot);
}

// Shares, since the two sides may have different numbers of requests.
function histogramPlot(bins, name, word) {
  const plot = figure({ x_axis_label: name, y_axis_label: word("share") });
  for (const side of SIDES) {
    const total = bins[side].reduce((sum, count) => sum + count, 0) || 1;
    plot.quad(bins.low, bins.high, bins[side].map(() => 0), bins[side].map((count) => (100 * count) / total), {
      fill_color: colour(side), line_color: colour(side), fill_alpha: 0.35, legend_label: side,
    });
  }
  return legend(plot);
}

function timePlot(course, name, word) {
  const plot = figure({ x_axis_label: word("seconds"), y_axis_label: name });
  for (const side of SIDES) {
    for (const run of course[side] ?? []) {
      plot.line(run.time, run.value, { line_color: colour(side), line_width: 1.5, legend_label: side });
    }
  }
  return legend(plot);
}

function sizePlot(sizes, word) {
  const plot = figure({ x_axis_label: word("size"), y_axis_label: word("count") });
  SIDES.forEach((side, k) => {
    const left = sizes.size.map((size) => size - 0.4 + 0.4 * k);
    plot.quad(left, left.map((x) => x + 0.4), sizes[side].map(() => 0), sizes[side], {
      fill_color: colour(side), line_color: null, legend_label: side,
    });
  });
  return legend(plot);
}

async function show(id, plot) {
  const target = document.getElementById(id);
  views.get(id)?.remove?.();
  target.replaceChildren();
  if (plot) views.set(id, await Bokeh.Plotting.show(plot, target));
}
