// The architecture explorer: modules as boxes inside boxes, with wires, for one net or two.

const AMOUNTS = { parameters: "Parameters", multiply_adds: "Multiply-adds", bytes: "Memory" };
const FAMILIES = [["conv", "convolution"], ["linear", "fully connected"], ["pool", "pooling"], ["join", "sum or concatenation"], ["other", "other"]];
const amount = (key, value) => (value === null ? "?" : key === "bytes" ? memory(value) : short(value));

function slab([channels, height, width], family) {
  const side = (n) => 3 + 3.4 * Math.log2(1 + n), deep = 2.5 * Math.log2(1 + channels), up = 0.35 * deep;
  const [w, h] = [side(width), side(height)];
  const face = (points, name) => draw("polygon", { points: points.map((point) => point.map((v) => v.toFixed(1)).join()).join(" "), class: name });
  const total = [Math.ceil(w + deep) + 2, Math.ceil(h + up) + 2];
  return draw("svg", { width: total[0], height: total[1], class: `cvn-slab cvn-family-${family}`, "aria-hidden": true }, draw("g", { transform: `translate(1 ${1 + up})` },
    face([[0, 0], [w, 0], [w, h], [0, h]], "cvn-slab-front"),
    face([[0, 0], [deep, -up], [w + deep, -up], [w, 0]], "cvn-slab-top"),
    face([[w, 0], [w + deep, -up], [w + deep, h - up], [w, h]], "cvn-slab-side")));
}

