// Dropout masks: a net of 4 inputs, 8 hidden units and 1 output, one mask a step, and the mean of the outputs so far.

function render({ model, el }) {
  const { root, live, say } = frame(el, "Dropout masks", "dropout");
  const kernelLive = model.get("live"), hasStudent = "p" in (model.get("student") ?? {});
  const { x, w1, w2 } = model.get("net"), chances = decode(model.get("chances"));
  const units = w2.length, draws = chances.length / units;
  const hidden = w2.map((_, j) => Math.max(0, x.reduce((sum, value, i) => sum + value * w1[i][j], 0)));
  const full = hidden.reduce((sum, value, j) => sum + value * w2[j], 0);
  let timer = null, available = 760;
  const get = (name) => model.get(name);
  const set = (name, value) => { model.set(name, value); model.save_changes(); };
  const button = (label, name, press) => make("button", { type: "button", title: name, "aria-label": name, onclick: press }, label);
  const go = (draw) => set("draw", clamp(draw, 1, draws));
  const playButton = button("▶ Play", "Play or pause: Space", () => (timer ? pause() : play()));
  const first = button("|◀", "First mask: Home", () => { pause(); go(1); }), before = button("◀ Back", "Mask before: left arrow", () => { pause(); go(get("draw") - 1); });
  const next = button("Next mask ▶", "Next mask: right arrow", () => { pause(); go(get("draw") + 1); }), last = button("▶|", "Last mask: End", () => { pause(); go(draws); });
  const counter = make("span", { class: "cvn-counter" });
  const mode = make("select", { "aria-label": "mode", onchange: () => set("training", mode.value === "training") }, make("option", { value: "training" }, "training"), make("option", { value: "test" }, "test"));
  const told = make("output", {});
  const slider = make("input", { type: "range", min: 0, max: 0.9, step: 0.05, "aria-label": "p, probability to be dropped", disabled: hasStudent && !kernelLive, oninput: () => set("p", Number(slider.value)) });
  const scale = make("input", { type: "checkbox", disabled: hasStudent, onchange: () => set("scaled", scale.checked) });
  const stage = make("div", { class: "cvn-dropout-stage" }), net = make("div", {}), chart = make("div", {});
  const verdict = make("div", { class: "cvn-verdict", hidden: true });
  stage.append(net, chart);
  root.append(
    make("div", { class: "cvn-bar" }, make("div", { class: "cvn-buttons" }, first, before, playButton, next, last), counter, make("label", { class: "cvn-field" }, "mode", mode)),
    make("div", { class: "cvn-sliders cvn-race-sliders" }, make("label", { class: "cvn-slider" }, make("span", {}, make("b", {}, "p"), " probability to be dropped ", told), slider),
      make("label", { class: "cvn-field" }, scale, hasStudent ? "scaling: by your function" : "scale what is left by 1/(1 − p)")),
    stage, verdict,
    make("p", { class: "cvn-legend" }, make("span", {}, "✗ and a dashed circle: dropped. Click the net and use ← →, Home, End; Space plays."),
      hasStudent && !kernelLive && make("span", {}, "Your function runs only in a notebook with a kernel, so p is fixed on this page.")), live);

  function play() {
    if (get("draw") >= draws) go(1);
    playButton.textContent = "⏸ Pause";
    timer = setInterval(() => (get("draw") >= draws ? pause() : go(get("draw") + 1)), 250);
  }
  function pause() {
    if (timer) clearInterval(timer);
    timer = null;
    playButton.textContent = "▶ Play";
  }
  function onKey(event) {
    const moves = { ArrowRight: get("draw") + 1, ArrowLeft: get("draw") - 1, Home: 1, End: draws };
    if (event.key === " ") { if (timer) pause(); else play(); }
    else if (event.key in moves) { pause(); go(moves[event.key]); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  function values(draw) {
    const theirs = get("student")?.values;
    if (theirs?.length && get("student").p === get("p")) return theirs[draw - 1];
    const factor = get("scaled") ? 1 / (1 - get("p")) : 1;
    return hidden.map((value, j) => (chances[(draw - 1) * units + j] >= get("p") ? value * factor : 0));
  }
  const output = (kept) => kept.reduce((sum, value, j) => sum + value * w2[j], 0);
  const two = (value) => value.toFixed(2).replace("-", "−");

  function showNet(kept, now) {
    const width = available >= 700 ? Math.round(available * 0.55) : available, tall = 350;
    const left = [30, width * 0.42, width - 40];
    const at = { x: x.map((_, i) => [left[0], tall * (i + 1) / (x.length + 1)]), h: hidden.map((_, j) => [left[1], 24 + j * (tall - 48) / (units - 1)]), y: [left[2], tall / 2] };
    const picture = draw("svg", { width, height: tall, tabindex: 0, role: "application", "aria-roledescription": "net", class: "cvn-dropout-net", onkeydown: onKey, onpointerdown: () => picture.focus({ preventScroll: true }),
      "aria-label": `A net of ${x.length} inputs, ${units} hidden units and 1 output. ${kept.filter(Boolean).length} units are kept. Arrow keys draw masks, Space plays.` });
    kept.forEach((value, j) => {
      if (!value) return;
      for (const from of at.x) picture.append(draw("line", { x1: from[0], y1: from[1], x2: at.h[j][0], y2: at.h[j][1], class: "cvn-edge" }));
      picture.append(draw("line", { x1: at.h[j][0], y1: at.h[j][1], x2: at.y[0], y2: at.y[1], class: "cvn-edge" }));
    });
    const unit = ([cx, cy], words, kind, r = 19) => draw("g", { class: `cvn-unit ${kind}` }, draw("circle", { cx, cy, r }), draw("text", { x: cx, y: cy + 4.5, "text-anchor": "middle" }, words));
    x.forEach((value, i) => picture.append(unit(at.x[i], two(value), "")));
    kept.forEach((value, j) => {
      picture.append(unit(at.h[j], value ? two(value) : "✗", value ? "cvn-kept" : "cvn-dropped"));
      if (Math.abs(value - hidden[j]) > 1e-9) picture.append(draw("text", { x: at.h[j][0] + 25, y: at.h[j][1] + 4, class: "cvn-label cvn-faint cvn-halo" }, `was ${two(hidden[j])}`));
    });
    picture.append(unit(at.y, two(now), "cvn-out", 25));
    const focused = net.contains(document.activeElement);
    net.replaceChildren(picture);
    if (focused) picture.focus({ preventScroll: true });
  }
  function showChart(all, mean) {
    const width = available >= 700 ? Math.round(available * 0.42) : available, tall = 324;
    const box = { left: 40, right: width - 14, top: 30, bottom: tall - 20 };
    const low = Math.min(0, full * 1.2, ...all), high = Math.max(full * 1.5, ...all) * 1.05 || 1;
    const px = (i) => box.left + (i / Math.max(10, all.length)) * (box.right - box.left), py = (v) => box.bottom - ((v - low) / (high - low)) * (box.bottom - box.top);
    const picture = draw("svg", { width, height: tall, role: "img", "aria-label": `Outputs: mean of ${all.length} masks ${two(mean)}, without dropout ${two(full)}` }, draw("text", { x: 4, y: 16, class: "cvn-label" }, "output of the net"));
    for (const tick of [0, full]) picture.append(draw("text", { x: box.left - 6, y: py(tick) + 4, class: "cvn-label cvn-faint", "text-anchor": "end" }, two(tick)));
    picture.append(draw("line", { x1: box.left, x2: box.right, y1: py(0), y2: py(0), class: "cvn-axis" }));
    all.forEach((value, i) => picture.append(draw("circle", { cx: px(i + 1), cy: py(value), r: 2.6, class: "cvn-dot" })));
    picture.append(draw("line", { x1: box.left, x2: box.right, y1: py(full), y2: py(full), class: "cvn-curve cvn-vermillion" }));
    let sum = 0;
    picture.append(draw("polyline", { class: "cvn-curve cvn-blue", points: all.map((value, i) => `${px(i + 1).toFixed(1)},${py((sum += value) / (i + 1)).toFixed(1)}`).join(" ") }));
    picture.append(draw("text", { x: box.right, y: box.bottom + 16, class: "cvn-label cvn-faint", "text-anchor": "end" }, `mask ${all.length}`));
    const key = (words, mark) => make("span", {}, draw("svg", { width: 26, height: 12, "aria-hidden": true }, mark), ` ${words}`);
    const dash = (kind) => draw("line", { x1: 0, x2: 26, y1: 6, y2: 6, class: `cvn-curve ${kind}` });
    chart.replaceChildren(picture, make("p", { class: "cvn-legend" },
      key("each mask", draw("circle", { cx: 13, cy: 6, r: 3, class: "cvn-dot" })), key("mean so far", dash("cvn-blue")), key("without dropout", dash("cvn-vermillion"))));
  }
  function show() {
    const training = get("training"), count = get("draw"), kept = training ? values(count) : hidden;
    const all = training ? Array.from({ length: count }, (_, i) => output(values(i + 1))) : [full];
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length, now = output(kept);
    counter.textContent = training ? `mask ${count} of ${draws}` : "all units, no mask";
    for (const each of [first, before]) each.disabled = !training || count === 1;
    for (const each of [next, last]) each.disabled = !training || count === draws;
    playButton.disabled = !training;
    mode.value = training ? "training" : "test";
    slider.value = get("p");
    told.textContent = number(get("p"));
    scale.checked = get("scaled");
    Object.assign(root.dataset, { output: now, mean, full, kept: kept.filter(Boolean).length });
    showNet(kept, now);
    showChart(all, mean);
    if (hasStudent) {
      const student = get("student"), fresh = student.p === get("p");
      verdict.hidden = false;
      verdict.dataset.mark = fresh ? student.mark : "…";
      verdict.replaceChildren(make("span", { class: "cvn-mark" }, verdict.dataset.mark), make("div", {}, fresh ? student.words : "Your function is running."));
    }
    if (!timer) say(training ? `Mask ${count}: ${kept.filter(Boolean).length} of ${units} units kept, output ${two(now)}; mean so far ${two(mean)}, without dropout ${two(full)}.` : `Test: all units, output ${two(full)}.`);
  }
  const stops = [
    watch(model, ["p", "scaled", "training", "draw", "student"], show),
    onWidth(root, (inner) => { available = clamp(inner - 30, 300, 890); show(); }),
  ];
  show();
  return () => { pause(); stops.forEach((stop) => stop()); };
}
