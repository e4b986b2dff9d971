/**
 * The mood mix and the engagement line. The server sends figures without colours: every trace
 * names a token, and the page takes the colour from its theme, so dark mode is a redraw.
 */

import { applied } from "./changes.js";
import { byId, make, setLine, setText } from "./dom.js";
import { drawEndLabels } from "./endlabels.js";
import { ms, readable } from "./labels.js";

const CONFIG = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false };
const MINUTE_MS = 60_000;
const LEAST_MS = 5 * MINUTE_MS;
const LABEL_ROOM_PX = 104;
const NARROW_PX = 600;
const MOST_BESIDE = 5;

/** Where a third of the chart would go to its labels, the legend above has to do. */
const narrow = () => window.innerWidth < NARROW_PX;

/** Asking for a colour makes the browser work out styles, so each theme is asked once. */
const palette = new Map();

function color(token) {
  if (!palette.has(token)) {
    const style = getComputedStyle(document.documentElement);
    palette.set(token, style.getPropertyValue(`--${token}`).trim());
  }
  return palette.get(token);
}

function paintTrace(trace) {
  const token = trace.meta?.token;
  if (token === "hover") return trace;
  if (token === "ink") return { ...trace, line: { ...trace.line, color: color("ink") } };
  if (token === "accent") return { ...trace, marker: { ...trace.marker, color: color("accent") } };
  const painted = {
    ...trace,
    fillcolor: color(token),
    line: { ...trace.line, color: color("surface") },
  };
  if (trace.fillpattern) {
    const hatch = { bgcolor: color("unknown"), fgcolor: color("unknown-hatch"), fillmode: "replace" };
    painted.fillpattern = { ...trace.fillpattern, ...hatch };
  }
  return painted;
}

/** What the teacher set aside is a pale band: over the areas, but under a line. */
function paintShape(shape, overAreas) {
  if (shape.name === "marker") return { ...shape, line: { ...shape.line, color: color("ink-2") } };
  if (overAreas) return { ...shape, layer: "above", fillcolor: color("surface"), opacity: 0.4 };
  return { ...shape, layer: "below", fillcolor: color("sunken") };
}

function paintNote(note, ribbonAt) {
  const font = { ...note.font, size: 12, color: color("ink-2") };
  if (note.name === "simulated") {
    const frame = { bgcolor: color("mixed-tint"), bordercolor: color("mixed-mark"), borderpad: 3 };
    return { ...note, ...frame, ...ribbonAt, font: { ...font, color: color("mixed") } };
  }
  return { ...note, font };
}

const isEnd = (note) => note.name?.startsWith("end-");

/** The bands' own names are words of the page; on a narrow one the legend has to do. */
function nameEnds(div, { data, layout }, range, margin) {
  const notes = narrow() || !range ? [] : (layout.annotations ?? []).filter(isEnd);
  const labels = notes.map(({ name, text, y }) => {
    const token = name.slice(4);
    return { text, y, color: color(token === "unknown" ? "unknown-hatch" : token) };
  });
  // A report's last minute can end after its lesson; what is drawn ends with the axis.
  const share = range ? Math.min(1, (endOf(data) - range[0]) / (range[1] - range[0])) : 1;
  drawEndLabels(div, labels, { share, margin: { ...layout.margin, ...margin } });
}

/** @returns {[number, number] | null} */
export function span({ from, to }, minutes) {
  if (!from) return null;
  const end = Math.max(ms(to), ms(from) + LEAST_MS);
  const start = minutes ? Math.max(ms(from), end - minutes * MINUTE_MS) : ms(from);
  return [start, end];
}

/** Where the areas end: the last span has a width, too. */
function endOf(data) {
  const ends = data.filter((trace) => trace.x0).map((trace) => ms(trace.x0) + trace.dx * (trace.y.length - 1));
  return ends.length ? Math.max(...ends) : 0;
}

function paintLayout(layout, range, more) {
  const line = color("line");
  // In the lower chart the ribbon would hide the line; beside or below it there is room.
  const beside = narrow() ? { x: 0.5, y: 0.52, xanchor: "center" } : { x: 1, xanchor: "left", xshift: 8 };
  const ribbonAt = layout.yaxis2 ? beside : {};
  const axis = {
    gridcolor: line,
    zerolinecolor: line,
    linecolor: line,
    tickfont: { size: 12 },
    tickangle: 0,
    // Whether a label fits would be asked of the browser for all of them at each of them.
    ticklabeloverflow: narrow() ? "hide past div" : "allow",
  };
  return {
    ...layout,
    autosize: true,
    font: { family: color("font"), size: 12, color: color("ink-2") },
    hoverlabel: {
      bgcolor: color("surface"),
      bordercolor: color("edge"),
      font: { family: color("font"), size: 13, color: color("ink") },
    },
    xaxis: {
      ...layout.xaxis,
      ...axis,
      nticks: 6,
      ...(layout.yaxis2 && { anchor: "y2" }),
      ...(range && { range }),
      ...more.xaxis,
    },
    yaxis: { ...layout.yaxis, ...axis },
    ...(layout.yaxis2 && { yaxis2: { ...layout.yaxis2, ...axis } }),
    margin: { ...layout.margin, ...more.margin },
    ...more.layout,
    shapes: (layout.shapes ?? []).map((shape) => paintShape(shape, !layout.yaxis2)),
    annotations: readable(layout.annotations ?? [], range, more.width)
      .filter((note) => !isEnd(note))
      .map((note) => paintNote(note, ribbonAt)),
  };
}

