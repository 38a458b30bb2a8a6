"""A search as one self-contained page: no script, nothing loaded from anywhere, light and dark.

The tree is made of nested <details>. A chain of steps is a flat list; only where the search branched does a
level begin, so a long solution does not drift to the right. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tts_cli.analysis.tree import TreeState, TreeStep
from tts_cli.cli.view import finished, parts
from tts_cli.data.record import Record

STYLE = """
:root{color-scheme:light dark;--fg:#1c1e21;--bg:#fff;--dim:#6a737d;--line:#d0d7de;
--good:#1a7f37;--fair:#9a6700;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--dim:#8b949e;--line:#30363d;
--good:#3fb950;--fair:#d29922;--bad:#f85149}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);
max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.2rem;white-space:pre-wrap;overflow-wrap:anywhere}h2{font-size:1rem;margin-top:2rem}
.answer{font-size:1.4rem;font-weight:600;color:var(--good)}.none{color:var(--bad)}.dim{color:var(--dim)}
.branch{border-left:2px solid var(--line);padding-left:.8rem;margin:.3rem 0}summary{cursor:pointer}
.step{display:grid;
grid-template-columns:2.6rem 5rem 1fr;gap:.6rem;align-items:center;padding:.1rem 0}
summary>.step{display:inline-grid;width:calc(100% - 1.4rem);vertical-align:middle}
.step>:last-child{white-space:pre-wrap;overflow-wrap:anywhere}
.pruned{opacity:.55}.chosen>:last-child{font-weight:600}
meter{width:100%;height:.8rem}.times{color:var(--dim)}.tick{color:var(--good)}.cut{color:var(--bad)}
td{padding:.1rem 1rem .1rem 0;overflow-wrap:anywhere}td meter{width:12rem}
"""


def page(state: TreeState, record: Record) -> str:
    """The whole document."""
    return "".join(_document(state, record))


def _document(state: TreeState, record: Record) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{_text(record.problem[:80])}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    yield f"<h1>{_text(record.problem)}</h1>\n{_answer(record)}\n"
    how = "<br>".join(_text(line) for line in finished.how(record, state.decided, f", seed {record.seed}"))
    yield f"<p>{how}<br><span class=dim>{_text(finished.cost(record))}</span></p>\n"
    yield from _votes(record)
    counts = f"{len(state.steps) - 1} steps, {state.finished} solutions, {state.pruned} branches pruned"
    yield f"<h2>Search</h2>\n<p class=dim>{counts}</p>\n"
    yield from _tree(state)
    yield "</body>\n</html>\n"


def _answer(record: Record) -> str:
    if record.answer is None:
        return f'<p class="answer none">No answer ({_text(record.finish)})</p>'
    sure = f" <span class=dim>confidence {record.confidence:.0%}</span>" if record.confidence is not None else ""
    return f"<p class=answer>{_text(record.answer)}{sure}</p>"


def _votes(record: Record) -> Iterator[str]:
    if not record.votes:
        return
    total = sum(vote.count for vote in record.votes) or 1
    yield "<h2>Votes</h2>\n<table>\n"
    for vote in record.votes:
        yield (
            f"<tr><td>{_text(vote.answer)}</td><td><meter value={vote.count / total:.4f}></meter></td>"
            f"<td>{vote.count}</td><td class=dim>{vote.weight:.3f}</td></tr>\n"
        )
    yield "</table>\n"


def _tree(state: TreeState) -> Iterator[str]:
    """Depth first with a stack of strings and step numbers: a branch may be deeper than Python recurses."""
    chosen = {step.number for step in state.chosen()}
    stack: list[int | str] = _children(state, 0, chosen)
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
            continue
        step = state.steps[item]
        below = _children(state, item, chosen)
        if len(step.children) < 2:  # a chain goes on in the same list
            yield _step(step, chosen)
            stack += below
        else:
            opened = " open" if not step.dead else ""
            yield f"<details{opened}><summary>{_step(step, chosen)}</summary>\n"
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
        out += [f"<details><summary class=dim>{len(dead)} pruned</summary>\n", *_boxed(dead), "</details>\n"]
    return out[::-1]


def _boxed(branches: list[int]) -> list[int | str]:
    """Several branches, each set off by a line of its own."""
    return [part for branch in branches for part in ("<div class=branch>", branch, "</div>\n")]


def _step(step: TreeStep, chosen: set[int]) -> str:
    kinds = ["step"] + ["pruned"] * step.dead + ["chosen"] * (step.number in chosen)
    score = min(max(step.score, 0.0), 1.0) if step.score is not None else None
    number = f"{score:.2f}" if score is not None else "–"
    meter = f"<meter low=.5 high=.8 optimum=1 value={score:.4f}></meter>" if score is not None else "<span></span>"
    marks = f" <span class=times>×{step.count}</span>" if step.count > 1 else ""
    if step.solution:
        marks += f" <span class=tick>✓ {_text(step.answer or '')}</span>"
    elif step.finish in ("length", "context"):
        marks += " <span class=cut>(cut)</span>"
    body = f"<span>{_text(step.text)}{marks}</span>"
    return f'<span class="{" ".join(kinds)}"><span>{number}</span>{meter}{body}</span>\n'


def _text(text: str) -> str:
    return escape(parts.shown(text))
