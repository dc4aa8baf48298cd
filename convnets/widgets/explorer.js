// The arithmetic explorer: one layer in one and two dimensions, and the receptive field of a stack of layers.

const LIMITS = { size: [1, 64], kernel: [1, 15], stride: [1, 8], padding: [0, 8], dilation: [1, 6] };
const LETTERS = { size: "W", kernel: "K", stride: "S", padding: "P", dilation: "D" };
const WORDS = { size: "input size", kernel: "kernel", stride: "stride", padding: "padding", dilation: "dilation" };
const MOST_LAYERS = 8;

const decimals = (value) => String(Number(value.toFixed(2))).replace("-", "−");
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const listed = (items) => (items.length > 6 ? `${items.slice(0, 5).join(", ")}, … ` : items.join(", "));

function render({ model, el }) {
  const { root, live, say } = frame(el, "Arithmetic explorer", "explorer");
  let available = 760, selected = 0, topCell = 1;
  const get = (name) => model.get(name);

  // --- one layer
  const sliders = Object.keys(LIMITS).map((name) => {
    const [min, max] = LIMITS[name];
    const shown = make("output", {}, get(name));
    const input = make("input", {
      type: "range", min, max, step: 1, value: get(name), "aria-label": `${WORDS[name]} ${LETTERS[name]}`,
      oninput: () => { model.set(name, Number(input.value)); model.save_changes(); },
    });
    return { name, input, shown, node: make("label", { class: "cvn-slider" }, make("span", {}, make("b", {}, LETTERS[name]), ` ${WORDS[name]} `, shown), input) };
  });
  const row = make("div", { class: "cvn-line" });
  const square = make("div", { class: "cvn-square" });
  const formula = make("div", { class: "cvn-formula" });
  const verdict = make("div", { class: "cvn-verdict" });
  const legend = make("p", { class: "cvn-legend" },
    make("span", {}, make("i", { class: "cvn-key cvn-key-tap" }), " read by the chosen window (click one, or use ↑ ↓)"),
    make("span", {}, make("i", { class: "cvn-key cvn-key-pad" }), " padding"),
    make("span", {}, make("i", { class: "cvn-key cvn-key-unread" }), " never read"));

  // --- a stack
  const table = make("div", { class: "cvn-stack-table" });
  const pyramid = make("div", { class: "cvn-pyramid" });
  const stackSum = make("p", { class: "cvn-sum cvn-stack-sum" });
  const add = make("button", { type: "button", onclick: () => setLayers([...get("layers"), [3, 1, 1]]) }, "+ Add a layer");
  root.append(
    make("h4", {}, "One layer"), make("div", { class: "cvn-sliders" }, sliders.map((slider) => slider.node)),
    make("div", { class: "cvn-layer" }, row, square), verdict, formula, legend,
    make("h4", { class: "cvn-second" }, "A stack of layers: what one output sees"),
    make("div", { class: "cvn-stack" }, make("div", {}, table, add), pyramid), stackSum, live);

  function setLayers(layers) {
    model.set("layers", layers);
    model.save_changes();
  }

  function showLayer() {
    const [size, kernel, stride, padding, dilation] = Object.keys(LIMITS).map(get);
    for (const { name, input, shown } of sliders) { input.value = get(name); shown.textContent = get(name); }
    const { span, room, count } = outputSize(size, kernel, stride, padding, dilation);
    const counts = reads(size, kernel, stride, padding, dilation);
    selected = clamp(selected, 0, Math.max(0, count - 1));
    Object.assign(root.dataset, { output: count });
    showRow(size, kernel, stride, padding, dilation, count, counts);
    showSquare(size, padding, counts, count);
    const unread = counts.slice(padding, padding + size).map((times, i) => (times ? null : i)).filter((i) => i !== null);
    const fraction = room / stride + 1;
    const lines = [
      [`⌊(W + 2P − D·(K − 1) − 1) / S⌋ + 1`],
      [`⌊(${size} + 2·${padding} − ${dilation}·(${kernel} − 1) − 1) / ${stride}⌋ + 1`],
    ];
    if (room < 0) lines.push([`⌊${decimals(room)} / ${stride}⌋ + 1: the kernel does not fit`]);
    else lines.push([room % stride ? `⌊${room} / ${stride}⌋ + 1 = ⌊${decimals(room / stride)}⌋ + 1` : `${room} / ${stride} + 1`], [String(count), true]);
    formula.replaceChildren(...lines.map(([text, last], i) => make("div", {}, make("span", {}, i ? "" : "output size"), make("span", {}, "="), last ? make("b", {}, text) : text)));
    let mark = "✓", words;
    if (room < 0) [mark, words] = ["✗", `Does not fit: the kernel spans ${span} pixels, the padded row has only ${size + 2 * padding}. PyTorch raises an error.`];
    else if (room % stride) [mark, words] = ["!", `Does not fit evenly: ${room} / ${stride} + 1 = ${decimals(fraction)}. PyTorch rounds down to ${count}${unread.length ? `; ${plural(unread.length, "pixel")} ${unread.length > 1 ? "are" : "is"} never read (${unread.length > 1 ? "numbers" : "number"} ${listed(unread)})` : "; only padding is left over"}.`];
    else if (unread.length) [mark, words] = ["!", `Fits evenly, but ${plural(unread.length, "pixel")} ${unread.length > 1 ? "are" : "is"} never read: ${unread.length > 1 ? "numbers" : "number"} ${listed(unread)}.`];
    else words = `Fits evenly: every pixel is read${count === size ? ", and the output is as large as the input" : ""}.`;
    verdict.dataset.mark = mark;
    verdict.replaceChildren(make("span", { class: "cvn-mark" }, mark), make("div", {}, words, count ? ` In two dimensions: ${size}×${size} → ${count}×${count}.` : ""));
    say(`Output size ${count}. ${words}`);
  }

  function showRow(size, kernel, stride, padding, dilation, count, counts) {
    const long = size + 2 * padding;
    const width = Math.max(320, available - 270);
    const cell = Math.min(38, (width - 92) / long);
    const shown = Math.min(count, 16), step = shown > 9 ? 12 : 18, top = 26 + cell;
    const left = 2, height = top + 14 + shown * step + (count > shown ? 20 : 0) + 26 + Math.min(cell, 24);
    const lines = hatch(), pads = hatch("cvn-pad-stroke");
    const picture = draw("svg", {
      width: left + long * cell + 90, height, tabindex: 0, role: "application", "aria-roledescription": "row of pixels",
      "aria-label": "A row of pixels and the windows that read it. Arrow keys choose a window.", class: "cvn-strip",
      onkeydown: (event) => {
        const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        if (by) choose(selected + by);
        else if (event.key === "Home") choose(0);
        else if (event.key === "End") choose(count - 1);
        else return;
        event.preventDefault();
        event.stopPropagation();
      },
    }, lines.definition, pads.definition);
    const label = (x, y, text, kind = "", anchor = "middle") => draw("text", { x, y, class: `cvn-label ${kind}`, "text-anchor": anchor }, text);
    picture.append(label(left, 14, `input row: ${size} pixels${padding ? ` + ${plural(padding, "zero")} on each side` : ""}`, "", "start"));
    const taps = new Set(count ? Array.from({ length: kernel }, (_, i) => selected * stride + i * dilation) : []);
    for (let i = 0; i < long; i++) {
      const x = left + i * cell, inside = i >= padding && i < padding + size;
      picture.append(draw("rect", { x, y: 22, width: cell, height: cell, class: `cvn-cell ${taps.has(i) ? "cvn-cell-tap" : ""}`, style: inside || taps.has(i) ? null : `fill: ${pads.paint}` }));
      if (inside && !counts[i]) picture.append(draw("rect", { x, y: 22, width: cell, height: cell, fill: lines.paint, class: "cvn-unread" }));
      if (cell >= (long > 10 ? 20 : 17)) picture.append(label(x + cell / 2, 22 + cell / 2 + 4.5, inside ? i - padding : 0, taps.has(i) ? "cvn-on-tap" : inside ? "" : "cvn-faint"));
    }
    for (let i = 0; i < shown; i++) {
      const y = top + 14 + i * step, x = left + i * stride * cell, end = x + (dilation * (kernel - 1) + 1) * cell;
      const group = draw("g", { class: i === selected ? "cvn-bar-line cvn-chosen" : "cvn-bar-line", onclick: () => choose(i) },
        draw("rect", { x: left, y: y - step / 2, width: long * cell + 90, height: step, fill: "transparent" }),
        draw("line", { x1: x + 2, x2: end - 2, y1: y, y2: y }));
      for (let tap = 0; tap < kernel; tap++) group.append(draw("rect", { x: x + tap * dilation * cell + 1.5, y: y - step / 3, width: Math.max(1, cell - 3), height: (2 * step) / 3, rx: 2 }));
      if (step >= 18 || i === selected) group.append(label(left + long * cell + 8, y + 4.5, `→ output ${i}`, "", "start"));
      picture.append(group);
    }
    let y = top + 14 + shown * step;
    if (count > shown) { picture.append(label(left, y + 8, `… and ${count - shown} windows more`, "cvn-faint", "start")); y += 20; }
    const low = Math.min(cell, 24);
    for (let i = 0; i < long; i++)
      if (cell >= 12) picture.append(label(left + (i + 0.5) * cell, y + low / 2 + 4, counts[i], counts[i] ? "" : "cvn-zero"));
    picture.append(label(left, y + low + 16, "how many windows read each pixel", "cvn-faint", "start"));
    const focused = row.contains(document.activeElement);
    row.replaceChildren(picture);
    if (focused) picture.focus({ preventScroll: true });

    function choose(index) {
      if (!count) return;
      selected = clamp(index, 0, count - 1);
      showRow(size, kernel, stride, padding, dilation, count, counts);
      say(`Window ${selected} reads positions ${Array.from({ length: kernel }, (_, i) => selected * stride + i * dilation - padding).join(", ")}.`);
    }
  }

  function showSquare(size, padding, counts, count) {
    const long = size + 2 * padding, cell = 216 / long;
    const values = Array.from({ length: long * long }, (_, i) => counts[Math.floor(i / long)] * counts[i % long]);
    const lines = hatch(), limit = Math.max(1, largest(values));
    const picture = draw("svg", { width: 224, height: 224, viewBox: "-4 -4 224 224", role: "img", "aria-label": `${size} by ${size} pixels: how many windows read each one, from ${smallest(values)} to ${largest(values)}` }, lines.definition,
      grid({ values, rows: long, columns: long, cell, colour: (value) => mix([255, 255, 255], [0, 114, 178], (value / limit) * 0.8) }));
    if (padding) picture.append(draw("rect", { x: padding * cell, y: padding * cell, width: size * cell, height: size * cell, class: "cvn-border" }));
    values.forEach((value, i) => {
      const y = Math.floor(i / long), x = i % long;
      if (!value && [x, y].every((each) => each >= padding && each < padding + size))
        picture.append(draw("rect", { x: x * cell, y: y * cell, width: cell, height: cell, fill: lines.paint, class: "cvn-unread" }));
    });
    square.replaceChildren(make("figure", {}, make("figcaption", {}, `${size}×${size} → ${count}×${count}, windows per pixel`), picture));
  }

  // --- a stack: sizes are chosen so that the top row has three cells
  function showStack() {
    const layers = get("layers");
    let field = 1, jump = 1;
    const steps = layers.map(([kernel, stride, dilation]) => {
      const text = `${field} + ${dilation > 1 ? `${dilation}·` : ""}(${kernel} − 1)·${jump}`;
      field += dilation * (kernel - 1) * jump;
      jump *= stride;
      return { field, jump, text };
    });
    const lengths = [3];
    for (const [kernel, stride, dilation] of [...layers].reverse()) lengths.unshift((lengths[0] - 1) * stride + dilation * (kernel - 1) + 1);
    add.disabled = layers.length >= MOST_LAYERS;
    const cellInput = (index, place, least, most, title) => make("td", {}, numberInput({
      min: least, max: most, value: layers[index][place], "aria-label": `${title} of layer ${index + 1}`, "data-layer": index, "data-place": place,
      change: (wanted) => setLayers(layers.map((layer, i) => (i === index ? layer.map((each, j) => (j === place ? wanted : each)) : layer))),
    }));
    const active = table.contains(document.activeElement) ? document.activeElement.dataset : null;
    table.replaceChildren(make("table", {},
      make("thead", {}, make("tr", {}, ["layer", "K", "S", "D", "receptive field", ""].map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, layers.map((_, i) => make("tr", {},
        make("th", { scope: "row" }, i + 1), cellInput(i, 0, 1, 11, "kernel"), cellInput(i, 1, 1, 4, "stride"), cellInput(i, 2, 1, 4, "dilation"),
        make("td", { class: "cvn-math" }, `${steps[i].text} = `, make("b", {}, steps[i].field)),
        make("td", {}, layers.length > 1 && make("button", { type: "button", "aria-label": `Remove layer ${i + 1}`, title: "Remove this layer", onclick: () => setLayers(layers.filter((__, j) => j !== i)) }, "×")))))));
    if (active?.layer) table.querySelector(`[data-layer="${active.layer}"][data-place="${active.place}"]`)?.focus({ preventScroll: true });
    showPyramid(layers, lengths);
    root.dataset.field = field;
    stackSum.replaceChildren("One output of the last layer sees ", make("b", { class: "cvn-value" }, field), ` input pixels in a row; the next output's view starts ${plural(jump, "pixel")} later.`);
  }

  function showPyramid(layers, lengths) {
    const width = available < 730 ? 480 : clamp(available - 450, 280, 440), gap = layers.length > 4 ? 40 : 54;
    const cell = lengths.map((long) => Math.min(26, (width - 12) / long));
    const centre = width / 2, height = gap * layers.length + 50;
    const x = (level, i) => centre + (i - lengths[level] / 2) * cell[level];
    const y = (level) => height - 34 - level * gap;
    const ranges = [[topCell, topCell]];
    for (let level = layers.length - 1; level >= 0; level--) {
      const [kernel, stride, dilation] = layers[level];
      ranges.unshift([ranges[0][0] * stride, ranges[0][1] * stride + dilation * (kernel - 1)]);
    }
    const seen = [];
    seen[layers.length] = new Set([topCell]);
    for (let level = layers.length - 1; level >= 0; level--) {
      const [kernel, stride, dilation] = layers[level];
      seen[level] = new Set([...seen[level + 1]].flatMap((i) => Array.from({ length: kernel }, (_, tap) => i * stride + tap * dilation)));
    }
    const picture = draw("svg", {
      width, height, tabindex: 0, role: "application", "aria-roledescription": "stack of layers", class: "cvn-strip",
      "aria-label": "The pixels that one output sees, layer by layer. Left and right arrow keys choose the output.",
      onkeydown: (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!by) return;
        choose(topCell + by);
        event.preventDefault();
        event.stopPropagation();
      },
    });
    for (let level = 0; level < layers.length; level++) {
      const above = Math.min(18, Math.max(10, cell[level + 1]));
      picture.append(draw("polygon", {
        class: "cvn-cone",
        points: [[x(level, ranges[level][0]), y(level)], [x(level, ranges[level][1] + 1), y(level)], [x(level + 1, ranges[level + 1][1] + 1), y(level + 1) + above], [x(level + 1, ranges[level + 1][0]), y(level + 1) + above]].map((point) => point.join()).join(" "),
      }));
    }
    lengths.forEach((long, level) => {
      const tall = Math.min(18, Math.max(10, cell[level]));
      for (let i = 0; i < long; i++)
        picture.append(draw("rect", {
          x: x(level, i) + (cell[level] > 4 ? 0.5 : 0), y: y(level), width: Math.max(0.6, cell[level] - (cell[level] > 4 ? 1 : 0)), height: tall,
          class: `cvn-cell ${seen[level].has(i) ? (level === layers.length ? "cvn-cell-tap" : "cvn-cell-seen") : ""} ${cell[level] <= 4 ? "cvn-thin" : ""}`,
          onclick: level === layers.length ? () => choose(i) : null,
        }));
      const count = ranges[level][1] - ranges[level][0] + 1;
      const name = level === 0 ? `input: ${count} pixels seen` : level === layers.length ? "one output" : `layer ${level}: ${plural(count, "cell")}`;
      picture.append(draw("text", { x: centre, y: level ? y(level) - 5 : y(0) + tall + 15, class: "cvn-label", "text-anchor": "middle" }, name));
    });
    const focused = pyramid.contains(document.activeElement);
    pyramid.replaceChildren(picture);
    if (focused) picture.focus({ preventScroll: true });
    return ranges[0];

    function choose(index) {
      topCell = clamp(index, 0, 2);
      const [first, last] = showPyramid(layers, lengths);
      say(`Output ${topCell} sees input pixels ${first} to ${last}.`);
    }
  }

  const stops = [
    watch(model, Object.keys(LIMITS), showLayer), watch(model, ["layers"], () => { showStack(); say(`Receptive field ${root.dataset.field}.`); }),
    onWidth(root, (inner) => { available = clamp(inner - 30, 560, 900); showLayer(); showStack(); }),
  ];
  showLayer();
  showStack();
  return () => stops.forEach((stop) => stop());
}
