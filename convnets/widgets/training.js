// The training panel: loss at every step, accuracy after every epoch, progress, time left, and a button that stops.

function render({ model, el }) {
  const { root, live, say } = frame(el, "Training", "training");
  let available = 760, asked = false, told = "";
  const stop = make("button", {
    type: "button", class: "cvn-stop", onclick: () => {
      asked = true;
      model.send({ type: "stop" });
      showProgress();
    },
  }, "■ Stop");
  const bar = make("div", { class: "cvn-progress-fill" });
  const track = make("div", { class: "cvn-progress", role: "progressbar", "aria-label": "training progress", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const words = make("span", { class: "cvn-counter" });
  const left = make("span", { class: "cvn-left" });
  const charts = make("div", { class: "cvn-charts" });
  root.append(make("div", { class: "cvn-training-head" }, words, track, left, stop), charts, live);

  const duration = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    const rest = String(whole % 60).padStart(2, "0");
    return whole < 3600 ? `${Math.floor(whole / 60)}:${rest}` : `${Math.floor(whole / 3600)}:${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}:${rest}`;
  };

  function showProgress() {
    const { epoch = 0, epochs = 0, step = 0, steps = 0, seconds_left: seconds = null, status = "waiting" } = model.get("progress");
    const running = status === "running";
    const part = steps ? step / steps : 0;
    const names = { waiting: "Waiting for the first step", running: asked ? "Stopping after this step …" : "", done: "✓ Done", stopped: "■ Stopped" };
    const place = epochs ? `epoch ${epoch} of ${epochs} · step ${grouped(step)} of ${grouped(steps)}` : "";
    words.textContent = [names[status] ?? status, place].filter(Boolean).join(" · ");
    left.textContent = running && !asked && seconds !== null ? `about ${duration(seconds)} left` : "";
    bar.style.width = `${100 * part}%`;
    track.setAttribute("aria-valuenow", Math.round(100 * part));
    stop.hidden = !(running || status === "waiting") || !model.get("live");
    stop.disabled = asked || !running;
    root.dataset.status = status;
    const news = running ? (asked ? "Stopping" : `epoch ${epoch} of ${epochs}`) : words.textContent;
    if (news !== told) say((told = news));
  }

  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted || 1, power = 10 ** Math.floor(Math.log10(rough));
    const size = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    const list = [];
    for (let i = Math.ceil(low / size - 1e-9); i * size <= high + size * 1e-6; i++) list.push(i * size);
    return list;
  }

  // Each point becomes the mean of its neighbours: a thirtieth of the curve to both sides.
  function smooth(points) {
    const reach = Math.floor(points.length / 30);
    return points.map(([step], i) => {
      const near = points.slice(Math.max(0, i - reach), i + reach + 1);
      return [step, near.reduce((all, [, loss]) => all + loss, 0) / near.length];
    });
  }

  const marks = {
    circle: (x, y) => draw("circle", { cx: x, cy: y, r: 4 }),
    diamond: (x, y) => draw("path", { d: `M${x} ${y - 5.5}L${x + 5.5} ${y}L${x} ${y + 5.5}L${x - 5.5} ${y}Z` }),
  };

  function chart({ title, xTitle, xMax, low, high, series, percent }) {
    const width = available >= 700 ? (available - 20) / 2 : available, height = 230;
    const box = { left: 46, right: width - 66, top: 12, bottom: height - 40 };
    const x = (value) => box.left + (value / (xMax || 1)) * (box.right - box.left);
    const y = (value) => box.bottom - ((value - low) / (high - low || 1)) * (box.bottom - box.top);
    const show = (value) => (percent ? `${Number((100 * value).toFixed(1))}%` : number(value, 3));
    const summary = series.filter(({ points }) => points.length).map(({ name, points }) => `${name} ${show(points.at(-1)[1])}`).join(", ");
    const picture = draw("svg", { width, height, role: "img", "aria-label": `${title}: ${summary || "nothing yet"}` });
    for (const tick of ticks(low, high, 4)) {
      picture.append(draw("line", { x1: box.left, x2: box.right, y1: y(tick), y2: y(tick), class: "cvn-gridline" }));
      picture.append(draw("text", { x: box.left - 7, y: y(tick) + 4, class: "cvn-label cvn-faint", "text-anchor": "end" }, show(Number(tick.toPrecision(6)))));
    }
    for (const tick of ticks(0, xMax || 1, 4).filter(Number.isInteger))
      picture.append(draw("text", { x: x(tick), y: box.bottom + 17, class: "cvn-label cvn-faint", "text-anchor": "middle" }, grouped(tick)));
    picture.append(draw("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "cvn-axis" }));
    picture.append(draw("text", { x: (box.left + box.right) / 2, y: height - 6, class: "cvn-label cvn-faint", "text-anchor": "middle" }, xTitle));
    const labels = [];
    for (const { name, kind, points, raw, mark } of series) {
      if (raw) picture.append(draw("polyline", { class: `cvn-curve cvn-raw ${kind}`, points: raw.map(([a, b]) => `${x(a).toFixed(1)},${y(clamp(b, low, high)).toFixed(1)}`).join(" ") }));
      if (!points.length) continue;
      picture.append(draw("polyline", { class: `cvn-curve ${kind}`, points: points.map(([a, b]) => `${x(a).toFixed(1)},${y(clamp(b, low, high)).toFixed(1)}`).join(" ") }));
      if (mark && points.length <= 60) for (const [a, b] of points) picture.append(fill(marks[mark](x(a), y(clamp(b, low, high))), { class: `cvn-point ${kind}` }, []));
      const [a, b] = points.at(-1);
      labels.push({ x: x(a) + 9, y: y(clamp(b, low, high)) + 4, name, value: show(b), kind });
    }
    labels.sort((one, other) => one.y - other.y);
    labels.forEach((each, i) => { if (i) each.y = Math.max(each.y, labels[i - 1].y + 30); });
    const over = labels.length ? Math.max(0, labels.at(-1).y + 20 - box.bottom) : 0;
    for (const each of labels)
      picture.append(draw("text", { x: each.x, y: each.y - over, class: "cvn-label cvn-direct" }, draw("tspan", { class: each.kind }, each.value), draw("tspan", { x: each.x, dy: 14, class: "cvn-series" }, each.name)));
    return make("figure", {}, make("figcaption", {}, title), picture);
  }

  function showCharts() {
    const { train_loss: losses = [], validation = [], steps = 0, epochs = 0 } = model.get("progress");
    const perEpoch = epochs && steps ? steps / epochs : 1;
    const held = validation.filter(([, loss]) => loss !== null).map(([epoch, loss]) => [epoch * perEpoch, loss]);
    const all = [...losses, ...held].map(([, loss]) => loss).filter(Number.isFinite).sort((one, other) => one - other);
    const high = all.length ? all[Math.floor((all.length - 1) * 0.995)] * 1.05 : 1;
    const scores = validation.map(([epoch, , score]) => [epoch, score]).filter(([, score]) => score !== null);
    const worst = Math.min(1, ...scores.map(([, score]) => score)), best = Math.max(0, ...scores.map(([, score]) => score));
    const low = scores.length ? Math.max(0, Math.floor((worst - Math.max(0.02, (best - worst) * 0.1)) * 20) / 20) : 0;
    charts.replaceChildren(
      chart({
        title: "Loss", xTitle: "step", xMax: steps || losses.at(-1)?.[0], low: 0, high,
        series: [
          { name: "train", kind: "cvn-blue", points: smooth(losses), raw: losses },
          { name: "validation", kind: "cvn-vermillion", points: held, mark: "diamond" },
        ],
      }),
      chart({
        title: "Validation accuracy", xTitle: "epoch", xMax: epochs || scores.at(-1)?.[0], low, high: scores.length ? Math.min(1, Math.ceil((best + 0.005) * 20) / 20) : 1, percent: true,
        series: [{ name: "validation", kind: "cvn-vermillion", points: scores, mark: "diamond" }],
      }));
  }

  const show = () => { showProgress(); showCharts(); };
  const stops = [watch(model, ["progress"], show), onWidth(root, (inner) => { available = clamp(inner - 30, 320, 900); showCharts(); })];
  show();
  return () => stops.forEach((each) => each());
}
