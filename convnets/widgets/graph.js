// The computational graph: values forward, gradients backward, one node a step.

// Each operation: its value, its local gradients (y is the value), and those gradients in words for inputs called a and b.
const sign = (value) => (value > 0 ? 1 : value < 0 ? -1 : 0);
const half = (first, second) => (first > second ? 1 : first === second ? 0.5 : 0);
const OPERATIONS = {
  "+": [(a, b) => a + b, () => [1, 1], () => ["1", "1"]],
  "−": [(a, b) => a - b, () => [1, -1], () => ["1", "−1"]],
  "×": [(a, b) => a * b, (y, a, b) => [b, a], (a, b) => [b, a]],
  "÷": [(a, b) => a / b, (y, a, b) => [1 / b, -a / b ** 2], (a, b) => [`1 / ${b}`, `−${a} / ${b}²`]],
  "^": [(a, b) => a ** b, (y, a, b) => [b * a ** (b - 1), y * Math.log(a)], (a, b) => [`${b} · ${a} to the power ${b} − 1`, `result · log ${a}`]],
  neg: [(a) => -a, () => [-1], () => ["−1"]],
  exp: [Math.exp, (y) => [y], () => ["the result itself"]],
  log: [Math.log, (y, a) => [1 / a], (a) => [`1 / ${a}`]],
  sqrt: [Math.sqrt, (y) => [0.5 / y], () => ["1 / (2 · result)"]],
  tanh: [Math.tanh, (y) => [1 - y ** 2], () => ["1 − result²"]],
  sigmoid: [(a) => 1 / (1 + Math.exp(-a)), (y) => [y * (1 - y)], () => ["result · (1 − result)"]],
  relu: [(a) => Math.max(a, 0), (y, a) => [a > 0 ? 1 : 0], (a) => [`1 if ${a} > 0, else 0`]],
  abs: [Math.abs, (y, a) => [sign(a)], (a) => [`sign of ${a}`]],
  max: [Math.max, (y, a, b) => [half(a, b), half(b, a)], () => ["1 for the larger, else 0", "1 for the larger, else 0"]],
  min: [Math.min, (y, a, b) => [half(b, a), half(a, b)], () => ["1 for the smaller, else 0", "1 for the smaller, else 0"]],
};
const WIDEST = 72, HIGH = 62, DOWN = 76;

function compact(value) {
  const text = number(value, 3);
  return text.length <= 7 ? text : value.toExponential(1).replaceAll("-", "−").replace("+", "");
}

