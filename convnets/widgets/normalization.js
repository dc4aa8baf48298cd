// Which numbers share one mean and one variance: a cube of N images, C channels and H×W pixels, and all its numbers.

const NORMS = { batch: "Batch norm", layer: "Layer norm", group: "Group norm", instance: "Instance norm" };

function render({ model, el }) {
  const { root, live, say } = frame(el, "Which numbers share a mean and a variance", "normalization");
  const [images, channels, height, width] = model.get("shape");
  const pixels = height * width, values = decode(model.get("values")), eps = model.get("eps");
  const student = model.get("student") ?? {}, asked = "words" in student;
  const texts = Array.from(values, (value) => number(value, 3));
  const index = (n, c, p) => (n * channels + c) * pixels + p;
  const place = (cell) => [Math.floor(cell / (channels * pixels)), Math.floor(cell / pixels) % channels, cell % pixels];
  let available = 760;

  // --- controls
  const names = asked ? { ...NORMS, function: "Your function" } : NORMS;
  const buttons = Object.entries(names).map(([name, title]) =>
    make("button", { type: "button", "data-method": name, onclick: () => put({ method: name }) }, title));
  const divisors = Array.from({ length: channels }, (_, i) => i + 1).filter((g) => channels % g === 0);
  const chooser = make("select", { "aria-label": "number of groups", onchange: () => put({ groups: Number(chooser.value), method: "group" }) },
    divisors.map((g) => make("option", { value: g }, g)));
  root.append(make("div", { class: "cvn-bar" },
    make("div", { class: "cvn-buttons cvn-choices", role: "group", "aria-label": "normalisation" }, buttons),
    make("label", { class: "cvn-field" }, "groups ", chooser)));

  const cube = make("figure", { class: "cvn-cube" }), sheets = make("figure", {}), rule = make("p", { class: "cvn-sum" }), sum = make("p", { class: "cvn-sum" });
  const verdict = make("div", { class: "cvn-verdict", "data-mark": student.mark }, make("span", { class: "cvn-mark" }, student.mark ?? ""), make("div", {}, "Your function: ", student.words ?? ""));
  const board = draw("svg", {
    tabindex: 0, role: "application", "aria-roledescription": "table of numbers", class: "cvn-norm-board",
    "aria-label": "All numbers. Left and right go through channels and images, up and down through pixels.",
    onkeydown: (event) => {
      const [n, c, p] = place(model.get("cell")), column = n * channels + c;
      const steps = { ArrowRight: [column + 1, p], ArrowLeft: [column - 1, p], ArrowDown: [column, p + 1], ArrowUp: [column, p - 1], Home: [0, 0], End: [images * channels - 1, pixels - 1] };
      if (!(event.key in steps)) return;
      const [to, row] = steps[event.key];
      put({ cell: clamp(to, 0, images * channels - 1) * pixels + clamp(row, 0, pixels - 1) });
      event.preventDefault();
      event.stopPropagation();
    },
  });
  sheets.append(make("figcaption", {}, `All ${values.length} numbers, image by image: channels side by side, pixels from top to bottom. Click one, or use the arrow keys.`), board);
  root.append(make("div", { class: "cvn-scene" }, cube, make("div", { class: "cvn-norm-words" }, rule, sum)), sheets, ...(asked ? [verdict] : []), live);
  root.append(make("p", { class: "cvn-legend" },
    make("span", {}, make("i", { class: "cvn-key cvn-key-tap" }), " share one mean and one variance"),
    make("span", {}, make("i", { class: "cvn-key cvn-key-chosen" }), " the chosen number")));

  function put(changes) {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  }

  function setOf(cell) {
    const [n, c] = place(cell), groups = model.get("groups"), block = Math.floor(c / (channels / groups));
    return { batch: c, layer: n, instance: n * channels + c, group: n * groups + block, function: student.sets?.length ? student.sets[cell] : cell }[model.get("method")];
  }

  function words(n, c, count) {
    const groups = model.get("groups"), size = channels / groups, first = Math.floor(c / size) * size;
    const block = size === 1 ? `channel ${c}` : `channels ${first} to ${first + size - 1}`;
    return {
      batch: `channel ${c} of all ${images} images: N·H·W = ${images}·${height}·${width} = ${count} numbers`,
      layer: `all of image ${n}: C·H·W = ${channels}·${height}·${width} = ${count} numbers`,
      group: `${block} of image ${n}: (C/${groups})·H·W = ${size}·${height}·${width} = ${count} numbers`,
      instance: `channel ${c} of image ${n}: H·W = ${height}·${width} = ${count} numbers`,
      function: `${count} number${count === 1 ? "" : "s"} in your function`,
    }[model.get("method")];
  }

  function show() {
    const method = model.get("method"), chosen = model.get("cell"), [n, c, p] = place(chosen), own = setOf(chosen);
    const shared = Array.from(values, (_, cell) => setOf(cell) === own);
    const inside = Array.from(values).filter((_, cell) => shared[cell]);
    const mean = inside.reduce((a, b) => a + b, 0) / inside.length;
    const variance = inside.reduce((a, b) => a + (b - mean) ** 2, 0) / inside.length;
    const result = (values[chosen] - mean) / Math.sqrt(variance + eps);
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.method === method));
    chooser.value = model.get("groups");
    Object.assign(root.dataset, { count: inside.length, mean, variance, result, shared: shared.flatMap((is, cell) => (is ? [cell] : [])).join(" ") });
    showCube(shared, chosen);
    showSheets(shared, chosen);
    const where = `image ${n}, channel ${c}, pixel (${Math.floor(p / width)}, ${p % width})`;
    const told = `${names[method]}: ${words(n, c, inside.length)}`;
    rule.replaceChildren(make("b", {}, names[method]), `: ${words(n, c, inside.length)} share one mean and one variance.`);
    const given = student.values?.[chosen];
    let outcome;
    if (method === "function" && inside.length === 1) outcome = `${texts[chosen]} becomes ${number(given, 3)}, whatever the other numbers are`;
    else if (method === "function") outcome = `mean ${number(mean, 3)}, variance ${number(variance, 3)}; your function makes ${number(given, 3)} of ${texts[chosen]}`;
    else outcome = `(${texts[chosen]} − ${number(mean, 3).replace(/^−(.*)$/, "(−$1)")}) / √${number(variance + eps, 3)} = ${number(result, 3)}`;
    const plain = method === "function" ? outcome : `mean ${number(mean, 3)}, variance ${number(variance, 3)}, ${texts[chosen]} becomes ${number(result, 3)}`;
    sum.replaceChildren(`${where}: `, make("span", { class: "cvn-terms" }, outcome));
    say(`${told}. ${where}: ${plain}.`);
  }

  function showCube(shared, chosen) {
    const side = clamp(230 / (images + 0.55 * channels), 12, 34), across = 0.55 * side, up = -0.45 * side, lift = -up * channels, left = 58, top = 24;
    const wide = left + images * side + channels * across + 46, high = top + lift + pixels * side + 30;
    const one = draw("svg", { width: wide, height: high, role: "img", "aria-label": `A cube of ${images} images, ${channels} channels and ${pixels} pixels; the shared numbers are marked where they come to its surface.` });
    const face = (n, c, p, x, y, a, b) => {
      const at = index(n, c, p), corner = (dx, dy) => `${left + x + dx},${top + lift + y + dy}`;
      one.append(draw("polygon", {
        points: [corner(0, 0), corner(...a), corner(a[0] + b[0], a[1] + b[1]), corner(...b)].join(" "),
        class: shared[at] ? "cvn-cell-tap" : "cvn-cube-face", onclick: () => put({ cell: at }),
      }));
    };
    const right = [side, 0], down = [0, side], back = [across, up];
    for (let n = 0; n < images; n++) {
      for (let p = 0; p < pixels; p++) face(n, 0, p, n * side, p * side, right, down);
      for (let c = 0; c < channels; c++) face(n, c, 0, n * side + c * across, c * up, right, back);
    }
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < pixels; p++) face(images - 1, c, p, images * side + c * across, p * side + c * up, down, back);
    const label = (x, y, text, anchor) => one.append(draw("text", { x, y, class: "cvn-label", "text-anchor": anchor }, text));
    label(left + (images * side) / 2, high - 10, "N images", "middle");
    label(left - 8, top + lift + (pixels * side) / 2 + 4, "H×W", "end");
    label(left + (channels * across) / 2 - 12, top + lift + (channels * up) / 2 - 4, "C", "end");
    cube.replaceChildren(make("figcaption", {}, "The cube, seen from outside"), one);
  }

  function showSheets(shared, chosen) {
    const gap = 16, top = 38, left = 4, longest = Math.max(...texts.map((text) => text.length));
    // As many images side by side as leave room for numbers that can be read.
    const least = Math.max(29, 4 + 0.61 * 12 * longest), room = (beside) => (available - 2 * left - gap * (beside - 1)) / (beside * channels);
    let beside = images;
    while (beside > 1 && room(beside) < least) beside -= 1;
    const cell = clamp(room(beside), 18, 44), tall = top + pixels * cell + 6, size = Math.min(15, cell * 0.42, (cell - 4) / (0.61 * longest));
    fill(board, { width: left * 2 + beside * channels * cell + gap * (beside - 1), height: Math.ceil(images / beside) * tall }, []);
    const parts = [];
    let last = null;
    for (let n = 0; n < images; n++) {
      const x = left + (n % beside) * (channels * cell + gap), y = Math.floor(n / beside) * tall;
      parts.push(draw("text", { x, y: y + 14, class: "cvn-label" }, `image ${n}`));
      for (let c = 0; c < channels; c++) {
        if (cell >= 24) parts.push(draw("text", { x: x + (c + 0.5) * cell, y: y + 31, class: "cvn-label cvn-faint", "text-anchor": "middle" }, `c${c}`));
        for (let p = 0; p < pixels; p++) {
          const at = index(n, c, p), box = { x: x + c * cell, y: y + top + p * cell, width: cell, height: cell };
          const group = draw("g", { "data-cell": at, onclick: () => { put({ cell: at }); board.focus({ preventScroll: true }); } },
            draw("rect", { ...box, class: shared[at] ? "cvn-cell cvn-cell-tap" : "cvn-cell" }),
            draw("text", { x: box.x + cell / 2, y: box.y + cell / 2 + size * 0.36, "font-size": size, class: `cvn-number ${shared[at] ? "cvn-on-tap" : "cvn-faint"}` }, texts[at]));
          parts.push(group);
          if (at === chosen) last = draw("rect", { x: box.x + 2, y: box.y + 2, width: cell - 4, height: cell - 4, class: "cvn-chosen-cell" });
        }
      }
    }
    board.replaceChildren(...parts, last);
  }

  const forget = [watch(model, ["method", "groups", "cell"], show), onWidth(root, (wide) => { available = wide - 30; show(); })];
  show();
  return () => forget.forEach((stop) => stop());
}
