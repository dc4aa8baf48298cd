// A race of optimisers, seen from above. The same rules as in race.py; the student's path comes from Python.

const WIDE = 4, HIGH = 2.4, FAR = 1e6;
const SURFACES = {
  valley: { height: ([x, y], c) => (x * x + c * y * y) / 2, slope: ([x, y], c) => [x, c * y] },
  saddle: { height: ([x, y], c) => (c * x * x - y * y) / 2 + y ** 4 / 4 + 0.25, slope: ([x, y], c) => [c * x, y ** 3 - y] },
};
const RULES = {
  SGD: () => (g) => g,
  Momentum: () => { let v = 0; return (g) => (v = 0.9 * v + g); },
  RMSProp: () => { let s = 0; return (g) => { s = 0.9 * s + 0.1 * g * g; return g / (Math.sqrt(s) + 1e-8); }; },
  Adam: () => {
    let m = 0, s = 0, t = 0;
    return (g) => { t += 1; m = 0.9 * m + 0.1 * g; s = 0.999 * s + 0.001 * g * g; return m / (1 - 0.9 ** t) / (Math.sqrt(s / (1 - 0.999 ** t)) + 1e-8); };
  },
};
const MARKS = {
  SGD: (x, y) => draw("circle", { cx: x, cy: y, r: 6 }),
  Momentum: (x, y) => draw("rect", { x: x - 5.5, y: y - 5.5, width: 11, height: 11 }),
  RMSProp: (x, y) => draw("path", { d: `M${x} ${y - 7}L${x + 7} ${y + 5}H${x - 7}Z` }),
  Adam: (x, y) => draw("path", { d: `M${x} ${y - 8}L${x + 8} ${y}L${x} ${y + 8}L${x - 8} ${y}Z` }),
  yours: (x, y) => draw("path", { d: Array.from({ length: 10 }, (_, i) => { const r = i % 2 ? 3.6 : 9, a = (i * Math.PI) / 5; return `${i ? "L" : "M"}${x + r * Math.sin(a)} ${y - r * Math.cos(a)}`; }).join("") + "Z" }),
};

