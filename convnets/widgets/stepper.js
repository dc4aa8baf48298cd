// The convolution stepper: the window on the padded input, the products, their sum, the output cell it fills.

const SHOWN_CHANNELS = 3;
const CONTROLS = ["stride", "padding", "dilation"];

function correlate(pixels, [channels, height, width], weights, [, kernelRows, kernelColumns], { stride, padding, dilation }, bias) {
  const rows = outputSize(height, kernelRows, stride, padding, dilation).count;
  const columns = outputSize(width, kernelColumns, stride, padding, dilation).count;
  const values = new Float64Array(rows * columns).fill(bias);
  let index = 0;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, index++)
      for (let channel = 0; channel < channels; channel++)
        for (let i = 0; i < kernelRows; i++) {
          const y = row * stride - padding + i * dilation;
          if (y < 0 || y >= height) continue;
          for (let j = 0; j < kernelColumns; j++) {
            const x = column * stride - padding + j * dilation;
            if (x < 0 || x >= width) continue;
            values[index] += pixels[(channel * height + y) * width + x] * weights[(channel * kernelRows + i) * kernelColumns + j];
          }
        }
  return { rows, columns, values };
}

function render({ model, el }) {
  const { root, live, say } = frame(el, "Convolution stepper", "stepper");
  const [channels, height, width] = model.get("image_shape");
  const [, kernelRows, kernelColumns] = model.get("kernel_shape");
  const pixels = decode(model.get("pixels")), weights = decode(model.get("weights")), bias = model.get("bias");
  const inputColour = smallest(pixels) < 0 ? signedColour(largest(pixels)) : greyColour(largest(pixels) || 1);
  const kernelColour = signedColour(largest(weights));
  const kernelLive = model.get("live");
  const asked = "settings" in (model.get("student") ?? {});

  let output, padded, firstChannel = 0, reached = model.get("step"), timer = null, available = 760;
  let overlay = [], outputCell = 0;
  const hatching = hatch(), padHatching = hatch("cvn-pad-stroke");

  const settings = () => ({ stride: model.get("stride"), padding: model.get("padding"), dilation: model.get("dilation") });
  const total = () => output.rows * output.columns;
  const place = () => [Math.floor(model.get("step") / output.columns), model.get("step") % output.columns];

  // --- controls
  const button = (label, title, press) => make("button", { type: "button", title, "aria-label": title, onclick: press }, label);
  const playButton = button("▶ Play", "Play or pause: Space", () => (timer ? pause() : play()));
  const buttons = [
    button("|◀", "First window: Home", () => go(0)), button("◀", "Window before", () => go(model.get("step") - 1)), playButton,
    button("▶", "Next window", () => go(model.get("step") + 1)), button("▶|", "Last window: End", () => go(total() - 1)),
  ];
  const counter = make("span", { class: "cvn-counter" });
  const fields = CONTROLS.map((name) =>
    numberInput({
      value: model.get(name), min: name === "padding" ? 0 : 1, max: 16, disabled: !kernelLive && asked,
      change: (value) => { model.set(name, value); model.save_changes(); },
    }));
  const scene = make("div", { class: "cvn-scene" });
  const work = make("div", { class: "cvn-work" });
  const sum = make("p", { class: "cvn-sum" });
  const verdict = make("div", { class: "cvn-verdict", hidden: true });
  const legend = make("p", { class: "cvn-legend" });
  root.append(
    make("div", { class: "cvn-bar" }, make("div", { class: "cvn-buttons" }, buttons), counter, make("div", { class: "cvn-fields" }, fields.map((field, i) => make("label", { class: "cvn-field" }, make("span", {}, CONTROLS[i]), field)))),
    scene, work, sum, verdict, legend, live);
  if (!kernelLive && asked)
    root.append(make("p", { class: "cvn-note" }, "Stride, padding and dilation are fixed on this page: your function can only run again in a notebook with a kernel."));

  function go(step) {
    if (!total()) return;
    model.set("step", clamp(step, 0, total() - 1));
    model.save_changes();
  }
  function play() {
    if (!total()) return;
    if (model.get("step") >= total() - 1) { reached = 0; go(0); }
    playButton.textContent = "⏸ Pause";
    timer = setInterval(() => (model.get("step") >= total() - 1 ? pause() : go(model.get("step") + 1)), 700);
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    playButton.textContent = "▶ Play";
  }
  function onKey(event) {
    const step = model.get("step"), columns = output.columns;
    const moves = { ArrowRight: step + 1, ArrowLeft: step - 1, ArrowDown: step + columns, ArrowUp: step - columns, Home: 0, End: total() - 1 };
    if (event.key === " ") { if (timer) pause(); else play(); }
    else if (event.key in moves) {
      pause();
      const next = moves[event.key];
      if (next >= 0 && next < total()) go(next);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- arithmetic
  function calculate() {
    const { stride, padding, dilation } = settings();
    output = correlate(pixels, [channels, height, width], weights, [channels, kernelRows, kernelColumns], settings(), bias);
    padded = { rows: height + 2 * padding, columns: width + 2 * padding };
    padded.at = (channel, row, column) => {
      const y = row - padding, x = column - padding;
      return y < 0 || x < 0 || y >= height || x >= width ? 0 : pixels[(channel * height + y) * width + x];
    };
    padded.rowReads = reads(height, kernelRows, stride, padding, dilation);
    padded.columnReads = reads(width, kernelColumns, stride, padding, dilation);
    if (total() && model.get("step") >= total()) { model.set("step", total() - 1); model.save_changes(); }
    reached = Math.min(reached, Math.max(0, total() - 1));
  }

  // --- pictures
  function inputPicture(channel, cell) {
    const { rows, columns } = padded, padding = model.get("padding");
    const isPad = (i) => {
      const row = Math.floor(i / columns) - padding, column = (i % columns) - padding;
      return row < 0 || column < 0 || row >= height || column >= width;
    };
    const values = Array.from({ length: rows * columns }, (_, i) => padded.at(channel, Math.floor(i / columns), i % columns));
    const picture = draw("svg", {
      width: columns * cell + 8, height: rows * cell + 8, viewBox: `-4 -4 ${columns * cell + 8} ${rows * cell + 8}`,
      class: "cvn-input", tabindex: 0, role: "application", "aria-roledescription": "convolution window",
      "aria-label": `Input channel ${channel}. Arrow keys move the window, Home and End jump, Space plays.`, onkeydown: onKey,
    }, hatching.definition.cloneNode(true), padHatching.definition.cloneNode(true));
    if (padding) picture.append(draw("rect", { width: columns * cell, height: rows * cell, fill: padHatching.paint }));
    picture.append(grid({ values, rows, columns, cell, colour: inputColour, mask: isPad }));
    if (padding) picture.append(draw("rect", { x: padding * cell, y: padding * cell, width: width * cell, height: height * cell, class: "cvn-border" }));
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        if (!isPad(row * columns + column) && !(padded.rowReads[row] && padded.columnReads[column]))
          picture.append(draw("rect", { x: column * cell, y: row * cell, width: cell, height: cell, fill: hatching.paint, class: "cvn-unread" }));
    const taps = draw("g", { class: "cvn-taps" }), edge = draw("rect", { class: "cvn-window" });
    picture.append(taps, edge);
    overlay.push({ cell, taps, edge });

    let grip = null;
    const cellAt = (event) => {
      const box = picture.getBoundingClientRect();
      return [(event.clientY - box.top - 4) / cell, (event.clientX - box.left - 4) / cell];
    };
    const drag = (event) => {
      const { stride, dilation } = settings(), [y, x] = cellAt(event);
      const row = clamp(Math.round((y - grip[0]) / stride), 0, output.rows - 1);
      const column = clamp(Math.round((x - grip[1]) / stride), 0, output.columns - 1);
      go(row * output.columns + column);
    };
    picture.addEventListener("pointerdown", (event) => {
      if (!total()) return;
      pause();
      const { stride, dilation } = settings(), [row, column] = place(), [y, x] = cellAt(event);
      const spans = [dilation * (kernelRows - 1) + 1, dilation * (kernelColumns - 1) + 1];
      grip = [y - row * stride, x - column * stride];
      if (grip.some((offset, axis) => offset < 0 || offset > spans[axis])) grip = spans.map((span) => span / 2);
      picture.setPointerCapture(event.pointerId);
      picture.focus({ preventScroll: true });
      drag(event);
      event.preventDefault();
    });
    picture.addEventListener("pointermove", (event) => { if (grip) drag(event); });
    for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => { grip = null; });
    return picture;
  }

  const outputHolder = make("div", {});
  function outputPicture() {
    const cell = outputCell, { rows, columns, values } = output, [row, column] = place();
    const shown = Array.from(values, (value, i) => (i <= reached ? value : null));
    const picture = draw("svg", {
      width: columns * cell + 8, height: rows * cell + 8, viewBox: `-4 -4 ${columns * cell + 8} ${rows * cell + 8}`,
      class: "cvn-output", role: "img", "aria-label": `Output, ${rows} rows and ${columns} columns`,
      onclick: (event) => {
        const box = picture.getBoundingClientRect();
        const y = clamp(Math.floor((event.clientY - box.top - 4) / cell), 0, rows - 1);
        go(y * columns + clamp(Math.floor((event.clientX - box.left - 4) / cell), 0, columns - 1));
      },
    });
    picture.append(grid({ values: shown, rows, columns, cell, colour: signedColour(largest(values)) }));
    const wrong = current()?.wrong ?? [];
    wrong.slice(0, 400).forEach((index, order) => {
      const x = (index % columns) * cell, y = Math.floor(index / columns) * cell, inset = order || cell < 12 ? 0 : 4;
      picture.append(draw("rect", { x: x + inset, y: y + inset, width: cell - 2 * inset, height: cell - 2 * inset, class: order ? "cvn-wrong" : "cvn-wrong cvn-first-wrong", "data-wrong": index }));
      if (cell >= 14) picture.append(draw("circle", { cx: x + cell - 8, cy: y + 8, r: 7, class: "cvn-badge" }), draw("text", { x: x + cell - 8, y: y + 12.5, class: "cvn-cross", "font-size": 12 }, "✗"));
    });
    picture.append(draw("rect", { x: column * cell, y: row * cell, width: cell, height: cell, class: "cvn-window cvn-here" }));
    outputHolder.replaceChildren(picture);
  }

  const panel = (caption, ...parts) => make("figure", {}, make("figcaption", {}, caption), ...parts);
  const visible = () => Array.from({ length: Math.min(SHOWN_CHANNELS, channels) }, (_, i) => firstChannel + i);

  function layOut() {
    overlay = [];
    const list = visible(), { rows, columns } = padded;
    const side = (available - 40 - 16 * list.length) / (list.length + 1);
    const cell = clamp(Math.min(side / columns, 330 / rows), 1.5, 44);
    outputCell = clamp(Math.min(side / Math.max(1, output.columns), 330 / Math.max(1, output.rows)), 1.5, 44);
    const named = model.get("padding") ? "Padded input" : "Input";
    const shape = `${rows}×${columns}`;
    scene.replaceChildren(
      ...list.map((channel) => panel(channels > 1 ? `${named}, channel ${channel} · ${shape}` : `${named} · ${shape}`, inputPicture(channel, cell))),
      make("span", { class: "cvn-operator", "aria-hidden": true }, "→"),
      panel(total() ? `Output · ${output.rows}×${output.columns}` : "No output", outputHolder));
    if (channels > SHOWN_CHANNELS)
      scene.append(make("div", { class: "cvn-pager" },
        button("◀ channels", "Channels before", () => page(-SHOWN_CHANNELS)),
        make("span", {}, `channels ${list[0]} to ${list.at(-1)} of ${channels}`),
        button("channels ▶", "Next channels", () => page(SHOWN_CHANNELS))));
    const unread = countUnread();
    legend.replaceChildren(...[
      make("span", {}, make("i", { class: "cvn-key cvn-key-window" }), " window: drag it, or click the input and use the arrow keys"),
      model.get("padding") > 0 && make("span", {}, make("i", { class: "cvn-key cvn-key-pad" }), " padding (zeros)"),
      unread > 0 && total() > 0 && make("span", { class: "cvn-unread-note" }, make("i", { class: "cvn-key cvn-key-unread" }), ` never read by any window: ${unread} of ${height * width} pixels`),
    ].filter(Boolean));
    step();
  }
  function page(by) {
    firstChannel = clamp(firstChannel + by, 0, channels - SHOWN_CHANNELS);
    layOut();
  }
  function countUnread() {
    const padding = model.get("padding");
    const read = (counts, size) => counts.slice(padding, padding + size).filter(Boolean).length;
    return height * width - read(padded.rowReads, height) * read(padded.columnReads, width);
  }

  // --- one step
  function step() {
    const { stride, padding, dilation } = settings();
    for (const each of buttons) each.disabled = !total();
    if (!total()) return nothingFits();
    const index = model.get("step"), [row, column] = place();
    reached = Math.max(reached, index);
    Object.assign(root.dataset, { step: index, row, column });
    counter.textContent = `window ${index + 1} of ${total()}`;
    for (const { cell, taps, edge } of overlay) {
      const x = column * stride * cell, y = row * stride * cell;
      fill(edge, { x, y, width: (dilation * (kernelColumns - 1) + 1) * cell, height: (dilation * (kernelRows - 1) + 1) * cell }, []);
      taps.replaceChildren();
      if (dilation > 1 && cell >= 4)
        for (let i = 0; i < kernelRows; i++)
          for (let j = 0; j < kernelColumns; j++)
            taps.append(draw("rect", { x: x + j * dilation * cell + 1.5, y: y + i * dilation * cell + 1.5, width: cell - 3, height: cell - 3, class: "cvn-tap" }));
    }
    outputPicture();

    const sums = [], products = [];
    for (let channel = 0; channel < channels; channel++) {
      const seen = [], parts = [];
      for (let i = 0; i < kernelRows; i++)
        for (let j = 0; j < kernelColumns; j++) {
          const value = padded.at(channel, row * stride + i * dilation, column * stride + j * dilation);
          seen.push(value);
          parts.push(value * weights[(channel * kernelRows + i) * kernelColumns + j]);
        }
      sums.push(parts.reduce((all, part) => all + part, 0));
      products.push({ seen, parts });
    }
    const productColour = signedColour(Math.max(...products.map(({ parts }) => largest(parts))));
    const cell = clamp(Math.min((available - 250) / 3 / kernelColumns, (channels > 1 ? 130 : 190) / kernelRows), 4, 44);
    const small = (values, colour, label, kind) => {
      const w = kernelColumns * cell, h = kernelRows * cell;
      return panel(label, draw("svg", { width: w + 4, height: h + 4, viewBox: `-2 -2 ${w + 4} ${h + 4}`, role: "img", "aria-label": `${label}: ${Array.from(values, (v) => number(v)).join(", ")}` },
        grid({ values, rows: kernelRows, columns: kernelColumns, cell, colour }), kind === "window" && draw("rect", { width: w, height: h, class: "cvn-window" })));
    };
    const operator = (sign) => make("span", { class: "cvn-operator", "aria-hidden": true }, sign);
    work.replaceChildren(...visible().map((channel) => {
      const { seen, parts } = products[channel], of = channels > 1 ? `, channel ${channel}` : "";
      return make("div", { class: "cvn-row" },
        small(seen, inputColour, `Window${of}`, "window"), operator("×"),
        small(weights.subarray(channel * kernelRows * kernelColumns, (channel + 1) * kernelRows * kernelColumns), kernelColour, `Kernel${of}`), operator("="),
        small(parts, productColour, `Products${of}`), operator("→"),
        make("div", { class: "cvn-total" }, make("span", {}, "sum"), make("b", {}, number(sums[channel]))));
    }));

    const value = output.values[index];
    const signed = (each) => (each < 0 ? `(${number(each)})` : number(each));
    const terms = channels > 1
      ? (channels <= 8 ? sums.map(signed).join(" + ") : `sum of ${channels} channels`)
      : products[0].parts.length <= 9
        ? products[0].seen.map((pixel, i) => `${number(pixel, 3)}·${signed(weights[i])}`).join(" + ")
        : `sum of ${products[0].parts.length} products`;
    const beforeBias = sums.reduce((all, part) => all + part, 0);
    sum.replaceChildren(
      make("code", {}, `output[${row}, ${column}]`), " = ", make("span", { class: "cvn-terms" }, terms),
      bias || channels > 1 || products[0].parts.length > 9 ? make("span", {}, ` + bias ${signed(bias)}`) : "",
      " = ", make("b", { class: "cvn-value", "data-value": value }, number(value)));
    const mine = showStudent(index, row, column, value);
    say(`output ${row}, ${column}: ${channels * kernelRows * kernelColumns} products add up to ${number(beforeBias)}; with bias ${number(bias)} the output is ${number(value)}. ${mine}`);
  }

  function nothingFits() {
    const { dilation } = settings();
    const spans = [dilation * (kernelRows - 1) + 1, dilation * (kernelColumns - 1) + 1];
    const message = `It does not fit: the kernel spans ${spans[0]}×${spans[1]} pixels, the padded input has ${padded.rows}×${padded.columns}. PyTorch raises an error here.`;
    pause();
    counter.textContent = "0 windows";
    for (const { edge, taps } of overlay) { fill(edge, { width: 0, height: 0 }, []); taps.replaceChildren(); }
    outputHolder.replaceChildren(make("p", { class: "cvn-empty" }, "nothing"));
    work.replaceChildren();
    sum.replaceChildren(make("b", {}, "✗ "), message);
    showStudent(-1);
    say(message);
  }

  // --- the student's function
  function current() {
    const student = model.get("student");
    if (!student?.settings) return null;
    const { stride, padding, dilation } = settings();
    return student.settings.join() === [stride, padding, dilation].join() ? student : { waiting: true };
  }
  function showStudent(index, row, column, value) {
    const student = current();
    verdict.hidden = !student;
    if (!student) return "";
    let mark = student.mark, words = [];
    if (student.waiting) [mark, words] = ["…", ["Your function is running with these settings."]];
    else if (student.problem) words = [student.problem];
    else if (!student.wrong.length) words = [`Your function agrees in all ${total()} cells.`];
    else {
      const first = student.wrong[0], at = `[${Math.floor(first / output.columns)}, ${first % output.columns}]`;
      words = [`Your output is wrong in ${student.wrong.length} of ${total()} cells, first at ${at}. `];
      if (index !== first) words.push(button("Go there", `Go to the first wrong cell ${at}`, () => go(first)));
    }
    const here = !student.waiting && !student.problem && index >= 0 && student.wrong.includes(index);
    const compared = here ? `Yours ${number(student.values[student.wrong.indexOf(index)], 6)}, should be ${number(value, 6)}.` : "";
    verdict.replaceChildren(make("span", { class: "cvn-mark" }, mark), make("div", {}, ...words, here && make("p", { class: "cvn-compare" }, `Here, at [${row}, ${column}]: yours `, make("b", {}, number(student.values[student.wrong.indexOf(index)], 6)), ", should be ", make("b", {}, number(value, 6)), ".")));
    verdict.dataset.mark = mark;
    return mark === "✗" || mark === "!" ? `${verdict.querySelector("div").firstChild.textContent} ${compared}` : "";
  }

  const again = () => {
    fields.forEach((field, i) => field.show(model.get(CONTROLS[i])));
    calculate();
    layOut();
  };
  const stops = [
    watch(model, CONTROLS, again), watch(model, ["step", "student"], step),
    onWidth(root, (inner) => { available = clamp(inner - 30, 560, 900); layOut(); }),
  ];
  calculate();
  layOut();
  return () => { pause(); stops.forEach((stop) => stop()); };
}