/** Only what the time axis shows: what lies before would be drawn and cut away. */
function inSight(data, range) {
  if (!range) return data;
  return data.flatMap((trace) => {
    if (!trace.x0) return [trace];
    const first = ms(trace.x0);
    const passed = Math.max(0, Math.floor((range[0] - first) / trace.dx));
    if (!passed) return [trace];
    if (passed >= trace.y.length) return [];
    const rest = { y: trace.y.slice(passed), customdata: trace.customdata?.slice(passed) };
    return [{ ...trace, ...rest, x0: first + passed * trace.dx }];
  });
}

function draw(div, figure, range, more) {
  if (!div || !figure || !window.Plotly) return;
  const width = more.width - figure.layout.margin.l - more.margin.r;
  const layout = paintLayout(figure.layout, range, { ...more, width });
  window.Plotly.react(div, inSight(figure.data, range).map(paintTrace), layout, CONFIG);
}

function legend(list, entries) {
  const tokens = entries.map(({ token }) => token).join(" ");
  if (!list || list.dataset.tokens === tokens) return;
  list.dataset.tokens = tokens;
  list.toggleAttribute("data-many", entries.length > MOST_BESIDE);
  list.replaceChildren(
    ...entries.map(({ token, words }) => {
      const item = make("li");
      const swatch = make("span", "swatch");
      swatch.dataset.of = token;
      item.append(swatch, make("span", "", words));
      return item;
    }),
  );
}

export function table({ head, rows }) {
  const node = make("table", "table");
  const top = node.createTHead().insertRow();
  for (const cell of head) {
    const th = make("th", "", cell);
    th.scope = "col";
    top.append(th);
  }
  const body = node.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const cell of row) setText(line.insertCell(), cell);
  }
  return node;
}

/** @param {{bands?: string, minutes?: number}} first   what to show before anybody chooses */
export function lessonCharts(first = {}) {
  const mood = byId("mood-chart");
  const engagement = byId("engagement-chart");
  const shown = { bands: "simple", minutes: 0, ...first };
  const tableFrame = byId("chart-table");
  let charts = null;
  let due = 0;

  /** What both charts show of the lesson; the width is read before drawing makes that costly. */
  function view() {
    if (!charts?.mood || !charts.engagement || document.hidden) return null;
    const figure = charts.mood[shown.bands];
    const margin = { r: narrow() ? 12 : LABEL_ROOM_PX, b: 8 };
    const range = span(figure.layout.meta ?? {}, shown.minutes);
    return { figure, range, margin, width: engagement.clientWidth };
  }

  function drawMood(seen) {
    if (!seen) return;
    const { figure, range, margin, width } = seen;
    draw(mood, figure, range, {
      width,
      margin,
      xaxis: { showticklabels: false },
      layout: { hovermode: "closest", hoverdistance: -1 },
    });
    if (mood) nameEnds(mood, figure, range, margin);
    legend(byId("mood-legend"), figure.legend ?? []);
    if (byId("mood-caption")) setLine(byId("mood-caption"), figure.caption ?? "");
  }

  function drawEngagement(seen) {
    if (!seen) return;
    const { range, margin, width } = seen;
    draw(engagement, mood ? charts.engagement : tapsOnly(charts.engagement), range, {
      width,
      margin: { ...margin, t: 6, b: 22 },
      layout: { hovermode: "closest" },
    });
    if (!tableFrame.hidden) drawTable();
  }

  function drawAll() {
    clearTimeout(due);
    const seen = view();
    drawMood(seen);
    drawEngagement(seen);
  }

  /** Once for news that comes together, and each chart in a task of its own, so that none is long. */
  function drawSoon() {
    clearTimeout(due);
    due = setTimeout(() => {
      drawMood(view());
      due = setTimeout(() => drawEngagement(view()));
    });
  }

  function drawTable() {
    const figures = [mood && charts.mood[shown.bands], charts.engagement];
    tableFrame.replaceChildren(...figures.filter((each) => each?.table).map((each) => table(each.table)));
  }

  function choose(attribute, take) {
    const buttons = document.querySelectorAll(`[data-${attribute}]`);
    for (const each of buttons) {
      each.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === each));
        take(each.dataset[attribute]);
        drawAll();
      });
    }
  }

  choose("bands", (bands) => (shown.bands = bands));
  choose("span", (minutes) => (shown.minutes = Number(minutes) || 0));
  const shows = document.querySelector("[data-shows=chart-table]");
  shows?.addEventListener("click", () => {
    tableFrame.hidden = !tableFrame.hidden;
    shows.setAttribute("aria-expanded", String(!tableFrame.hidden));
    if (charts && !tableFrame.hidden) drawTable();
  });
  document.addEventListener("visibilitychange", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    palette.clear();
    drawAll();
  });

  return {
    show(next) {
      charts = next;
      drawAll();
    },
    /** @param {object} news   what is new in the charts; a large class's come one by one */
    change(news) {
      charts = applied(charts ?? {}, news);
      drawSoon();
    },
  };
}

/** Where faces are not read there is no line, and the bars have the chart to themselves. */
function tapsOnly(figure) {
  const { yaxis, yaxis2 } = figure.layout;
  const layout = {
    ...figure.layout,
    yaxis: { ...yaxis, visible: false },
    yaxis2: { ...yaxis2, domain: [0, 1], showticklabels: true, tickformat: "d", nticks: 3 },
  };
  return { ...figure, layout, data: figure.data.filter((trace) => trace.meta?.token === "accent") };
}
