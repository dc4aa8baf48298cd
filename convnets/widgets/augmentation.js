// The augmentation playground: one photo under one's own hands, and eight random draws.

const KNOBS = [
  // name, word, neutral, least, most, step, unit
  ["rotation", "rotation", 0, -45, 45, 1, "°"], ["zoom", "zoom (crop)", 1, 1, 2.5, 0.05, "×"],
  ["across", "shift across", 0, -0.3, 0.3, 0.02, ""], ["down", "shift down", 0, -0.3, 0.3, 0.02, ""],
  ["shear", "shear", 0, -0.5, 0.5, 0.02, ""], ["brightness", "brightness", 1, 0.3, 1.7, 0.05, "×"],
  ["contrast", "contrast", 1, 0.2, 1.8, 0.05, "×"], ["saturation", "saturation", 1, 0, 2, 0.05, "×"],
];

function randomFrom(seed) {
  let state = (seed * 2654435761 + 1013904223) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Draw `photo` with these settings on `canvas`. What comes from outside the photo is black.
function apply(canvas, photo, settings) {
  const { flip = false } = settings, value = Object.fromEntries(KNOBS.map(([name, , neutral]) => [name, settings[name] ?? neutral]));
  const width = (canvas.width = photo.naturalWidth), height = (canvas.height = photo.naturalHeight), angle = (value.rotation * Math.PI) / 180;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  context.translate(width * (0.5 + value.across), height * (0.5 + value.down));
  context.rotate(angle);
  context.transform(1, 0, value.shear, 1, 0, 0);
  context.scale(flip ? -value.zoom : value.zoom, value.zoom);
  context.drawImage(photo, -width / 2, -height / 2);
  const pixels = context.getImageData(0, 0, width, height), { data } = pixels;
  for (let i = 0; i < data.length; i += 4) {
    const rgb = [0, 1, 2].map((c) => (data[i + c] * value.brightness - 128) * value.contrast + 128);
    const grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    rgb.forEach((v, c) => { data[i + c] = grey + (v - grey) * value.saturation; });
  }
  context.putImageData(pixels, 0, 0);
}

function render({ model, el }) {
  const { root, live, say } = frame(el, "Augmentation playground", "augmentation");
  const kernelLive = model.get("live"), hasStudent = "seed" in (model.get("student") ?? {});
  const get = (name) => model.get(name);
  const set = (name, value) => { model.set(name, value); model.save_changes(); };
  const tell = (settings) => [settings.flip && "flipped", ...KNOBS.filter(([name, , neutral]) => (settings[name] ?? neutral) !== neutral).map(([name, word, , , , , unit]) => `${word} ${number(settings[name], 3)}${unit}`)].filter(Boolean).join(", ") || "unchanged";
  const photo = new Image();
  const flip = make("input", { type: "checkbox", onchange: () => set("settings", { ...get("settings"), flip: flip.checked }) });
  const sliders = KNOBS.map(([name, word, neutral, least, most, step, unit]) => {
    const told = make("output", {});
    const input = make("input", { type: "range", min: least, max: most, step, "aria-label": word, oninput: () => set("settings", { ...get("settings"), [name]: Number(input.value) }) });
    return { node: make("label", { class: "cvn-slider" }, make("span", {}, `${word} `, told), input), show() {
      const value = get("settings")[name] ?? neutral;
      input.value = value;
      told.textContent = `${number(value, 3)}${unit}`;
      input.setAttribute("aria-valuetext", told.textContent);
    } };
  });
  const one = make("canvas", { role: "img" }), original = make("canvas", { role: "img", "aria-label": "the original photo" });
  const undo = make("button", { type: "button", onclick: () => set("settings", {}) }, "Undo all");
  const strengthTold = make("output", {});
  const strength = make("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": "strength of the random draws", oninput: () => set("strength", Number(strength.value)) });
  const again = make("button", { type: "button", class: "cvn-again", disabled: hasStudent && !kernelLive, onclick: () => set("seed", get("seed") + 1) }, "Draw eight again");
  const tries = make("div", { class: "cvn-augment-tries" });
  const verdict = make("div", { class: "cvn-verdict", hidden: true });
  root.append(
    make("div", { class: "cvn-bar" }, make("label", { class: "cvn-field" }, flip, "flip left and right"), undo),
    make("div", { class: "cvn-sliders cvn-augment-sliders" }, sliders.map((slider) => slider.node)),
    make("div", { class: "cvn-augment-stage" }, make("figure", {}, make("figcaption", {}, "original"), original), make("figure", {}, make("figcaption", {}, "yours to change"), one)),
    make("h4", { class: "cvn-second" }, hasStudent ? "Eight draws of your function" : "Eight random draws: what eight epochs would see"),
    make("div", { class: "cvn-bar" }, again, !hasStudent && make("label", { class: "cvn-field" }, "strength", strength, strengthTold)),
    verdict, tries,
    make("p", { class: "cvn-note", hidden: !hasStudent || kernelLive }, "Your function can draw again only in a notebook with a kernel."), live);

  function drawSettings(random) {
    const s = get("strength"), settings = { flip: random() < 0.5 * Math.min(1, 4 * s) };
    for (const [name, , neutral, least, most] of KNOBS) {
      const u = random();
      settings[name] = Number((name === "zoom" ? 1 + s * u * (most - 1) * 0.6 : neutral + s * (2 * u - 1) * (most - least) * 0.33).toFixed(3));
    }
    return settings;
  }
  function showOne() {
    for (const slider of sliders) slider.show();
    flip.checked = Boolean(get("settings").flip);
    const words = tell(get("settings"));
    one.setAttribute("aria-label", `the photo, ${words}`);
    if (photo.naturalWidth) { apply(original, photo, {}); apply(one, photo, get("settings")); }
    say(`The photo is ${words}.`);
  }
  function showTries() {
    strength.value = get("strength");
    strengthTold.textContent = get("strength");
    Object.assign(root.dataset, { seed: get("seed") });
    if (hasStudent) {
      const { mark, words, images, seed } = get("student"), fresh = seed === get("seed");
      verdict.hidden = false;
      verdict.dataset.mark = fresh ? mark : "…";
      verdict.replaceChildren(make("span", { class: "cvn-mark" }, verdict.dataset.mark), make("div", {}, fresh ? words : "Your function is running."));
      tries.replaceChildren(...images.map((url, i) => make("img", { src: url, alt: `draw ${i + 1} of your function`, })));
      return;
    }
    if (!photo.naturalWidth) return;
    const random = randomFrom(get("seed"));
    tries.replaceChildren(...Array.from({ length: 8 }, () => {
      const canvas = make("canvas", { role: "img" }), settings = drawSettings(random);
      apply(canvas, photo, settings);
      canvas.setAttribute("aria-label", tell(settings));
      canvas.title = tell(settings);
      return canvas;
    }));
  }
  photo.onload = () => { showOne(); showTries(); };
  photo.src = get("photo");
  const stops = [watch(model, ["settings"], showOne), watch(model, ["strength", "seed", "student"], () => { showTries(); say(hasStudent ? get("student").words : "Eight new draws."); })];
  showOne();
  showTries();
  return () => stops.forEach((stop) => stop());
}
