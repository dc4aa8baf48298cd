// A drawing board and a LeNet that looks at it. The forward pass runs here, in plain loops: about half a million products a drawing.

const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
const clipped = { "": (value) => value, relu: (value) => Math.max(0, value), tanh: Math.tanh };

function convolve(x, [C, H, W], { weight, bias, shape: [F, P, Q], kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw] }) {
  const out = new Float64Array(F * P * Q);
  for (let f = 0, o = 0; f < F; f++) for (let p = 0; p < P; p++) for (let q = 0; q < Q; q++, o++) {
    let sum = bias[f];
    for (let c = 0; c < C; c++) for (let i = 0; i < kh; i++) {
      const row = p * sh + i - ph;
      if (row < 0 || row >= H) continue;
      for (let j = 0, w = ((f * C + c) * kh + i) * kw; j < kw; j++) {
        const column = q * sw + j - pw;
        if (column >= 0 && column < W) sum += weight[w + j] * x[(c * H + row) * W + column];
      }
    }
    out[o] = sum;
  }
  return out;
}

function pool(x, [, H, W], { kind, shape: [C, P, Q], kernel: [kh, kw], stride: [sh, sw] }) {
  const out = new Float64Array(C * P * Q);
  for (let c = 0, o = 0; c < C; c++) for (let p = 0; p < P; p++) for (let q = 0; q < Q; q++, o++) {
    let best = -Infinity, sum = 0;
    for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++) {
      const value = x[(c * H + p * sh + i) * W + q * sw + j];
      best = Math.max(best, value);
      sum += value;
    }
    out[o] = kind === "max" ? best : sum / (kh * kw);
  }
  return out;
}

function multiply(x, { weight, bias, shape: [F], inputs }) {
  return Float64Array.from({ length: F }, (_, f) => {
    let sum = bias[f];
    for (let i = 0; i < inputs; i++) sum += weight[f * inputs + i] * x[i];
    return sum;
  });
}

function forward(x, size, stages) {
  const found = [];
  let shape = [1, size, size];
  for (const stage of stages) {
    const work = { conv: convolve, linear: (values, _, layer) => multiply(values, layer) }[stage.kind] ?? pool;
    x = work(x, shape, stage).map(clipped[stage.act]);
    found.push(x);
    shape = stage.shape;
  }
  return found;
}

