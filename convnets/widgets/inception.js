// Inception's bottlenecks: two modules whose parts have their work as area, under sliders.

const SLIDERS = [
  { key: "size", title: "input side", min: 4, max: 56, step: 1 },
  { key: "channels", title: "input channels", min: 16, max: 1024, step: 16 },
  { key: "reduce3", title: "1×1 before 3×3", min: 8, max: 256, step: 8 },
  { key: "reduce5", title: "1×1 before 5×5", min: 8, max: 256, step: 8 },
  { key: "pooled", title: "1×1 after pooling", min: 8, max: 256, step: 8 },
];
const WIDTHS = ["size", "channels", "ones", "reduce3", "threes", "reduce5", "fives", "pooled"];
const PRESETS = {
  "The lecture's module": [28, 256, 128, 64, 192, 64, 96, 64],
  "GoogLeNet 3a": [28, 192, 64, 96, 128, 16, 32, 32],
  "GoogLeNet 4a": [14, 480, 192, 96, 208, 16, 48, 64],
  "GoogLeNet 5b": [7, 832, 384, 192, 384, 48, 128, 128],
};
const TALL = 190;

function render({ model, el }) {
  const { root, live, say } = frame(el, "Inception's bottlenecks", "bottlenecks");
  const get = (key) => model.get(key);
  const set = (values) => {
    for (const [key, value] of Object.entries(values)) model.set(key, value);
    model.save_changes();
  };
  const part = (name, kind, inputs, outputs, kernel, last = true) => ({ name, kind, inputs, outputs, kernel, last, each: kernel * kernel * inputs, cost: get("size") ** 2 * outputs * kernel * kernel * inputs });
  function modules() {
    const c = get("channels");
    return [
      [part("1×1", "1", c, get("ones"), 1), part("3×3", "3", c, get("threes"), 3), part("5×5", "5", c, get("fives"), 5), part("pooling", "pool", c, c, 0)],
      [
        part("1×1", "1", c, get("ones"), 1), part("1×1 before 3×3", "reduce", c, get("reduce3"), 1, false), part("3×3", "3", get("reduce3"), get("threes"), 3),
        part("1×1 before 5×5", "reduce", c, get("reduce5"), 1, false), part("5×5", "5", get("reduce5"), get("fives"), 5), part("1×1 after pooling", "pool", c, get("pooled"), 1),
      ],
    ];
  }
  const total = (parts) => [parts.reduce((sum, { cost }) => sum + cost, 0), parts.reduce((sum, { last, outputs }) => sum + (last ? outputs : 0), 0)];

  const sliders = SLIDERS.map(({ key, title, min, max, step }) => {
    const shown = make("output", {});
    const input = make("input", { type: "range", min, max, step, "aria-label": title, "data-key": key, oninput: () => set({ [key]: Number(input.value) }) });
    return { key, shown, input, node: make("label", { class: "cvn-slider" }, make("span", {}, title, shown), input) };
  });
  const panels = ["Naive module", "With bottlenecks"].map((title) => {
    const sum = make("output", {}), drawing = make("div", {}), body = make("tbody", {});
    return { title, sum, drawing, body, node: make("figure", { class: "cvn-module" }, make("figcaption", {}, make("b", {}, title), sum), drawing, make("table", {}, body)) };
  });
  const verdict = make("p", { class: "cvn-sum" }), note = make("p", { class: "cvn-note" });
  root.append(
    make("div", { class: "cvn-bar" }, make("div", { class: "cvn-buttons", role: "group", "aria-label": "modules to begin with" }, Object.entries(PRESETS).map(([name, values]) =>
      make("button", { type: "button", onclick: () => set(Object.fromEntries(WIDTHS.map((key, i) => [key, values[i]]))) }, name)))),
    make("div", { class: "cvn-sliders" }, sliders.map(({ node }) => node)),
    make("div", { class: "cvn-modules" }, panels.map(({ node }) => node)), verdict, note,
    make("p", { class: "cvn-legend" }, "Width of a box: output channels. Height: products for one output value. Area: the work of the part, at each pixel. Both drawings have one scale."), live);

  function picture(parts, width, scale, tall, title) {
    const blocks = [], base = TALL + 34;
    const block = (p, x, y, w, h) => {
      const label = p.kind === "reduce" ? p.name.slice(-3) : p.name.slice(0, p.kernel ? 3 : 4), inside = w > 30 && h > 17;
      blocks.push(draw("rect", { x, y: y - h, width: Math.max(w, 1), height: Math.max(h, 1.5), class: `cvn-part cvn-part-${p.kind}`, "stroke-dasharray": p.kernel ? null : "3 3" }));
      if (inside) blocks.push(draw("text", { x: x + w / 2, y: y - h / 2 + 4.5, class: "cvn-label cvn-on-light", "text-anchor": "middle" }, p.kind === "reduce" ? `→${p.outputs}` : label));
    };
    const reduced = parts.filter(({ last }) => !last);
    let x = 0;
    for (const p of parts.filter(({ last }) => last)) {
      const w = p.outputs * scale, h = p.each * tall;
      block(p, x, base, w, h);
      const before = reduced.find(({ name }) => name === `1×1 before ${p.name}`);
      if (before) block(before, x, base - h - 4, before.outputs * scale, before.each * tall);
      if (w > 26) blocks.push(draw("text", { x: x + w / 2, y: base + 15, class: "cvn-label", "text-anchor": "middle" }, p.outputs));
      x += w;
    }
    blocks.push(draw("path", { d: `M0 ${base + 22}v5H${x}v-5`, class: "cvn-border", fill: "none" }), draw("text", { x: x / 2, y: base + 42, class: "cvn-label", "text-anchor": "middle" }, `${total(parts)[1]} channels out`));
    return draw("svg", { width, height: base + 48, role: "img", "aria-label": `${title}: ${parts.map(({ name, outputs, cost }) => `${name}, ${outputs} channels, ${grouped(cost)} multiply-adds`).join("; ")}.` }, blocks);
  }

  function show() {
    const both = modules(), sums = both.map(total), [[naive, wide], [small, narrow]] = sums;
    for (const { key, shown, input } of sliders) { input.value = get(key); shown.textContent = get(key); }
    const width = Math.max(200, Math.floor(panels[0].drawing.clientWidth || 400));
    const scale = width / Math.max(wide, narrow, 1), tower = (parts) => Math.max(...parts.filter(({ last }) => last).map((p) => p.each + (parts.find(({ name }) => name === `1×1 before ${p.name}`)?.each ?? 0)));
    const tall = TALL / Math.max(...both.map(tower));
    panels.forEach(({ title, sum, drawing, body }, i) => {
      sum.textContent = `${grouped(sums[i][0])} multiply-adds`;
      drawing.replaceChildren(picture(both[i], width, scale, tall, title));
      body.replaceChildren(...both[i].map((p) => make("tr", {}, make("th", { scope: "row" }, make("i", { class: `cvn-part-key cvn-part-${p.kind}` }), ` ${p.name}`),
        make("td", {}, p.kernel ? `${get("size")}²·${p.outputs}·${p.kernel > 1 ? `${p.kernel}²·` : ""}${p.inputs}` : "no products"), make("td", { class: "cvn-right" }, grouped(p.cost)))));
    });
    Object.assign(root.dataset, { naive, bottleneck: small, wide, narrow });
    const words = small < naive ? `${number(naive / small, 3)} times fewer multiply-adds` : small > naive ? `${number(small / naive, 3)} times as many multiply-adds: these bottlenecks are too wide` : "as many multiply-adds";
    const bound = (kernel, outputs) => Math.ceil((kernel ** 2 * get("channels") * outputs) / (get("channels") + kernel ** 2 * outputs)) - 1;
    verdict.textContent = `With bottlenecks: ${words}, and ${narrow} channels instead of ${wide}.`;
    note.textContent = `The naive module can never have fewer than its ${get("channels")} input channels: pooling passes all of them on. The detour over 1×1 saves work up to ${bound(3, get("threes"))} channels before the 3×3 and ${bound(5, get("fives"))} before the 5×5.`
      + (naive === 854196224 && small === 271351808 ? " A slide that you may meet prints 358 M for these bottlenecks. That is 271,351,808 + 86,704,128: it counts the 3×3 convolution twice." : "");
    say(`${verdict.textContent} Naive ${grouped(naive)}, with bottlenecks ${grouped(small)}.`);
  }
  show();
  const stops = [watch(model, WIDTHS, show), onWidth(root, show)];
  return () => stops.forEach((stop) => stop());
}