function render({ model, el }) {
  const { root, live, say } = frame(el, "Architecture explorer", "diagram");
  const nets = model.get("nets"), texts = model.get("texts");
  const found = nets.map((net) => new Map());
  const prepare = (box, k, parent, depth) => {
    box.formulas = Object.fromEntries(Object.entries(box.formulas).map(([key, place]) => [key, typeof place === "number" ? texts[place] : place]));
    found[k].set(box.id, { box, parent, depth });
    box.children?.forEach((child) => prepare(child, k, box, depth + 1));
  };
  nets.forEach((net, k) => prepare((net.root = structuredClone(net.root)), k, null, 0));
  const isOpen = (k, box) => box.children && (box.id === "" || model.get("opened")[k].includes(box.id));
  const seen = (k, box = nets[k].root) => box.children.flatMap((child) => [child, ...(isOpen(k, child) ? seen(k, child) : [])]);
  const active = nets.map((net) => net.root.children[0].id);
  const detail = make("div", { class: "cvn-detail" });

  const choices = Object.entries(AMOUNTS).map(([key, title]) => make("button", { type: "button", "data-key": key, onclick: () => { model.set("shows", key); model.save_changes(); say(`The bars show ${title.toLowerCase()}.`); } }, title));
  const all = (open) => () => {
    setOpen(nets.map((net, k) => (open ? [...found[k].values()].filter(({ box }) => box.children && box.id).map(({ box }) => box.id) : [])));
    say(open ? "Everything is unfolded." : "Everything is folded.");
  };
  const total = (net) => make("tr", {}, make("th", { scope: "row" }, net.title), make("td", { class: "cvn-wide-only" }, net.caption.replace(/^.* on an input of /, "")), Object.keys(AMOUNTS).map((key) => make("td", { class: "cvn-right" }, key === "bytes" ? memory(net.total[key]) : grouped(net.total[key]))));
  const times = (key) => { const [a, b] = nets.map((net) => net.total[key]); return a && b ? `${number(b / a, 2)}×` : "–"; };
  const parts = nets.map((net, k) => {
    const tree = make("div", { role: "tree", "aria-label": `Layers of ${net.title}`, class: "cvn-tree" });
    const wires = draw("svg", { class: "cvn-wires", "aria-hidden": true });
    const stage = make("div", { class: "cvn-stage" }, tree, wires);
    const scroll = make("div", { class: "cvn-net-scroll" }, stage);
    return { tree, wires, stage, scroll, node: make("div", { class: "cvn-net" }, nets.length > 1 ? make("h4", {}, net.title) : null, scroll) };
  });
  root.append(
    make("div", { class: "cvn-bar" },
      make("div", { class: "cvn-buttons cvn-choices", role: "group", "aria-label": "what the bars show" }, choices),
      make("div", { class: "cvn-fields" }, make("button", { type: "button", onclick: all(true) }, "Unfold all"), make("button", { type: "button", onclick: all(false) }, "Fold all"))),
    make("div", { class: "cvn-totals" }, make("table", {},
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Net"), make("th", { scope: "col", class: "cvn-wide-only" }, "Input"), Object.values(AMOUNTS).map((name) => make("th", { scope: "col", class: "cvn-right" }, name)))),
      make("tbody", {}, nets.map(total), nets.length > 1 ? make("tr", {}, make("th", { scope: "row" }, `${nets[1].title} ÷ ${nets[0].title}`), make("td", { class: "cvn-wide-only" }), Object.keys(AMOUNTS).map((key) => make("td", { class: "cvn-right" }, times(key)))) : null))),
    make("div", { class: "cvn-nets" }, parts.map(({ node }) => node)),
    detail,
    make("p", { class: "cvn-legend" }, FAMILIES.map(([key, name]) => make("span", {}, make("i", { class: `cvn-key cvn-key-${key}` }), ` ${name}`)), make("span", {}, "front: height × width, depth: channels, log scale")),
    live);

  function setOpen(lists) {
    model.set("opened", lists);
    model.save_changes();
  }
  function toggle(k, box) {
    const lists = model.get("opened").map((ids) => [...ids]), open = !isOpen(k, box);
    lists[k] = open ? [...lists[k], box.id] : lists[k].filter((id) => id !== box.id);
    active[k] = box.id;
    setOpen(lists);
    say(`${box.name} ${open ? `unfolded: ${box.children.map((child) => child.name).slice(0, 12).join(", ")}` : "folded"}.`);
  }
  function focus(k, id) {
    active[k] = id;
    for (const node of parts[k].tree.querySelectorAll("[role=treeitem]")) node.tabIndex = node.dataset.id === id ? 0 : -1;
    const node = parts[k].tree.querySelector(`[data-id="${CSS.escape(id)}"]`);
    node?.focus({ preventScroll: true });
    node?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  function explain(k, box, aloud) {
    const lines = layerLines(box);
    const group = box.children ? ` · ${box.layers} layers` : "";
    const note = box.children ? (isOpen(k, box) ? "Enter or a click folds it." : "Enter or a click unfolds it.") : "";
    detail.replaceChildren(make("b", {}, `${nets.length > 1 ? `${nets[k].title}: ` : ""}${box.name} · ${box.kind}${group}`), ...lines.map(layerLine));
    for (const part of parts) for (const wire of part.wires.querySelectorAll("path")) wire.classList.toggle("cvn-wire-on", part === parts[k] && (wire.dataset.from === box.id || wire.dataset.to === box.id));
    if (aloud) say(`${box.name}, ${box.kind}${group}. ${lines.map((each) => each.join(": ")).join(". ")}. ${note}`);
  }
  function keys(k, box, event) {
    const list = seen(k), at = list.indexOf(box), { parent } = found[k].get(box.id);
    const near = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[event.key];
    if (near !== undefined) focus(k, list[clamp(near, 0, list.length - 1)].id);
    else if (event.key === "ArrowRight" && box.children) (isOpen(k, box) ? focus(k, box.children[0].id) : toggle(k, box));
    else if (event.key === "ArrowLeft" && isOpen(k, box)) toggle(k, box);
    else if (event.key === "ArrowLeft" && parent.id) focus(k, parent.id);
    else if (["Enter", " "].includes(event.key) && box.children) toggle(k, box);
    else if (!["ArrowRight", "ArrowLeft", "Enter", " "].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  function card(k, box, largest) {
    const key = model.get("shows"), open = isOpen(k, box), value = box[key], thin = box.thin || open;
    const press = () => { if (box.children) toggle(k, box); focus(k, box.id); };
    const bar = make("span", { class: "cvn-box-bar" }, open ? null : make("i", { class: `cvn-meter-${key}`, style: `width: ${(100 * (value ?? 0) / largest).toFixed(2)}%` }), make("span", {}, amount(key, value)));
    return make("div", {
      class: `cvn-box ${box.children ? "cvn-box-group" : ""} ${thin ? "cvn-box-thin" : ""} ${open ? "cvn-box-open" : ""} ${box.unused ? "cvn-box-unused" : ""}`,
      role: "treeitem", tabindex: box.id === active[k] ? 0 : -1, "data-id": box.id, "aria-level": found[k].get(box.id).depth, "aria-expanded": box.children ? String(Boolean(open)) : null,
      "aria-label": `${box.name}, ${box.kind}, ${box.output}, ${amount(key, value)}`, title: `${box.name} · ${box.kind}`,
      onclick: press, onmouseenter: () => explain(k, box, false), onfocus: () => { active[k] = box.id; explain(k, box, true); }, onkeydown: (event) => keys(k, box, event),
    }, make("span", { class: "cvn-box-in" },
      thin ? null : make("span", { class: "cvn-box-slab" }, slab(box.size, box.family)),
      make("span", { class: "cvn-box-name" }, box.children ? make("span", { class: "cvn-fold", "aria-hidden": true }, open ? "▾ " : "▸ ") : null, make("b", {}, box.name), make("span", { class: "cvn-box-kind" }, ` ${box.kind}`)),
      make("span", { class: "cvn-box-out" }, box.output), bar));
  }
  function grid(k, box, largest) {
    const node = make("div", { class: "cvn-box-grid", role: "group", style: `grid-template-columns: repeat(${box.columns}, minmax(76px, 1fr)); padding-left: ${box.lanes ? Math.min(14 + 7 * box.lanes, 66) : box.id ? 6 : 0}px` });
    node.append(...box.children.map((child) => {
      const inner = card(k, child, largest), open = isOpen(k, child);
      const place = `grid-row: ${child.rank + 1}; grid-column: ${child.wide ? "1 / -1" : child.column + 1}`;
      return make("div", { class: `cvn-place ${open ? "cvn-place-open" : ""}`, style: place, "data-place": child.id }, inner, open ? grid(k, child, largest) : null);
    }));
    return node;
  }

  function wire(k) {
    const { wires, stage, tree } = parts[k];
    const origin = stage.getBoundingClientRect(), places = new Map([...tree.querySelectorAll("[data-place]")].map((node) => [node.dataset.place, node]));
    if (!origin.width) return;
    const rect = (node) => { const box = node.getBoundingClientRect(); return { left: box.left - origin.left, right: box.right - origin.left, top: box.top - origin.top, bottom: box.bottom - origin.top, middle: (box.left + box.right) / 2 - origin.left }; };
    const paths = [];
    const add = (d, from, to) => paths.push(draw("path", { d, class: "cvn-wire", "data-from": from, "data-to": to }));
    const visit = (box, container) => {
      const outer = rect(container), boxes = box.children.map((child) => rect(places.get(child.id)));
      for (const [a, b, lane] of box.wires) {
        const from = a < 0 ? { left: outer.left, bottom: outer.top, top: outer.top, middle: outer.middle } : boxes[a], to = boxes[b];
        const ids = [a < 0 ? box.id : box.children[a].id, box.children[b].id];
        if (lane < 0) {
          const drop = Math.max(to.top - 14, from.bottom), bend = (drop + to.top) / 2;
          add(Math.abs(from.middle - to.middle) < 1 ? `M${from.middle} ${from.bottom}V${to.top}` : `M${from.middle} ${from.bottom}V${drop}C${from.middle} ${bend} ${to.middle} ${bend} ${to.middle} ${to.top}`, ...ids);
        } else {
          const room = boxes.reduce((least, each) => Math.min(least, each.left), Infinity) - outer.left;
          const x = outer.left + room - 6 - (lane + 1) * Math.min(7, (room - 10) / box.lanes);
          const start = a < 0 ? outer.top + 4 : from.bottom - 7, end = to.top + 9;
          add(a < 0 ? `M${outer.middle} ${outer.top}V${start - 2}Q${outer.middle} ${start} ${outer.middle - 4} ${start}H${x + 5}Q${x} ${start} ${x} ${start + 5}V${end - 5}Q${x} ${end} ${x + 5} ${end}H${to.left}`
            : `M${from.left} ${start}H${x + 5}Q${x} ${start} ${x} ${start + 5}V${end - 5}Q${x} ${end} ${x + 5} ${end}H${to.left}`, ...ids);
        }
      }
      if (box.id) {
        const last = box.children.filter((child) => !child.unused).length - 1;
        if (last >= 0) add(`M${boxes[last].middle} ${boxes[last].bottom}V${outer.bottom}`, box.children[last].id, box.id);
      }
      box.children.forEach((child) => { if (isOpen(k, child)) visit(child, places.get(child.id).querySelector(":scope > .cvn-box-grid")); });
    };
    visit(nets[k].root, tree.firstChild);
    wires.replaceChildren(...paths);
    wires.setAttribute("width", stage.scrollWidth);
    wires.setAttribute("height", stage.scrollHeight);
  }

  function show() {
    const key = model.get("shows");
    for (const button of choices) button.setAttribute("aria-pressed", String(button.dataset.key === key));
    const largest = Math.max(1, ...nets.flatMap((net, k) => seen(k).filter((box) => !isOpen(k, box)).map((box) => box[key] ?? 0)));
    nets.forEach((net, k) => {
      const { tree, scroll } = parts[k], had = tree.contains(document.activeElement) || tree.contains(el.getRootNode().activeElement), { scrollTop } = scroll;
      if (!seen(k).some((box) => box.id === active[k])) active[k] = net.root.children[0].id;
      tree.replaceChildren(grid(k, net.root, largest));
      scroll.scrollTop = scrollTop;
      wire(k);
      if (had) focus(k, active[k]);
    });
  }
  show();
  explain(0, nets[0].root.children[Math.min(1, nets[0].root.children.length - 1)], false);
  const stops = [watch(model, ["opened", "shows"], show), ...parts.map(({ stage }, k) => onWidth(stage, () => wire(k)))];
  return () => stops.forEach((stop) => stop());
}
