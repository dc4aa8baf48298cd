// Helpers that every widget of the course uses. Python puts this text in front of each widget's own file:
// there is no bundler, no import and no address outside this page.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "html") node.innerHTML = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => fill(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);

// `data-lm-suppress-shortcuts` keeps JupyterLab from taking the arrow keys, space and letters for its own commands.
function frame(el, title, name) {
  const live = make("div", { class: "cvn-hidden", role: "status", "aria-live": "polite" });
  const root = make("section", { class: `cvn cvn-${name}`, "aria-label": title, "data-lm-suppress-shortcuts": "true" });
  el.append(root);
  return { root, live, say: (text) => { if (live.textContent !== text) live.textContent = text; } };
}

function watch(model, names, handler) {
  for (const name of names) model.on(`change:${name}`, handler);
  return () => { for (const name of names) model.off(`change:${name}`, handler); };
}

function onWidth(node, handler) {
  let last = 0;
  const observer = new ResizeObserver(() => {
    const width = Math.round(node.clientWidth);
    if (width && width !== last) handler((last = width));
  });
  observer.observe(node);
  return () => observer.disconnect();
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function number(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value);
  const text = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

const grouped = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

function decode(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}

function outputSize(size, kernel, stride, padding, dilation) {
  const span = dilation * (kernel - 1) + 1;
  const room = size + 2 * padding - span;
  return { span, room, count: room < 0 ? 0 : Math.floor(room / stride) + 1 };
}

function reads(size, kernel, stride, padding, dilation) {
  const counts = new Array(size + 2 * padding).fill(0);
  const { count } = outputSize(size, kernel, stride, padding, dilation);
  for (let window = 0; window < count; window++)
    for (let tap = 0; tap < kernel; tap++) counts[window * stride + tap * dilation] += 1;
  return counts;
}

// Colours of numbers: [red, green, blue]. Signed data is white at zero, vermillion above, blue below.
const mix = (from, to, part) => from.map((start, i) => Math.round(start + (to[i] - start) * part));
const signedColour = (limit) => (value) => {
  const part = limit ? Math.min(1, Math.abs(value) / limit) * 0.85 : 0;
  return mix([255, 255, 255], value < 0 ? [0, 114, 178] : [213, 94, 0], part);
};
const greyColour = (limit) => (value) => mix([28, 28, 30], [255, 255, 255], limit ? clamp(value / limit, 0, 1) : 0);
const bright = ([red, green, blue]) => 0.299 * red + 0.587 * green + 0.114 * blue > 140;

function largest(values) {
  let limit = 0;
  for (const value of values) limit = Math.max(limit, Math.abs(value));
  return limit;
}

function smallest(values) {
  let low = Infinity;
  for (const value of values) low = Math.min(low, value);
  return low;
}

// Text of numbers and a size in pixels at which all of them fit in cells `cell` wide; null where none is readable.
function cellTexts(values, cell) {
  if (cell < 18 || values.length > 1600) return null;
  for (const digits of [2, 1]) {
    const texts = Array.from(values, (value) => (value === null ? "" : String(Number(value.toFixed(digits))).replace("-", "−")));
    const longest = Math.max(...texts.map((text) => text.length), 1);
    const size = Math.min(16, cell * 0.45, (cell - 7) / (0.61 * longest));
    if (size >= 12) return { texts, size };
  }
  return null;
}

// A grid of numbers as one SVG group: a picture with one pixel a cell, the lines, and the numbers where they fit.
// `values` may hold null for a cell that is still empty. `mask(i)` true draws the cell as padding.
function grid({ values, rows, columns, cell, colour, x = 0, y = 0, mask = () => false }) {
  const canvas = make("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(columns, rows);
  const shades = Array.from(values, (value, i) => (value === null || mask(i) ? null : colour(value)));
  shades.forEach((shade, i) => { if (shade) picture.data.set([...shade, 255], 4 * i); });
  context.putImageData(picture, 0, 0);
  const width = columns * cell, height = rows * cell;
  const group = draw("g", { transform: `translate(${x} ${y})` });
  group.append(draw("image", { href: canvas.toDataURL(), width, height, preserveAspectRatio: "none", style: "image-rendering: pixelated" }));
  if (cell >= 6) {
    let path = "";
    for (let column = 0; column <= columns; column++) path += `M${column * cell} 0V${height}`;
    for (let row = 0; row <= rows; row++) path += `M0 ${row * cell}H${width}`;
    group.append(draw("path", { d: path, class: "cvn-lines" }));
  } else group.append(draw("rect", { width, height, class: "cvn-lines" }));
  const readable = cellTexts(values, cell);
  if (readable) {
    const { texts, size } = readable;
    texts.forEach((text, i) => {
      if (!text) return;
      const dark = shades[i] === null ? "cvn-faint" : bright(shades[i]) ? "cvn-on-light" : "cvn-on-dark";
      group.append(draw("text", {
        x: ((i % columns) + 0.5) * cell, y: (Math.floor(i / columns) + 0.5) * cell + size * 0.36,
        class: `cvn-number ${dark}`, "font-size": size,
      }, text));
    });
  }
  return group;
}

let patterns = 0;
function hatch(name = "cvn-hatch-stroke") {
  const id = `cvn-hatch-${(patterns += 1)}-${Math.random().toString(36).slice(2, 8)}`;
  const pattern = draw("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    draw("rect", { width: 8, height: 8, class: `${name}-back` }), draw("line", { x1: 0, y1: 0, x2: 0, y2: 8, class: name }));
  return { definition: draw("defs", {}, pattern), paint: `url(#${id})` };
}

// A whole number between `min` and `max`. It acts while one types; leaving the field puts a valid number back.
function numberInput({ value, min, max, change, ...attributes }) {
  let last = value;
  const input = make("input", {
    type: "number", value, min, max, step: 1, ...attributes,
    oninput: () => {
      const wanted = Number(input.value);
      if (input.value === "" || !Number.isInteger(wanted) || wanted < min || wanted > max || wanted === last) return;
      last = wanted;
      change(wanted);
    },
    onfocus: () => input.select(),
    onblur: () => { if (Number(input.value) !== last || input.value === "") input.value = last; },
  });
  input.show = (wanted) => {
    last = wanted;
    if (Number(input.value) !== wanted) input.value = wanted;
  };
  return input;
}

// Amounts of layers, and the sums behind them, for the widgets of architectures.
const prefixed = (value, units) => {
  let rank = 0;
  while (value >= 1000 && rank < units.length - 1) { value /= 1000; rank += 1; }
  return `${rank ? value.toFixed(value < 10 ? 2 : 1) : value} ${units[rank]}`.trim();
};
const memory = (bytes) => prefixed(bytes, ["B", "kB", "MB", "GB"]);
const short = (value) => (value < 1e6 ? grouped(value) : prefixed(value, ["", "k", "M", "G", "T"]));

function layerLines(row) {
  const { formulas } = row;
  return [
    ["output shape", `${row.input ? `${row.input} → ` : ""}${row.output}${formulas.output_shape?.includes("⌊") || formulas.output_shape?.includes("⌈") ? `,  ${formulas.output_shape}` : ""}`],
    ["parameters", formulas.parameters ?? grouped(row.parameters)],
    ["multiply-adds", formulas.multiply_adds ?? (row.multiply_adds === null ? "could not be seen" : grouped(row.multiply_adds))],
    ["memory", formulas.activation_bytes ?? `${grouped(row.bytes)} bytes`],
    ["sees", row.field_text ? `${row.field_text} input values${formulas.receptive_field ? `,  ${formulas.receptive_field}` : ""}` : "unknown"],
  ];
}
const layerLine = ([title, text]) => make("div", {}, make("span", {}, title), make("span", {}, text));

// The model of a page without a kernel: the same doors as anywidget's model, over plain values.
function stillModel(state) {
  const handlers = new Map();
  return {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      for (const handler of [...(handlers.get(`change:${name}`) ?? [])]) handler();
    },
    on(event, handler) { handlers.set(event, [...(handlers.get(event) ?? []), handler]); },
    off(event, handler) { handlers.set(event, (handlers.get(event) ?? []).filter((each) => each !== handler)); },
    save_changes() {},
    send() {},
  };
}

function mountStill(id, state, render) {
  const place = document.querySelector(`[data-convnets="${id}"]:not([data-alive])`);
  if (!place) return;
  place.setAttribute("data-alive", "");
  const el = document.createElement("div");
  render({ model: stillModel(state), el });
  place.replaceChildren(el);
}
