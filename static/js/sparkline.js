/** Ten minutes of one student as a thin line. Gaps stay gaps; no axis, no colour by value. */

const SVG = "http://www.w3.org/2000/svg";

const places = new Map();

/** Two hundred lines are as wide and as long: where their points lie is worked out once. */
function across(count, width) {
  const key = `${count} ${width}`;
  const step = count > 1 ? width / (count - 1) : 0;
  if (!places.has(key)) places.set(key, Array.from({ length: count }, (_, at) => tenth(at * step)));
  return places.get(key);
}

const tenth = (number) => Math.round(10 * number) / 10;

/** @returns {string[]} the points of each unbroken run, for <polyline points> */
export function runs(values, width, height, pad = 2) {
  const x = across(values.length, width);
  const y = (value) => pad + ((1 - value) / 2) * (height - 2 * pad);
  const found = [];
  let run = [];
  values.forEach((value, at) => {
    if (value === null) {
      if (run.length) found.push(run);
      run = [];
    } else run.push(`${x[at]},${tenth(y(value))}`);
  });
  if (run.length) found.push(run);
  return found.map((points) => (points.length === 1 ? [points[0], points[0]] : points).join(" "));
}

/** Values run from −1 to 1. */
export function drawSpark(svg, values, width = 96, height = 24) {
  const wanted = runs(values, width, height);
  while (svg.childElementCount > wanted.length) svg.lastElementChild.remove();
  wanted.forEach((points, at) => {
    const line = svg.children[at] ?? svg.appendChild(document.createElementNS(SVG, "polyline"));
    if (line.getAttribute("points") !== points) line.setAttribute("points", points);
  });
}

export function sparkNode(className, width = 96, height = 24) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}
