"""A search as one self-contained page: no script, nothing loaded from anywhere, light and dark.

The tree is made of nested <details>, from the problem on. A chain of steps is a flat list; only where the search
branched does a level begin, so a long solution does not drift to the right. Formulas are MathML, every text is escaped.
Whether an answer is right is not known here, so nothing says so: the chosen one is marked, and where a solution ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tts_cli.analysis.tree import TreeState, TreeStep
from tts_cli.cli.view import finished, mathml, parts
from tts_cli.data.record import Record

STYLE = """
:root{color-scheme:light dark;--fg:#1c1e21;--bg:#fff;--dim:#6a737d;--line:#d0d7de;
--chosen:#0969da;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--dim:#8b949e;--line:#30363d;
--chosen:#58a6ff;--bad:#f85149}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);
max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.2rem;white-space:pre-wrap;overflow-wrap:anywhere}h2{font-size:1rem;margin-top:2rem}
.answer{font-size:1.4rem;font-weight:600}.none{color:var(--bad)}.dim{color:var(--dim)}
.branch{border-left:2px solid var(--line);padding-left:1.5rem;margin:.3rem 0}
summary{cursor:pointer;list-style:none;position:relative}summary::-webkit-details-marker{display:none}
summary::before{content:"▸";position:absolute;left:-1.1rem;color:var(--dim)}
details[open]>summary::before{content:"▾"}.root{margin-left:1.1rem}
.step{display:grid;
grid-template-columns:2.6rem 5rem 1fr;gap:.6rem;align-items:center;padding:.1rem 0}
.step>:last-child{white-space:pre-wrap;overflow-wrap:anywhere}
.pruned{opacity:.55}.chosen>:last-child{font-weight:600}
meter{width:100%;height:.8rem}.end,.times{color:var(--dim);font-weight:400}.pick{color:var(--chosen)}.cut{color:var(--bad)}
td{padding:.1rem 1rem .1rem 0;overflow-wrap:anywhere}progress{width:12rem}
math{white-space:normal}menclose{border:1px solid;padding:.1em .25em}
"""


def page(state: TreeState, record: Record) -> str:
    """The whole document."""
    return "".join(_document(state, record))


def _document(state: TreeState, record: Record) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{escape(parts.one_line(record.problem, 80))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    yield f"<h1>{mathml.formatted(record.problem)}</h1>\n{_answer(record)}\n"
    lines = finished.how(record, state.decided, f", seed {record.seed}")
    how = "<br>".join(escape(parts.verbatim(line)) for line in lines)
    yield f"<p>{how}<br><span class=dim>{escape(finished.cost(record))}</span></p>\n"
    yield from _votes(record)
    counts = f"{len(state.steps) - 1} steps, {state.finished} solutions, {state.pruned} branches pruned"
    counts += f", {len(state.refuted)} steps refuted" if state.refuted else ""
    yield f"<h2>Search</h2>\n<p class=dim>{counts}</p>\n"
    yield from _tree(state, answered=record.answer is not None)
    yield "</body>\n</html>\n"


def _answer(record: Record) -> str:
    if record.answer is None:
        return f'<p class="answer none">No answer ({escape(record.finish)})</p>'
    sure = f" <span class=dim>confidence {record.confidence:.0%}</span>" if record.confidence is not None else ""
    return f"<p class=answer>{mathml.formula(record.answer)}{sure}</p>"


def _votes(record: Record) -> Iterator[str]:
    if not record.votes:
        return
    total = sum(vote.count for vote in record.votes) or 1
    yield "<h2>Votes</h2>\n<table>\n"
    for vote in record.votes:
        yield (
            f"<tr><td>{mathml.formula(vote.answer)}</td><td><progress value={vote.count / total:.4f}></progress></td>"
            f"<td>{vote.count}</td><td class=dim>{vote.weight:.3f}</td></tr>\n"
        )
    yield "</table>\n"


def _tree(state: TreeState, answered: bool) -> Iterator[str]:
    """Depth first with a stack of strings and step numbers: a branch may be deeper than Python recurses."""
    chosen = {step.number for step in state.chosen()}
    last = state.ended.step if state.ended and answered else None
    yield "<details class=root open><summary>the problem</summary>\n"
    first = state.steps[0].children
    stack = ["</details>\n", *(_boxed(first)[::-1] if len(first) == 1 else _children(state, 0, chosen))]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
            continue
        step = state.steps[item]
        below = _children(state, item, chosen)
        if len(step.children) < 2:  # a chain goes on in the same list
            yield _step(step, chosen, last)
            stack += below
        else:
            opened = " open" if not step.dead else ""
            yield f"<details{opened}><summary>{_step(step, chosen, last)}</summary>\n"
            stack += ["</details>\n", *below]


def _children(state: TreeState, number: int, chosen: set[int]) -> list[int | str]:
    """What is to be written below a step, last first; several pruned children share one closed fold."""
    children = state.steps[number].children
    dead = [child for child in children if state.steps[child].dead]
    alive = [child for child in children if not state.steps[child].dead]
    alive.sort(key=lambda child: (child not in chosen, child))
    if len(children) == 1:
        return [*children]
    out = _boxed(alive)
    if dead:
        refuted = sum(state.steps[child].refuted is not None for child in dead)
        counts = {"pruned": len(dead) - refuted, "refuted": refuted}
        fold = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        out += [f"<details><summary class=dim>{fold}</summary>\n", *_boxed(dead), "</details>\n"]
    return out[::-1]


def _boxed(branches: list[int]) -> list[int | str]:
    """Several branches, each set off by a line of its own."""
    return [part for branch in branches for part in ("<div class=branch>", branch, "</div>\n")]


def _step(step: TreeStep, chosen: set[int], last: int | None) -> str:
    """`last`: the step with which the solution ends whose answer was chosen."""
    kinds = ["step"] + ["pruned"] * step.dead + ["chosen"] * (step.number in chosen)
    score = min(max(step.score, 0.0), 1.0) if step.score is not None else None
    number = f"{score:.2f}" if score is not None else "–"
    meter = f"<meter low=.5 high=.8 optimum=1 value={score:.4f}></meter>" if score is not None else "<span></span>"
    marks = f" <span class=times>×{step.count}</span>" if step.count > 1 else ""
    answer = f": {mathml.formula(step.answer)}" if step.answer is not None else ""
    if step.number == last:
        marks += f" <span class=pick>chosen answer{answer}</span>"
    elif step.solution:
        marks += f" <span class=end>finished{answer or ' without an answer'}</span>"
    elif step.finish in ("length", "context"):
        marks += " <span class=cut>(cut)</span>"
    if step.refuted is not None:
        marks += f" <span class=cut>{escape(parts.false_equality(step.refuted))}</span>"
    body = f"<span>{mathml.formatted(step.text)}{marks}</span>"
    return f'<span class="{" ".join(kinds)}"><span>{number}</span>{meter}{body}</span>\n'
