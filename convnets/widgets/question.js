// Self-check questions: a choice, or a number to predict. Both answer at once and say why.

let questions = 0;

function render({ model, el }) {
  const { root, live, say } = frame(el, "Question", "question");
  const prompt = make("div", { class: "cvn-prompt", html: model.get("prompt") });
  const feedback = make("div", { class: "cvn-verdict", hidden: true });
  const hint = model.get("hint");
  const hintBox = hint && make("details", { class: "cvn-hint" }, make("summary", {}, "Hint"), make("div", { html: hint }));

  function answer(right, title, explanation, extra) {
    const mark = right ? "✓" : "✗";
    feedback.hidden = false;
    feedback.dataset.mark = mark;
    feedback.replaceChildren(make("span", { class: "cvn-mark" }, mark), make("div", {}, make("b", {}, `${title} `), make("span", { html: explanation }), extra ?? ""));
    root.dataset.right = String(right);
    say(feedback.textContent.replace(mark, ""));
  }

  function choice() {
    const group = `cvn-question-${(questions += 1)}-${Math.random().toString(36).slice(2, 8)}`;
    const options = model.get("options").map(({ text, explanation, right }) => {
      const input = make("input", { type: "radio", name: group, onchange: () => {
        for (const label of list.children) { label.classList.remove("cvn-picked"); label.querySelector(".cvn-option-mark").textContent = ""; }
        label.classList.add("cvn-picked");
        label.dataset.mark = right ? "✓" : "✗";
        label.querySelector(".cvn-option-mark").textContent = right ? "✓" : "✗";
        answer(right, right ? "Right." : "Not quite.", [explanation, right ? model.get("explain") : ""].filter(Boolean).join(" "));
      } });
      const label = make("label", { class: "cvn-option" }, input, make("span", { html: text }), make("span", { class: "cvn-option-mark cvn-mark", "aria-hidden": true }));
      return label;
    });
    const list = make("div", { class: "cvn-options" }, options);
    return make("fieldset", {}, make("legend", {}, prompt), list);
  }

  function read(text) {
    let plain = text.trim().replace(/[−–]/g, "-").replace(/[\s_%]/g, "");
    plain = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(plain) ? plain.replace(/,/g, "") : plain.replace(",", ".");
    const quotient = plain.match(/^(-?[\d.]+)\/([\d.]+)$/);
    const value = quotient ? Number(quotient[1]) / Number(quotient[2]) : Number(plain);
    return plain === "" || !Number.isFinite(value) ? null : value;
  }

  function prediction() {
    let tries = 0;
    const wanted = model.get("answer"), tolerance = model.get("tolerance"), unit = model.get("unit");
    const shown = `${Number.isInteger(wanted) ? grouped(wanted).replace("-", "−") : number(wanted, 6)}${unit ? ` ${unit}` : ""}`;
    const input = make("input", { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `Your answer${unit ? ` in ${unit}` : ""}`, onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); check(); } } });
    function check() {
      const value = read(input.value);
      if (value === null) {
        feedback.hidden = false;
        feedback.dataset.mark = "!";
        feedback.replaceChildren(make("span", { class: "cvn-mark" }, "!"), make("div", {}, "Type a number, such as 12, 2.33 or 7/3."));
        return say("Type a number.");
      }
      tries += 1;
      if (Math.abs(value - wanted) <= tolerance + 1e-9 * Math.max(1, Math.abs(wanted))) return answer(true, `Right: ${shown}.`, model.get("explain"));
      const reveal = make("button", { type: "button", onclick: () => answer(false, `The answer is ${shown}.`, model.get("explain")) }, "Show the answer");
      answer(false, "Not quite.", `${value < wanted ? "The answer is larger." : "The answer is smaller."} Try again${hint && tries === 1 ? ", or open the hint" : ""}. `, tries > 1 ? reveal : "");
    }
    return make("div", {}, prompt, make("div", { class: "cvn-answer" }, input, unit && make("span", {}, unit), make("button", { type: "button", onclick: check }, "Check")));
  }

  root.append(model.get("options").length ? choice() : prediction(), hintBox || "", feedback, live);
}
