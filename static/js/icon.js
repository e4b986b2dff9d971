/** Lucide icons in nodes made by script, from the same sprite as those in the templates. */

const SVG = "http://www.w3.org/2000/svg";

let file = "";

function sprite() {
  if (file) return file;
  const href = document.querySelector("svg.icon use")?.getAttribute("href") ?? "";
  return (file = new URL(href.split("#")[0], location.href).href);
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  setIcon(svg, name);
  return svg;
}

export function setIcon(svg, name) {
  const href = `${sprite()}#lucide-${name}`;
  const use = svg.firstElementChild;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}