function softmax(logits) {
  const most = Math.max(...logits), powers = Array.from(logits, (value) => Math.exp(value - most)), sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

// Ink of a round pen that goes from one place [across, down] to another; the centre of the first pixel is [0, 0].
function stroke(pixels, size, [ax, ay], [bx, by], radius, erase) {
  const vx = bx - ax, vy = by - ay, long = Math.max(vx * vx + vy * vy, 1e-6);
  const [top, bottom] = [Math.min(ay, by), Math.max(ay, by)], reach = radius + 1;
  for (let y = Math.max(0, Math.floor(top - reach)); y <= Math.min(size - 1, Math.ceil(bottom + reach)); y++) for (let x = 0; x < size; x++) {
    const t = clamp(((x - ax) * vx + (y - ay) * vy) / long, 0, 1);
    const ink = Math.round(255 * clamp(radius + 0.5 - Math.hypot(x - ax - t * vx, y - ay - t * vy), 0, 1)), at = y * size + x;
    pixels[at] = erase ? Math.min(pixels[at], 255 - ink) : Math.max(pixels[at], ink);
  }
}

function render({ model, el }) {
  const { root, live, say } = frame(el, "LeNet and your drawing", "lenet");
  const kernelLive = model.get("live"), hasStudent = "mark" in (model.get("student") ?? {});
  const size = model.get("size"), classes = model.get("classes"), [mean, std] = model.get("scale"), samples = model.get("samples");
  const stages = model.get("stages").map((stage) => (stage.weight ? { ...stage, weight: floats(stage.weight), bias: floats(stage.bias) } : stage));
  const last = stages.length - 1;
  const get = (name) => model.get(name);
  const put = (changes) => { for (const [name, value] of Object.entries(changes)) model.set(name, value); model.save_changes(); };
  let pixels = Float64Array.from(get("drawing")), found = [], chances = [], down = false, cursor = [Math.floor(size / 2), Math.floor(size / 2)];
  let from = null, before = [], available = 860, waiting = 0, told = 0, keyed = false, sent = 0;

  const button = (label, name, press) => make("button", { type: "button", title: name, "aria-label": name, onclick: press }, label);
  const pen = button("✎ Pen", "Pen", () => put({ tool: "pen" })), eraser = button("◻ Eraser", "Eraser: E", () => put({ tool: "eraser" }));
  const undo = button("↶ Undo", "Undo", () => { if (before.length) { pixels = before.pop(); keep(); } });
  const clear = button("Clear", "Clear the board: Delete", wipe);
  const chosen = make("select", { "aria-label": "example", onchange: () => {
    if (chosen.value === "") return;
    remember();
    pixels = Float64Array.from(samples[Number(chosen.value)].pixels);
    keep();
    chosen.value = "";
  } }, make("option", { value: "" }, "choose …"), samples.map(({ name }, i) => make("option", { value: i }, name)));
  const width = make("input", { type: "range", min: 0.5, max: 3, step: 0.1, "aria-label": "thickness of the pen", oninput: () => put({ radius: Number(width.value) }) });
  const moves = [["←", "left", -1, 0], ["↑", "up", 0, -1], ["↓", "down", 0, 1], ["→", "right", 1, 0]].map(([sign, word, x, y]) => button(sign, `Move the drawing ${word}`, () => shift(x, y)));
  const board = make("canvas", { width: size, height: size, class: "cvn-lenet-canvas" });
  const over = draw("svg", { viewBox: `0 0 ${size} ${size}`, tabindex: 0, role: "application", "aria-roledescription": "drawing board", class: "cvn-lenet-over", onkeydown: onKey });
  const stage = make("div", { class: "cvn-lenet-board" }, board, over);
  const bars = make("div", { class: "cvn-lenet-bars", style: `--names: ${Math.max(...classes.map((name) => name.length)) + 1}ch` }), verdict = make("div", { class: "cvn-verdict", hidden: !hasStudent });
  const rows = classes.map((name) => {
    const fill = make("i", {}), share = make("span", { class: "cvn-lenet-share" }), node = make("div", { class: "cvn-lenet-row" }, make("span", { class: "cvn-lenet-class" }, name), make("span", { class: "cvn-lenet-track" }, fill), share);
    bars.append(node);
    return { node, fill, share };
  });
  const answer = make("p", { class: "cvn-lenet-answer" }), told_unit = make("p", {}), kernels = make("canvas", { role: "img", class: "cvn-lenet-kernels" });
  const shown = stages.slice(0, last).map((layer, at) => {
    const [count, high, wide] = layer.shape, what = high * wide > 1 ? `${count} maps of ${high}×${wide}` : `${count} values`;
    const made = { conv: `convolution ${layer.kernel?.join("×")}`, max: `max pooling ${layer.kernel?.join("×")}`, mean: `average pooling ${layer.kernel?.join("×")}`, linear: "fully connected" }[layer.kind];
    const canvas = make("canvas", { tabindex: 0, role: "application", "aria-roledescription": "maps", onkeydown: (event) => walk(event, at), onpointerdown: (event) => pick(event, at) });
    const note = make("figcaption", {});
    const figure = make("figure", { "data-stage": layer.name }, note, canvas);
    return { layer, at, what, made: made + ({ relu: ", ReLU", tanh: ", tanh" }[layer.act] ?? ""), canvas, note, figure };
  });
  root.append(
    make("div", { class: "cvn-bar" }, make("div", { class: "cvn-choices" }, pen, " ", eraser), make("label", { class: "cvn-field" }, "thickness", width), undo, clear,
      samples.length > 0 && make("label", { class: "cvn-field" }, "example", chosen), make("div", { class: "cvn-field" }, "move", moves)),
    make("div", { class: "cvn-lenet-top" }, make("figure", {}, make("figcaption", {}, `Draw here: ${size}×${size} pixels`), stage), make("div", { class: "cvn-lenet-says" }, answer, bars, verdict)),
    ...shown.map(({ figure }) => figure),
    make("div", { class: "cvn-lenet-unit" }, kernels, told_unit),
    make("p", { class: "cvn-legend" },
      make("span", {}, "Keys on the board: arrows move the pen, Space puts it down or lifts it, E erases, Delete clears."),
      make("span", {}, "Maps: white is 0, blue above, orange below; the darkest is the largest of its layer. Click a value, or use the arrow keys and Page Up, Page Down.")), live);

  // --- drawing
  const remember = () => { before = [...before.slice(-19), pixels.slice()]; };
  function wipe() { remember(); pixels = new Float64Array(size * size); keep(); }
  function shift(x, y) {
    remember();
    const moved = new Float64Array(size * size);
    for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) {
      const [r, c] = [row - y, column - x];
      if (r >= 0 && r < size && c >= 0 && c < size) moved[row * size + column] = pixels[r * size + c];
    }
    pixels = moved;
    keep();
  }
  // The drawing is finished for now: hand it to the model, and so to a kernel.
  function keep() {
    put({ drawing: Array.from(pixels) });
    compute();
  }
  const mark = (a, b) => stroke(pixels, size, a, b, get("radius") * (get("tool") === "eraser" ? 1.6 : 1), get("tool") === "eraser");
  const place = (event) => { const box = over.getBoundingClientRect(); return [((event.clientX - box.left) / box.width) * size - 0.5, ((event.clientY - box.top) / box.height) * size - 0.5]; };
  over.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || from) return;
    event.preventDefault();
    over.focus({ preventScroll: true });
    keyed = false;
    over.setPointerCapture(event.pointerId);
    remember();
    from = place(event);
    mark(from, from);
    soon();
  });
  over.addEventListener("pointermove", (event) => {
    if (!from) return;
    for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      const to = place(each);
      mark(from, to);
      from = to;
    }
    soon();
    if (hasStudent && kernelLive && performance.now() - sent > 200) { sent = performance.now(); put({ drawing: Array.from(pixels) }); }
  });
  const lift = () => { if (from) { from = null; keep(); } };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) over.addEventListener(name, lift);
  over.addEventListener("focus", () => showOver());
  over.addEventListener("blur", () => { down = false; showOver(); });
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-1, -1], PageUp: [1, -1], End: [-1, 1], PageDown: [1, 1] }[event.key];
    keyed = true;
    if (step) {
      const to = cursor.map((value, axis) => clamp(value + step[axis], 0, size - 1));
      if (down) { mark(cursor, to); cursor = to; keep(); } else { cursor = to; showOver(); }
    } else if (event.key === " " || event.key === "Enter") {
      down = !down;
      if (down) { remember(); mark(cursor, cursor); keep(); } else showOver();
    } else if (event.key.toLowerCase() === "e") put({ tool: get("tool") === "pen" ? "eraser" : "pen" });
    else if (event.key === "Delete" || event.key === "Backspace") wipe();
    else return;
    tell(`${get("tool") === "pen" ? "Pen" : "Eraser"} ${down ? "down" : "up"}, row ${cursor[1]}, column ${cursor[0]}.`);
    event.preventDefault();
    event.stopPropagation();
  }

  // --- the net
  function soon() { if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; compute(); }); }
  function compute() {
    found = forward(Float64Array.from(pixels, (value) => (value / 255 - mean) / std), size, stages);
    chances = softmax(found[last]);
    show();
    tell();
  }
  const percent = (value) => `${(100 * value).toFixed(value > 0.9995 || value < 0.0005 ? 0 : 1)} %`;
  function saying() {
    const order = chances.map((_, i) => i).sort((a, b) => chances[b] - chances[a]);
    const empty = pixels.every((value) => value === 0) ? "The board is empty, and still the net answers: " : "The net says ";
    return `${empty}${classes[order[0]]}, ${percent(chances[order[0]])}. Then ${classes[order[1]]}, ${percent(chances[order[1]])}.`;
  }
  // Said aloud when the hand rests, not at each pixel.
  function tell(first = "") {
    clearTimeout(told);
    told = setTimeout(() => say(`${first} ${saying()}`.trim()), 250);
  }

  // --- pictures
  const unit = () => { const [at, map, row, column] = get("unit"), [C, H, W] = stages[Math.min(at, last - 1)].shape; return [Math.min(at, last - 1), Math.min(map, C - 1), Math.min(row, H - 1), Math.min(column, W - 1)]; };
  const small = make("canvas", {});
  function paint(context, values, high, wide, x, y, cell, limit) {
    const colour = signedColour(limit);
    small.width = wide;
    small.height = high;
    const drawing = small.getContext("2d"), image = drawing.createImageData(wide, high);
    for (let i = 0; i < high * wide; i++) image.data.set([...colour(values[i]), 255], 4 * i);
    drawing.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, x, y, wide * cell, high * cell);
    context.strokeStyle = "#8e8e93";
    context.strokeRect(x - 0.5, y - 0.5, wide * cell + 1, high * cell + 1);
  }
  // Where the maps of a stage lie, in as few rows as leave a cell large enough to see.
  function plan({ shape: [count, high, wide] }) {
    const single = high * wide === 1, gap = single ? 2 : 6, best = single ? 12 : clamp(Math.round(84 / high), 3, 8), least = single ? 12 : high > 20 ? 2 : 4;
    for (let rows = 1; ; rows++) {
      const columns = Math.ceil(count / rows), cell = Math.min(best, Math.floor((available / columns - gap) / wide));
      if (cell >= least || columns === 1) return { cell: Math.max(cell, 1), columns, gap, across: wide * Math.max(cell, 1) + gap, down: high * Math.max(cell, 1) + gap };
    }
  }
  function showMaps() {
    const [at, map, row, column] = unit();
    for (const { layer, at: here, what, made, canvas, note, figure } of shown) {
      const [count, high, wide] = layer.shape, values = found[here], limit = largest(values), { cell, columns, gap, across, down: tall } = plan(layer);
      const inner = columns * across - gap + 2, outer = Math.ceil(count / columns) * tall - gap + 2, sharp = Math.min(3, Math.max(1, window.devicePixelRatio || 1));
      canvas.width = Math.round(inner * sharp);
      canvas.height = Math.round(outer * sharp);
      canvas.style.width = `${inner}px`;
      canvas.style.height = `${outer}px`;
      const context = canvas.getContext("2d");
      context.scale(sharp, sharp);
      const corner = (index) => [1 + (index % columns) * across, 1 + Math.floor(index / columns) * tall];
      for (let index = 0; index < count; index++) paint(context, values.subarray(index * high * wide, (index + 1) * high * wide), high, wide, ...corner(index), cell, limit);
      if (here === at) {
        const [x, y] = corner(map);
        context.lineWidth = 2;
        context.strokeStyle = "#e69f00";
        if (high * wide > 1) context.strokeRect(x - 1, y - 1, wide * cell + 2, high * cell + 2);
        context.strokeStyle = "#1d1d1f";
        context.strokeRect(x + column * cell - 1, y + row * cell - 1, cell + 2, cell + 2);
      }
      note.textContent = `${layer.name} · ${what} · ${made} · one value sees ${layer.field.join("×")} pixels · largest ${number(limit, 3)}`;
      canvas.setAttribute("aria-label", `${layer.name}, ${what}, ${made}. Largest value ${number(limit, 3)}. ${here === at ? words() : "Arrow keys choose a value."}`);
      Object.assign(figure.dataset, { sum: values.reduce((a, b) => a + b, 0), size: values.reduce((a, b) => a + Math.abs(b), 0) });
    }
  }
  function words() {
    const [at, map, row, column] = unit(), { name, shape: [, high, wide], field } = stages[at], value = found[at][(map * high + row) * wide + column];
    const where = high * wide > 1 ? `map ${map}, row ${row}, column ${column}` : `value ${map}`;
    return `${name}, ${where}: ${number(value, 3)}. It sees ${stages[at].kind === "linear" || (field[0] >= size && field[1] >= size) ? "the whole board" : `the ${field.join("×")} pixels in the frame`}.`;
  }
  function showUnit() {
    const [at, map] = unit(), layer = stages[at];
    told_unit.textContent = words();
    kernels.hidden = layer.kind !== "conv";
    if (layer.kind === "conv") {
      const [kh, kw] = layer.kernel, cell = 8, gap = 6, area = kh * kw, own = layer.weight.subarray(map * layer.inputs * area, (map + 1) * layer.inputs * area), limit = largest(own);
      const columns = Math.min(layer.inputs, 16);
      kernels.width = columns * (kw * cell + gap) - gap + 2;
      kernels.height = Math.ceil(layer.inputs / columns) * (kh * cell + gap) - gap + 2;
      const context = kernels.getContext("2d");
      for (let c = 0; c < layer.inputs; c++) paint(context, own.subarray(c * area, (c + 1) * area), kh, kw, 1 + (c % columns) * (kw * cell + gap), 1 + Math.floor(c / columns) * (kh * cell + gap), cell, limit);
      kernels.setAttribute("aria-label", `The filter of map ${map}: ${layer.inputs === 1 ? "one kernel" : `${layer.inputs} kernels`} of ${kh}×${kw}, weights from ${number(smallest(own), 2)} to ${number(Math.max(...own), 2)}.`);
      told_unit.append(` Its filter: ${layer.inputs === 1 ? "one kernel" : `${layer.inputs} kernels`} of ${kh}×${kw}.`);
    }
  }
  function showOver() {
    const [at, , row, column] = unit(), { field, step, start } = stages[at], parts = [];
    const edge = [0, 1].map((axis) => { const first = start[axis] + [row, column][axis] * step[axis]; return [clamp(first, 0, size), clamp(first + field[axis], 0, size)]; });
    const guide = (size - 20) / 2;
    if (size >= 28) parts.push(draw("rect", { x: guide, y: guide, width: 20, height: 20, class: "cvn-lenet-guide" }));
    parts.push(draw("rect", { x: edge[1][0] + 0.15, y: edge[0][0] + 0.15, width: edge[1][1] - edge[1][0] - 0.3, height: edge[0][1] - edge[0][0] - 0.3, class: "cvn-lenet-field" }));
    if (document.activeElement === over && keyed) parts.push(draw("circle", { cx: cursor[0] + 0.5, cy: cursor[1] + 0.5, r: get("radius") + 0.3, class: down ? "cvn-lenet-cursor cvn-lenet-down" : "cvn-lenet-cursor" }));
    over.replaceChildren(...parts);
    over.setAttribute("aria-label", `Drawing board, ${size} by ${size} pixels. ${get("tool") === "pen" ? "Pen" : "Eraser"} ${down ? "down" : "up"} at row ${cursor[1]}, column ${cursor[0]}. Arrow keys move, Space puts the pen down or lifts it.`);
    Object.assign(root.dataset, { field: edge.flat().join(" "), pen: down ? "down" : "up" });
  }
  function show() {
    const context = board.getContext("2d"), image = context.createImageData(size, size);
    for (let i = 0; i < size * size; i++) image.data.set([pixels[i], pixels[i], pixels[i], 255], 4 * i);
    context.putImageData(image, 0, 0);
    const best = chances.indexOf(Math.max(...chances));
    rows.forEach(({ node, fill, share }, i) => {
      node.classList.toggle("cvn-lenet-best", i === best);
      fill.style.width = `${100 * chances[i]}%`;
      share.textContent = `${i === best ? "◀ " : ""}${percent(chances[i])}`;
    });
    answer.textContent = saying();
    undo.disabled = !before.length;
    pen.setAttribute("aria-pressed", String(get("tool") === "pen"));
    eraser.setAttribute("aria-pressed", String(get("tool") === "eraser"));
    width.value = get("radius");
    width.setAttribute("aria-valuetext", `${number(2 * get("radius"), 2)} pixels`);
    Object.assign(root.dataset, { answer: classes[best], logits: Array.from(found[last]).join(" "), ink: pixels.reduce((a, b) => a + b, 0), unit: unit().join(" ") });
    showMaps();
    showUnit();
    showOver();
    if (hasStudent) {
      const { mark: sign, words: spoken, drawing } = get("student"), fresh = drawing.every((value, i) => value === pixels[i]);
      verdict.dataset.mark = fresh ? sign : "…";
      const unasked = kernelLive ? "Your function is looking at the drawing." : "Your function cannot look at this drawing: it runs only in a notebook with a kernel.";
      verdict.replaceChildren(make("span", { class: "cvn-mark" }, verdict.dataset.mark), make("div", {}, fresh ? spoken : unasked));
    }
  }

  // --- choosing a value
  function choose(next) { put({ unit: next }); say(words()); }
  function pick(event, at) {
    const { cell, columns, across, down: tall } = plan(stages[at]), [count, high, wide] = stages[at].shape, box = shown[at].canvas.getBoundingClientRect();
    const x = event.clientX - box.left - 1, y = event.clientY - box.top - 1, map = Math.floor(y / tall) * columns + clamp(Math.floor(x / across), 0, columns - 1);
    if (map < 0 || map >= count) return;
    choose([at, map, clamp(Math.floor((y % tall) / cell), 0, high - 1), clamp(Math.floor((x % across) / cell), 0, wide - 1)]);
  }
  function walk(event, at) {
    const [count, high, wide] = stages[at].shape, { columns } = plan(stages[at]), single = high * wide === 1;
    let [here, map, row, column] = unit();
    if (here !== at) [map, row, column] = [0, 0, 0];
    else if (event.key === "PageDown" || (single && event.key === "ArrowRight")) map += 1;
    else if (event.key === "PageUp" || (single && event.key === "ArrowLeft")) map -= 1;
    else if (single && event.key === "ArrowDown") map += columns;
    else if (single && event.key === "ArrowUp") map -= columns;
    else if (event.key === "ArrowRight") column += 1;
    else if (event.key === "ArrowLeft") column -= 1;
    else if (event.key === "ArrowDown") row += 1;
    else if (event.key === "ArrowUp") row -= 1;
    else return;
    if (!/^(Arrow|Page)/.test(event.key)) return;
    choose([at, clamp(map, 0, count - 1), clamp(row, 0, high - 1), clamp(column, 0, wide - 1)]);
    event.preventDefault();
    event.stopPropagation();
  }

  function fresh() {
    const given = get("drawing");
    if (!from && given.some((value, i) => value !== pixels[i])) { pixels = Float64Array.from(given); compute(); }
  }
  const stops = [
    watch(model, ["drawing"], fresh), watch(model, ["unit", "tool", "radius", "student"], show),
    onWidth(root, (inner) => { available = clamp(inner - 30, 280, 890); show(); }),
  ];
  compute();
  return () => { clearTimeout(told); if (waiting) cancelAnimationFrame(waiting); stops.forEach((stop) => stop()); };
}