function render({ model, el }) {
  const { root, live, say } = frame(el, "Computational graph", "graph");
  const kernelLive = model.get("live");
  const asked = "numbers" in (model.get("student") ?? {});
  let nodes, order, values, sent, timer = null, available = 760;

  const total = () => 2 * order.length + 1;
  const phase = () => (model.get("step") <= order.length ? "forward" : "backward");

  // --- controls
  const button = (label, name, press) => make("button", { type: "button", title: name, "aria-label": name, onclick: press }, label);
  const playButton = button("▶ Play", "Play or pause: Space", () => (timer ? pause() : play()));
  const first = button("|◀", "First step: Home", () => go(0)), before = button("◀ Back", "Step before: left arrow", () => go(model.get("step") - 1));
  const next = button("Next ▶", "Next step: right arrow", () => go(model.get("step") + 1)), last = button("▶|", "Last step: End", () => go(total()));
  const counter = make("span", { class: "cvn-counter" });
  const typed = make("input", {
    type: "text", value: model.get("expression"), "aria-label": "Expression", spellcheck: false, autocomplete: "off", class: "cvn-expression", disabled: !kernelLive,
    onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); draft(); } },
  });
  const fields = make("div", { class: "cvn-numbers" });
  const stage = make("div", { class: "cvn-graph-stage" });
  const work = make("div", { class: "cvn-work cvn-graph-work" });
  const trouble = make("div", { class: "cvn-verdict", hidden: true, "data-mark": "!" });
  const verdict = make("div", { class: "cvn-verdict", hidden: true });
  root.append(
    make("div", { class: "cvn-bar" }, make("label", { class: "cvn-field cvn-expression-field" }, make("span", {}, "f ="), typed), kernelLive && button("Draw", "Draw this expression: Enter", draft)),
    trouble, fields,
    make("div", { class: "cvn-bar cvn-graph-bar" }, make("div", { class: "cvn-buttons" }, first, before, playButton, next, last), counter),
    stage, work, verdict,
    make("p", { class: "cvn-legend" },
      make("span", { class: "cvn-forward" }, "→ value"), make("span", { class: "cvn-backward" }, "⇠ ∂ gradient of the output f"),
      make("span", {}, "Click the graph and use ← →, Home and End.")),
    live);
  if (!kernelLive)
    root.append(make("p", { class: "cvn-note" }, asked ? "Expression and numbers are fixed on this page: your function can only run again in a notebook with a kernel." : "The expression is fixed on this page: it can be changed in a notebook with a kernel. The numbers can be changed."));

  function draft() {
    if (typed.value.trim() === model.get("expression")) { say("This is the expression that is drawn."); return; }
    model.set("expression", typed.value.trim());
    model.save_changes();
  }
  function go(step) {
    model.set("step", clamp(step, 0, total()));
    model.save_changes();
  }
  function play() {
    if (model.get("step") >= total()) go(0);
    playButton.textContent = "⏸ Pause";
    timer = setInterval(() => (model.get("step") >= total() ? pause() : go(model.get("step") + 1)), 1400);
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    playButton.textContent = "▶ Play";
  }
  function onKey(event) {
    const step = model.get("step");
    const moves = { ArrowRight: step + 1, ArrowLeft: step - 1, Home: 0, End: total() };
    if (event.key === " ") { if (timer) pause(); else play(); }
    else if (event.key in moves) { pause(); go(moves[event.key]); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function numberFields() {
    const inputs = nodes.filter((node) => node.op === "input");
    fields.replaceChildren(...inputs.map(({ name }) => {
      const input = make("input", {
        type: "number", step: "any", value: model.get("numbers")[name], "aria-label": `value of ${name}`, disabled: !kernelLive && asked,
        oninput: () => {
          if (input.value === "" || !Number.isFinite(Number(input.value))) return;
          model.set("numbers", { ...model.get("numbers"), [name]: Number(input.value) });
          model.save_changes();
        },
        onblur: () => { if (Number(input.value) !== model.get("numbers")[name] || input.value === "") input.value = model.get("numbers")[name]; },
      });
      input.dataset.number = name;
      return make("label", { class: "cvn-field" }, make("code", {}, name), "=", input);
    }));
  }

  // --- arithmetic: values of all nodes, and what each node sends to each of its inputs
  function calculate() {
    const numbers = model.get("numbers");
    values = [];
    for (const { op, name, number: constant, inputs } of nodes)
      values.push(op === "input" ? numbers[name] : op === "number" ? constant : OPERATIONS[op][0](...inputs.map((j) => values[j])));
    const gradients = nodes.map(() => 0);
    gradients[nodes.length - 1] = 1;
    sent = nodes.map(() => []);
    for (const i of [...order].reverse()) {
      const { op, inputs } = nodes[i];
      const local = OPERATIONS[op][1](values[i], ...inputs.map((j) => values[j]));
      inputs.forEach((j, place) => {
        if (!nodes[j].varies) return;
        const part = local[place] * gradients[i];
        gradients[j] += part;
        sent[i].push({ to: j, place, local: local[place], part, sum: gradients[j] });
      });
    }
  }

  // The state after `step` steps: which nodes have a value, the gradient that each has gathered, and the node at work.
  function state() {
    const step = model.get("step"), count = order.length;
    const known = nodes.map(({ inputs }) => !inputs.length);
    order.slice(0, Math.min(step, count)).forEach((i) => { known[i] = true; });
    const gradients = nodes.map(() => null);
    const back = step - count - 1;
    if (back >= 0) gradients[nodes.length - 1] = 1;
    const passed = [...order].reverse().slice(0, Math.max(0, back));
    for (const i of passed) for (const { to, part } of sent[i]) gradients[to] = (gradients[to] ?? 0) + part;
    const active = step === 0 ? -1 : step <= count ? order[step - 1] : back === 0 ? nodes.length - 1 : passed.at(-1);
    return { known, gradients, passed, active, back };
  }

  const label = (i) => (nodes[i].name ? nodes[i].name : nodes[i].op === "number" ? number(nodes[i].number) : nodes[i].text.length <= 16 ? `(${nodes[i].text})` : `the ${nodes[i].op} node`);
  const title = ({ op, name }) => (op === "number" ? "" : op === "input" ? name : name ? `${name}: ${op}` : op);
  const uses = (i) => nodes.reduce((count, { inputs }) => count + inputs.filter((j) => j === i).length, 0);

  // --- the picture
  function picture() {
    const { known, gradients, active, back } = state();
    const columns = Math.max(...nodes.map((node) => node.column)) + 1;
    const across = clamp((available - 12) / columns + 2, 70, 150), BOX = Math.min(WIDEST, across - 11);
    const at = nodes.map((node) => [4 + node.column * across, 4 + node.row * DOWN]);
    const width = 8 + (columns - 1) * across + BOX, height = 8 + Math.max(...nodes.flatMap((node) => [node.row, ...node.ways.flat()])) * DOWN + HIGH;
    const mark = `cvn-arrow-${Math.random().toString(36).slice(2, 9)}`;
    const head = (id, kind) => draw("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" }, draw("path", { d: "M0 0L8 4L0 8z", class: kind }));
    const drawing = draw("svg", {
      width, height, tabindex: 0, role: "application", "aria-roledescription": "computational graph", class: `cvn-graph-picture${BOX < WIDEST ? " cvn-narrow" : ""}`,
      "aria-label": `Graph of ${model.get("expression")}, ${nodes.length} nodes. Left and right arrow keys step, Home and End jump, Space plays.`, onkeydown: onKey,
      onpointerdown: () => drawing.focus({ preventScroll: true }),
    }, draw("defs", {}, head(mark, "cvn-head"), head(`${mark}-f`, "cvn-head cvn-head-forward"), head(`${mark}-b`, "cvn-head cvn-head-backward")));
    const curve = ([x0, y0], [x1, y1]) => { const bend = Math.max(8, (x1 - x0) / 2); return `C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${y1}`; };
    nodes.forEach(({ inputs, ways, slots }, i) => inputs.forEach((j, place) => {
      let from = [at[j][0] + BOX, at[j][1] + HIGH / 2], path = `M${from.join(" ")}`;
      ways[place].forEach((row, passed) => {
        const x = 4 + (nodes[j].column + 1 + passed) * across, y = 4 + row * DOWN + HIGH / 2;
        path += `${curve(from, [x, y])}H${x + BOX}`;
        from = [x + BOX, y];
      });
      path += curve(from, [at[i][0], at[i][1] + HIGH / 2 + (slots[place] - (inputs.length - 1) / 2) * 22]);
      const here = i === active && (back !== 0), backwards = here && phase() === "backward" && nodes[j].varies;
      const kind = backwards ? "cvn-edge cvn-edge-backward" : here && phase() === "forward" ? "cvn-edge cvn-edge-forward" : "cvn-edge";
      drawing.append(draw("path", {
        d: path, class: kind,
        [backwards ? "marker-start" : "marker-end"]: `url(#${mark}${backwards ? "-b" : here && phase() === "forward" ? "-f" : ""})`,
      }));
    }));
    nodes.forEach((node, i) => {
      const [x, y] = at[i], place = order.indexOf(i);
      const line = (dy, words, kind) => draw("text", { x: x + BOX / 2, y: y + dy, "text-anchor": "middle", class: kind }, words);
      const short = title(node).length > 9 ? `${title(node).slice(0, 8)}…` : title(node);
      drawing.append(draw("g", {
        class: `cvn-node${node.inputs.length ? "" : " cvn-leaf"}${i === active ? " cvn-active" : ""}`, "data-node": i, "data-value": known[i] ? values[i] : null, "data-gradient": gradients[i],
        onclick: place < 0 ? null : () => { pause(); go(phase() === "forward" ? place + 1 : total() - place); },
      },
        draw("title", {}, node.text), draw("rect", { x, y, width: BOX, height: HIGH, rx: 7 }),
        line(17, short, "cvn-node-title"), known[i] && line(36, compact(values[i]), "cvn-forward"),
        gradients[i] !== null && node.varies && line(54, `∂ ${compact(gradients[i])}`, "cvn-backward")));
    });
    const focused = stage.contains(document.activeElement);
    stage.replaceChildren(drawing);
    if (focused) drawing.focus({ preventScroll: true });
    if (active >= 0 && stage.scrollWidth > stage.clientWidth) stage.scrollLeft = at[active][0] - stage.clientWidth / 2;
  }

  // --- what this step does, in words
  function explain() {
    const { gradients, active, back } = state(), step = model.get("step");
    const told = (value) => (value < 0 ? `(${number(value)})` : number(value));
    if (step === 0) {
      work.replaceChildren(make("p", {}, make("b", {}, "Start. "), "The inputs have their values. Press “Next” to compute the first node."));
      return "Start: the inputs have their values.";
    }
    const { op, inputs, name } = nodes[active];
    const output = active === nodes.length - 1;
    if (phase() === "forward") {
      const shown = inputs.map((j) => told(values[j]));
      const formula = inputs.length === 2 && !/[a-z]/.test(op) ? shown.join(` ${op} `) : op === "neg" ? `−${shown[0]}` : `${op}(${inputs.map((j) => number(values[j])).join(", ")})`;
      const called = name || (output ? "f" : label(active));
      work.replaceChildren(make("p", {}, make("b", {}, "Forward. "), make("code", {}, called), " = ", make("span", { class: "cvn-terms" }, formula), " = ", make("b", { class: "cvn-forward" }, number(values[active])), output ? ". The forward pass is done; the next step turns round." : ""));
      return `Forward: ${called} is ${formula}, that is ${number(values[active])}.`;
    }
    if (back === 0) {
      work.replaceChildren(make("p", {}, make("b", {}, "Backward begins at the output. "), "If f grows by a little, f grows by just as much: its gradient is ", make("b", { class: "cvn-backward" }, "1"), "."));
      return "Backward begins at the output, with the gradient 1.";
    }
    const upstream = gradients[active];
    const words = OPERATIONS[op][2](...inputs.map(label));
    const gathered = (to) => {
      if (uses(to) === 1) return "";
      const done = state().passed.flatMap((i) => sent[i]).filter((each) => each.to === to);
      const open = uses(to) - done.length;
      return `${done.map(({ part }) => told(part)).join(" + ")}${done.length > 1 ? ` = ${number(gradients[to])}` : ""}${open > 0 ? `, and ${open} more to come` : ""}`;
    };
    const rows = sent[active];
    const summed = rows.some(({ to }) => uses(to) > 1);
    work.replaceChildren(
      make("p", {}, make("b", {}, "Backward. "), "The ", make("code", {}, op), ` node gets the upstream gradient `, make("b", { class: "cvn-backward" }, number(upstream)), rows.length ? ", and sends to each input: local × upstream." : "."),
      rows.length ? make("table", { class: "cvn-graph-table" },
        make("thead", {}, make("tr", {}, ["to", "local gradient", "× upstream", "= downstream", summed && "all ways together"].filter(Boolean).map((words) => make("th", { scope: "col" }, words)))),
        make("tbody", {}, rows.map(({ to, place, local, part }) => make("tr", {},
          make("th", { scope: "row" }, make("code", {}, label(to))), make("td", {}, words[place] === number(local) ? number(local) : `${words[place]} = ${number(local)}`),
          make("td", {}, `× ${told(upstream)}`), make("td", {}, make("b", { class: "cvn-backward" }, `= ${number(part)}`)), summed && make("td", {}, gathered(to)))))) : "");
    return `Backward: the ${op} node gets ${number(upstream)}. ${rows.map(({ to, local, part }) => `It sends ${number(local)} times ${number(upstream)}, that is ${number(part)}, to ${label(to)}.`).join(" ")}`;
  }

  // --- the student's gradients
  function showStudent() {
    const student = model.get("student");
    verdict.hidden = !student?.numbers;
    if (verdict.hidden) return "";
    const numbers = model.get("numbers");
    const waiting = Object.keys(numbers).some((name) => student.numbers[name] !== numbers[name]) || Object.keys(student.numbers).length !== Object.keys(numbers).length;
    const mark = waiting ? "…" : student.mark;
    const words = waiting ? "Your function is running with these numbers."
      : student.problem ? student.problem
      : student.wrong.length ? student.wrong.map(([name, yours, right]) => `Your gradient for ${name} is ${number(yours, 6)}, it should be ${number(right, 6)}.`).join(" ")
      : "Your gradients agree, all of them.";
    verdict.dataset.mark = mark;
    verdict.replaceChildren(make("span", { class: "cvn-mark" }, mark), make("div", {}, words));
    return mark === "✓" || mark === "…" ? "" : words;
  }

  function show() {
    const step = model.get("step");
    for (const each of [first, before]) each.disabled = step === 0;
    for (const each of [next, last]) each.disabled = step >= total();
    counter.textContent = `${step === 0 ? "start" : phase()} · step ${step} of ${total()}`;
    Object.assign(root.dataset, { step, phase: phase() });
    picture();
    const words = explain(), bad = values.findIndex((value) => !Number.isFinite(value)), problem = model.get("problem");
    trouble.hidden = !(problem || bad >= 0);
    const told = problem || (bad >= 0 ? `${nodes[bad].text} has no finite value at these numbers. Gradients from here on mean nothing.` : "");
    trouble.replaceChildren(make("span", { class: "cvn-mark" }, "!"), make("div", {}, told));
    say([words, told, showStudent()].filter(Boolean).join(" "));
  }
  function rebuild() {
    pause();
    nodes = model.get("nodes");
    order = nodes.map((node, i) => i).filter((i) => nodes[i].inputs.length);
    if (document.activeElement !== typed) typed.value = model.get("expression");
    numberFields();
    renew();
  }
  function renew() {
    const numbers = model.get("numbers");
    if (nodes.some(({ op, name }) => op === "input" && !(name in numbers))) return;
    for (const input of fields.querySelectorAll("input"))
      if (document.activeElement !== input) input.value = numbers[input.dataset.number];
    calculate();
    show();
  }

  const stops = [
    watch(model, ["nodes"], rebuild), watch(model, ["numbers"], renew), watch(model, ["step", "problem", "student"], show),
    onWidth(root, (inner) => { available = clamp(inner - 30, 560, 900); show(); }),
  ];
  rebuild();
  return () => { pause(); stops.forEach((stop) => stop()); };
}
