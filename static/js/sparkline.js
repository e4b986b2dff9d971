/** Ten minutes of one student as a thin line. Gaps stay gaps; no axis, no colour by value. */

const SVG = "http://www.w3.org/2000/svg";

/** @returns {string[]} the points of each unbroken run, for <polyline points> */
export function runs(values, width, height, pad = 2) {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const y = (value) => pad + ((1 - value) / 2) * (height - 2 * pad);
  const found = [];
  let run = [];
  values.forEach((value, at) => {
    if (value === null) {
      if (run.length) found.push(run);
      run = [];
    } else run.push(`${(at * step).toFixed(1)},${y(value).toFixed(1)}`);
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
