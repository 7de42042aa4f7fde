// The 2-2-2 network of the slides, drawn in SVG: where its units stand, and what a weight joins.
const place = { i1: [50, 95], i2: [50, 225], h1: [215, 95], h2: [215, 225], o1: [375, 95], o2: [375, 225] };
const edges = [["i1", "h1"], ["i2", "h1"], ["i1", "h2"], ["i2", "h2"], ["h1", "o1"], ["h2", "o1"], ["h1", "o2"], ["h2", "o2"]];
const network = document.getElementById("network"), error = document.getElementById("error");

function add(parent, tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}