function render({ model, el }) {
  const { root, live, say } = frame(el, "Race of optimisers", "race");
  const kernelLive = model.get("live"), hasStudent = "settings" in (model.get("student") ?? {});
  const kicks = decode(model.get("kicks")), steps = kicks.length / 2;
  const names = Object.keys(MARKS).filter((name) => name !== "yours" || hasStudent);
  let available = 760, timer = null, paths = {};
  const get = (name) => model.get(name);
  const set = (name, value) => { model.set(name, value); model.save_changes(); };
  const button = (label, name, press) => make("button", { type: "button", title: name, "aria-label": name, onclick: press }, label);

  const playButton = button("▶ Play", "Play or pause: Space", () => (timer ? pause() : play()));
  const first = button("|◀", "Start: Home", () => { pause(); go(0); }), before = button("◀ Back", "Step back: left arrow", () => { pause(); go(get("step") - 1); });
  const next = button("Step ▶", "Step: right arrow", () => { pause(); go(get("step") + 1); }), last = button("▶|", "End: End key", () => { pause(); go(steps); });
  const counter = make("span", { class: "cvn-counter" });
  const frozen = !kernelLive && hasStudent;
  const surface = make("select", { "aria-label": "surface", disabled: frozen, onchange: () => {
    const chosen = surface.value;
    set("start", chosen === "saddle" ? [-1, 0.01] : [-3.5, 1.5]);
    set("surface", chosen);
  } },
    make("option", { value: "valley" }, "valley"), make("option", { value: "saddle" }, "saddle"));
  const slider = (label, name, least, most, size, to, from, show) => {
    const output = make("output", {});
    const input = make("input", { type: "range", min: least, max: most, step: size, "aria-label": label, disabled: frozen, oninput: () => set(name, from(Number(input.value))) });
    return { node: make("label", { class: "cvn-slider" }, make("span", {}, `${label} `, output), input), show() { input.value = to(get(name)); input.setAttribute("aria-valuetext", show(get(name))); output.textContent = show(get(name)); } };
  };
  const condition = slider("condition number", "condition", 0, 46, 1, (v) => Math.round(20 * Math.log10(v)), (v) => Number((10 ** (v / 20)).toPrecision(2)), (v) => number(v, 3));
  const noise = slider("noise", "noise", 0, 5, 0.1, (v) => v, (v) => v, (v) => number(v, 2));
  const map = make("div", { class: "cvn-race-map" }), chart = make("div", { class: "cvn-race-chart" });
  const body = make("tbody", {});
  const verdict = make("div", { class: "cvn-verdict", hidden: true });
  const rows = names.map((name) => {
    const shown = make("input", { type: "checkbox", "aria-label": `show ${name}`, onchange: () => set("hidden", shown.checked ? get("hidden").filter((each) => each !== name) : [...get("hidden"), name]) });
    const rate = make("input", { type: "range", min: -80, max: 20, step: 1, "aria-label": `learning rate of ${name}`, disabled: name === "yours" && !kernelLive,
      oninput: () => set("rates", { ...get("rates"), [name]: Number((10 ** (Number(rate.value) / 20)).toPrecision(2)) }) });
    const told = make("output", {}), loss = make("td", { class: "cvn-right" }), reached = make("td", { class: "cvn-right" });
    const key = draw("svg", { width: 46, height: 20, class: `cvn-run cvn-run-${name}`, "aria-hidden": true }, draw("line", { x1: 2, y1: 10, x2: 44, y2: 10 }), MARKS[name](23, 10));
    const node = make("tr", {}, make("td", {}, shown), make("th", { scope: "row" }, make("span", { class: "cvn-race-name" }, key, name)),
      make("td", {}, make("span", { class: "cvn-rate" }, rate, told)), loss, reached);
    body.append(node);
    return { name, shown, rate, told, loss, reached, node };
  });
  root.append(
    make("div", { class: "cvn-bar" }, make("div", { class: "cvn-buttons" }, first, before, playButton, next, last), counter, make("label", { class: "cvn-field" }, "surface", surface)),
    make("div", { class: "cvn-sliders cvn-race-sliders" }, condition.node, noise.node),
    make("div", { class: "cvn-race-stage" }, map, chart),
    make("div", { class: "cvn-race-scroll" }, make("table", { class: "cvn-race-table" }, make("thead", {}, make("tr", {}, ["", "runner", "learning rate", "loss now", "below 0.01"].map((words) => make("th", { scope: "col" }, words)))), body)),
    verdict,
    make("p", { class: "cvn-legend" }, make("span", {}, "Click the map to move the start. On the map: ← → step, Home, End, Space plays, Shift with an arrow moves the start."),
      frozen && make("span", {}, "Your own rule runs only in a notebook with a kernel, so the surface is fixed on this page.")), live);

  function go(step) { set("step", clamp(step, 0, steps)); }
  function play() {
    if (get("step") >= steps) go(0);
    playButton.textContent = "⏸ Pause";
    timer = setInterval(() => (get("step") >= steps ? pause() : go(get("step") + 1)), 60);
  }
  function pause() {
    if (timer) clearInterval(timer);
    timer = null;
    playButton.textContent = "▶ Play";
    tell();
  }
  function move(x, y) {
    if (frozen) return;
    pause();
    set("start", [Number(clamp(x, -WIDE, WIDE).toFixed(3)), Number(clamp(y, -HIGH, HIGH).toFixed(3))]);
  }
  function onKey(event) {
    const far = { ArrowRight: [0.1, 0], ArrowLeft: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
    const moves = { ArrowRight: get("step") + 1, ArrowLeft: get("step") - 1, Home: 0, End: steps };
    if (event.shiftKey && far) move(get("start")[0] + far[0], get("start")[1] + far[1]);
    else if (event.key === " ") { if (timer) pause(); else play(); }
    else if (event.key in moves) { pause(); go(moves[event.key]); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const height = (point) => SURFACES[get("surface")].height(point, get("condition"));
  function run(name) {
    const rules = [RULES[name](), RULES[name]()], rate = get("rates")[name], { slope } = SURFACES[get("surface")];
    const path = [[...get("start")]];
    for (let t = 0; t < steps; t++) {
      const x = path.at(-1), g = slope(x, get("condition"));
      const there = [0, 1].map((i) => x[i] - rate * rules[i](g[i] + get("noise") * kicks[2 * t + i]));
      if (!there.every((v) => Math.abs(v) <= FAR)) break;
      path.push(there);
    }
    return path;
  }
  function current() {
    const student = get("student"), wanted = JSON.stringify([get("surface"), get("condition"), get("noise"), get("start"), get("rates").yours]);
    return hasStudent && JSON.stringify(student.settings) === wanted;
  }
  function calculate() {
    paths = {};
    for (const name of names) {
      if (name !== "yours") paths[name] = run(name);
      else if (current() && get("student").path.length) paths[name] = get("student").path;
    }
  }

  // --- pictures
  // The darker, the lower: greys from `darkest` up, one set for light pages and one for dark ones.
  function bands(width, tall, darkest) {
    const canvas = make("canvas", { width, height: tall }), context = canvas.getContext("2d"), pixels = context.createImageData(width, tall);
    for (let row = 0; row < tall; row++) for (let column = 0; column < width; column++) {
      const x = ((column + 0.5) / width) * 2 * WIDE - WIDE, y = HIGH - ((row + 0.5) / tall) * 2 * HIGH;
      const grey = darkest + clamp(5 * (Math.floor(3 * Math.log10(height([x, y]) + 0.01)) + 6), 0, 65);
      pixels.data.set([grey, grey, grey, 255], 4 * (row * width + column));
    }
    context.putImageData(pixels, 0, 0);
    return canvas.toDataURL();
  }
  let backgrounds = {}, drawnFor = "";
  function showMap() {
    const width = available >= 720 ? Math.round(available * 0.56) : available, tall = Math.round((width * HIGH) / WIDE);
    const of = `${width} ${get("surface")} ${get("condition")}`;
    if (of !== drawnFor) {
      const small = [Math.round(width / 2), Math.round(tall / 2)];
      backgrounds = { light: bands(...small, 188), dark: bands(...small, 16) };
      drawnFor = of;
    }
    const at = ([x, y]) => [((x + WIDE) / (2 * WIDE)) * width, ((HIGH - y) / (2 * HIGH)) * tall];
    const near = (point) => { const [x, y] = at(point); return [clamp(x, -2000, 3000), clamp(y, -2000, 3000)]; };
    const id = `cvn-race-${Math.random().toString(36).slice(2, 9)}`;
    const picture = draw("svg", { width, height: tall, tabindex: 0, role: "application", "aria-roledescription": "map of the loss", onkeydown: onKey,
      "aria-label": `The loss from above, a ${get("surface")}. The start is ${get("start").map((v) => number(v, 3)).join(", ")}. Arrow keys step, Shift with an arrow moves the start, Space plays.`,
      onpointerdown: (event) => { const box = picture.getBoundingClientRect(); picture.focus({ preventScroll: true }); move(((event.clientX - box.left) / width) * 2 * WIDE - WIDE, HIGH - ((event.clientY - box.top) / tall) * 2 * HIGH); } },
    draw("defs", {}, draw("clipPath", { id }, draw("rect", { width, height: tall }))), Object.entries(backgrounds).map(([theme, href]) => draw("image", { href, width, height: tall, preserveAspectRatio: "none", class: `cvn-race-${theme}` })), draw("rect", { width, height: tall, class: "cvn-lines" }));
    const inside = draw("g", { "clip-path": `url(#${id})` });
    for (const target of get("surface") === "valley" ? [[0, 0]] : [[0, 1], [0, -1]]) {
      const [x, y] = at(target);
      inside.append(draw("path", { d: `M${x - 7} ${y}H${x + 7}M${x} ${y - 7}V${y + 7}`, class: "cvn-target" }));
    }
    for (const name of names) {
      if (!paths[name] || get("hidden").includes(name)) continue;
      const points = paths[name].slice(0, get("step") + 1).map(near);
      inside.append(draw("g", { class: `cvn-run cvn-run-${name}` }, draw("polyline", { points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ") }), MARKS[name](...points.at(-1))));
    }
    picture.append(inside);
    const focused = map.contains(document.activeElement);
    map.replaceChildren(picture);
    if (focused) picture.focus({ preventScroll: true });
  }
  function showChart() {
    const width = available >= 720 ? Math.round(available * 0.41) : available, tall = Math.max(230, Math.round((available * 0.56 * HIGH) / WIDE));
    const box = { left: 46, right: width - 12, top: 24, bottom: tall - 34 }, low = -6, high = 3;
    const x = (t) => box.left + (t / steps) * (box.right - box.left), y = (loss) => box.bottom - ((clamp(Math.log10(Math.max(loss, 1e-12)), low, high) - low) / (high - low)) * (box.bottom - box.top);
    const picture = draw("svg", { width, height: tall, role: "img", "aria-label": `Loss over the steps: ${describe()}` }, draw("text", { x: box.left - 36, y: 14, class: "cvn-label" }, "loss (each line is 10 times the one below)"));
    for (let tick = low; tick <= high; tick++) {
      picture.append(draw("line", { x1: box.left, x2: box.right, y1: y(10 ** tick), y2: y(10 ** tick), class: "cvn-gridline" }));
      if (tick % 3 === 0) picture.append(draw("text", { x: box.left - 7, y: y(10 ** tick) + 4, class: "cvn-label cvn-faint", "text-anchor": "end" }, { "-6": "10⁻⁶", "-3": "0.001", 0: "1", 3: "1000" }[tick]));
    }
    for (const t of [0, steps / 2, steps]) picture.append(draw("text", { x: x(t), y: box.bottom + 17, class: "cvn-label cvn-faint", "text-anchor": "middle" }, Math.round(t)));
    picture.append(draw("text", { x: (box.left + box.right) / 2, y: tall - 3, class: "cvn-label cvn-faint", "text-anchor": "middle" }, "step"));
    picture.append(draw("line", { x1: x(get("step")), x2: x(get("step")), y1: box.top, y2: box.bottom, class: "cvn-axis" }));
    for (const name of names) {
      if (!paths[name] || get("hidden").includes(name)) continue;
      const points = paths[name].slice(0, get("step") + 1).map((point, t) => [x(t), y(height(point))]);
      picture.append(draw("g", { class: `cvn-run cvn-run-${name}` }, draw("polyline", { points: points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ") }), MARKS[name](...points.at(-1))));
    }
    chart.replaceChildren(picture);
  }

  function lossOf(name) {
    const path = paths[name];
    return !path ? null : get("step") < path.length ? height(path[get("step")]) : Infinity;
  }
  // The first step from which on the loss stays below 0.01, or −1.
  function stays(name) {
    const path = paths[name];
    if (!path || path.length <= steps) return -1;
    const above = path.findLastIndex((point) => height(point) >= 0.01);
    return above === path.length - 1 ? -1 : above + 1;
  }
  const words = (loss) => (loss === null ? "–" : loss === Infinity ? "flew away" : loss < 1e-12 ? "0" : loss < 1e-3 ? loss.toExponential(1).replaceAll("-", "−") : number(loss, 3));
  const describe = () => names.filter((name) => !get("hidden").includes(name)).map((name) => `${name} ${words(lossOf(name))}`).join(", ");
  function tell() { say(`Step ${get("step")} of ${steps}. Loss: ${describe()}.`); }

  function show() {
    const step = get("step");
    counter.textContent = `step ${step} of ${steps}`;
    for (const each of [first, before]) each.disabled = step === 0;
    for (const each of [next, last]) each.disabled = step >= steps;
    surface.value = get("surface");
    condition.show();
    noise.show();
    Object.assign(root.dataset, { step });
    for (const { name, shown, rate, told, loss, reached, node } of rows) {
      const path = paths[name], at = stays(name);
      shown.checked = !get("hidden").includes(name);
      rate.value = Math.round(20 * Math.log10(get("rates")[name]));
      rate.setAttribute("aria-valuetext", String(get("rates")[name]));
      told.textContent = get("rates")[name];
      loss.textContent = words(lossOf(name));
      reached.textContent = at < 0 ? "not in time" : at > step ? "not yet" : `from step ${at} on`;
      node.dataset.runner = name;
      node.dataset.loss = lossOf(name);
    }
    showMap();
    showChart();
    if (hasStudent) {
      const { problem, same } = get("student"), fresh = current();
      verdict.hidden = false;
      verdict.dataset.mark = !fresh ? "…" : problem ? "✗" : same ? "✓" : "!";
      verdict.replaceChildren(make("span", { class: "cvn-mark" }, verdict.dataset.mark), make("div", {}, !fresh ? "Your rule is running." : problem ?? (same ? `Your rule does the same as ${same}, step for step.` : "Your rule goes a way of its own: it equals none of the four.")));
    }
    if (!timer) tell();
  }
  function renew() { calculate(); show(); }
  const stops = [
    watch(model, ["surface", "condition", "noise", "start", "rates", "student"], renew), watch(model, ["step", "hidden"], show),
    onWidth(root, (inner) => { available = clamp(inner - 30, 300, 890); show(); }),
  ];
  renew();
  return () => { if (timer) clearInterval(timer); timer = null; stops.forEach((stop) => stop()); };
}
