"""Self-check questions with an instant, explained answer."""

import math
import re
from html import escape

import traitlets

from convnets.widgets.base import CourseWidget, module


class Question(CourseWidget):
    """The widget that `question` and `predict` return."""

    _esm = module("question")
    _name = "question"
    prompt = traitlets.Unicode().tag(sync=True)
    options = traitlets.List().tag(sync=True)
    answer = traitlets.Float().tag(sync=True)
    tolerance = traitlets.Float().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    explain = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)

    def summary(self) -> str:
        return "Question: " + re.sub(r"<[^>]+>", "", self.prompt)

    def picture(self) -> str:
        if self.options:
            choices = "".join(f"<li>{o['text']}</li>" for o in self.options)
            told = "".join(f"<li>{'✓' if o['right'] else '✗'} {o['text']}: {o['explanation']}</li>" for o in self.options)
            body, told = f"<ul>{choices}</ul>", f"<ul>{told}</ul>"
        else:
            body, told = "", f"<p>{self.answer:,g} {escape(self.unit)}</p>"
        hint = f"<details><summary>Hint</summary>{self.hint}</details>" if self.hint else ""
        return f"<p>{self.prompt}</p>{body}{hint}<details><summary>Answer</summary>{told}<p>{self.explain}</p></details>"


def _html(text: str | None) -> str:
    return re.sub(r"`([^`]+)`", lambda m: f"<code>{escape(m[1])}</code>", text or "")


def question(prompt: str, options: dict[str, str], answer: str, explain: str | None = None, hint: str | None = None) -> Question:
    """Return a question with radio buttons. Choosing one shows at once whether it is right, and why.

    Args:
        prompt: the question. It may hold simple HTML, and `code` between backticks; so may every other text.
        options: what can be chosen, each with what is said when it is chosen.
        answer: the right one, exactly as it stands in `options`.
        explain: said after the right choice, behind that choice's own text.
        hint: shown on demand.

    Raises:
        ValueError: fewer than two options, an answer that is not among them, or an option without a text.
    """
    if len(options) < 2:
        raise ValueError(f"options must hold at least two choices, not {len(options)}.")
    if answer not in options:
        raise ValueError(f"answer {answer!r} is not one of the options: {', '.join(map(repr, options))}.")
    silent = [text for text, explanation in options.items() if not explanation]
    if silent:
        raise ValueError(f"option {silent[0]!r} has no explanation: say what a student who picks it should learn.")
    listed = [{"text": _html(text), "explanation": _html(said), "right": text == answer} for text, said in options.items()]
    return Question(prompt=_html(prompt), options=listed, explain=_html(explain), hint=_html(hint))


def predict(
    prompt: str, answer: float, explain: str, unit: str = "", tolerance: float = 0, hint: str | None = None
) -> Question:
    """Return a question that is answered with a number. After a wrong one it says "larger" or "smaller".

    Args:
        prompt: the question, simple HTML.
        answer: the right number, in `unit`. Students may type 2.33, 7/3 or 44,892.
        explain: shown with the right answer.
        unit: written behind the box.
        tolerance: how far off still counts as right.
        hint: shown on demand.

    Raises:
        ValueError: an answer that is not a finite number, or a negative tolerance.
    """
    if isinstance(answer, bool) or not math.isfinite(answer) or not tolerance >= 0:
        raise ValueError(f"answer must be a finite number and tolerance at least 0, not {answer!r} and {tolerance!r}.")
    return Question(prompt=_html(prompt), answer=float(answer), tolerance=float(tolerance), unit=unit, explain=_html(explain), hint=_html(hint))
