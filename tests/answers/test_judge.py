"""The worker process behind the judge: limits, restarts, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tts_cli.answers.judge import Judge
from tts_cli.errors import TtsError

ROOT = Path(__file__).resolve().parents[2]
HARD = (r"\cot x", r"\frac{\cos x}{\sin x}")
HARD_TOO = (r"\ln 4", r"2\ln 2")
PATIENT = 60.0  # seconds: where the judgement matters and not the limit, a busy machine must not change it
SLOW = "+".join(rf"\sin({n}x)" for n in range(20, 40))
ALSO_SLOW = "+".join(rf"\cos(\pi/2-{n}x)" for n in range(20, 40))


def worker_pid(judge: Judge) -> int | None:
    return judge._worker.pid if judge._worker else None


def has_ended(pid: int) -> bool:
    """Neither running nor a zombie; waits a while for a process that is on its way out."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return os.getppid() != pid and not is_child(pid)
        time.sleep(0.05)
    return False


def is_child(pid: int) -> bool:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def run_python(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, **options
    )


def test_the_worker_starts_at_the_first_hard_pair_only() -> None:
    with Judge(time_limit=PATIENT) as judge:
        assert judge.equal("0.5", r"\frac{1}{2}")
        assert worker_pid(judge) is None
        assert judge.equal(*HARD)
        pid = worker_pid(judge)
        assert pid is not None
        assert judge.equal(*HARD_TOO)
        assert worker_pid(judge) == pid
    assert has_ended(pid)


def test_a_pair_that_takes_too_long_is_different_and_the_worker_is_replaced() -> None:
    with Judge(time_limit=PATIENT) as judge:
        assert judge.equal(*HARD)
        first = worker_pid(judge)
        judge.time_limit = 0.1
        assert not judge.equal(SLOW, ALSO_SLOW)
        assert first is not None
        assert has_ended(first)
        judge.time_limit = PATIENT
        assert judge.equal(*HARD_TOO)
        assert worker_pid(judge) not in (None, first)
        assert judge.equal(SLOW, SLOW)


def test_a_text_that_keeps_timing_out_is_not_tried_for_ever() -> None:
    with Judge(time_limit=0.1) as judge:
        for times in ("1", "2/2", "3/3", "4/4"):
            assert not judge.equal(SLOW, f"({ALSO_SLOW})*{times}")
        assert worker_pid(judge) is None
        assert judge._timeouts.most_common(1)[0][1] == 2


def test_a_worker_killed_from_outside_is_replaced_within_the_same_question() -> None:
    with Judge(time_limit=PATIENT) as judge:
        assert judge.equal(*HARD)
        pid = worker_pid(judge)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert judge.equal(*HARD_TOO)
        assert has_ended(pid)


def test_ctrl_c_does_not_reach_the_worker() -> None:
    with Judge(time_limit=PATIENT) as judge:
        assert judge.equal(*HARD)
        pid = worker_pid(judge)
        assert pid is not None
        assert os.getpgid(pid) != os.getpgid(0)
        os.kill(pid, signal.SIGINT)
        assert judge.equal(*HARD_TOO)
        assert worker_pid(judge) == pid


def test_an_interrupted_question_does_not_answer_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(deadline: float) -> None:
        raise KeyboardInterrupt

    with Judge(time_limit=PATIENT) as judge:
        assert judge.equal(*HARD)
        monkeypatch.setattr(judge._worker, "receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            judge.equal(r"\sin x", r"\tan x")
        assert worker_pid(judge) is None
        assert judge.equal(*HARD_TOO)


def test_the_worker_ends_with_its_parent() -> None:
    code = f"""
import os
from tts_cli.answers.judge import Judge
judge = Judge(time_limit={PATIENT})
assert judge.equal({HARD[0]!r}, {HARD[1]!r})
print(judge._worker.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = run_python(code)
    assert done.returncode == -signal.SIGKILL
    assert has_ended(int(done.stdout))


def test_the_memory_limit_holds() -> None:
    code = """
from tts_cli.worker_process import limit_memory
limit_memory(512 << 20)
try:
    bytearray(1 << 30)
except MemoryError:
    print("refused")
"""
    assert run_python(code).stdout == "refused\n"


def test_a_worker_without_memory_is_no_hang_and_no_traceback() -> None:
    code = f"""
from tts_cli.answers.judge import Judge
from tts_cli.errors import TtsError
with Judge(memory_limit=1 << 20) as judge:
    try:
        print(judge.equal({HARD[0]!r}, {HARD[1]!r}))
    except TtsError as error:
        print("not started")
"""
    done = run_python(code)
    assert done.stdout in ("True\n", "False\n", "not started\n")
    assert done.stderr == ""


def test_a_worker_that_cannot_start_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for executable in ("/bin/false", "/no/such/python"):
        monkeypatch.setattr(sys, "executable", executable)
        with Judge() as judge, pytest.raises(TtsError, match="could not be started"):
            judge.equal(*HARD)


def test_a_sympy_in_the_current_directory_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "sympy.py").write_text("open('ran', 'w').close()\n")
    code = f"""
from tts_cli.answers.judge import Judge
with Judge(time_limit={PATIENT}) as judge:
    print(judge.equal({HARD[0]!r}, {HARD[1]!r}))
"""
    assert run_python(code, cwd=tmp_path).stdout == "True\n"
    assert not (tmp_path / "ran").exists()


def test_nothing_heavy_is_imported_here() -> None:
    code = """
import sys
from tts_cli.answers import extract
from tts_cli.answers.judge import Judge
with Judge() as judge:
    judge.equal(extract(r"\\boxed{\\sin x}"), r"\\tan x \\cos x")
print(sorted({"sympy", "math_verify", "numpy", "mpmath", "rich", "pydantic"} & set(sys.modules)))
"""
    assert run_python(code).stdout == "[]\n"


HOSTILE = [
    "9^{9^{9^9}}", r"\frac{1}{0}", "(" * 3_000 + "1" + ")" * 3_000, r"\frac{1}{" * 300 + "2" + "}" * 300, "99999999!",
    "((5!)!)!", "2^{99999}", "x^{99999999}", r"\sqrt" * 300 + "2", "{" * 100_000, "1+" * 50_000 + "1", "9" * 9_000,
    "1.5e9999", "1,000" * 1_000, "±" * 3_000, "x<" * 3_000, "(a+b+c+d)^{99}(e+f)^{99}", r"\sin" * 150 + "x",
    r"\begin{pmatrix}" + r" \\ ".join(" & ".join(["7"] * 500) for _ in range(500)) + r"\end{pmatrix}",
    r"10^{10^{10}}", r"\{1,\{2,\{3," * 500, "a " * 4_000 + "1 = 5", "\x00\x1b[31m", "\ud800",
    "5 " + "ab" * 150 + "_", "logAB" + "twentyAB" * 40 + "$sin(±", "5 " + "a " * 150 + "_", "5" + " m^2" * 90 + "_",
    "5 wins 3 " * 40, "(a" * 60 + ")" * 60 + "=5", "1 and " * 80 + "_", "5 " + "a-" * 100 + "_",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_answers_equal_only_themselves_and_reach_no_worker(text: str) -> None:
    judge = Judge()
    judge._reply = None  # type: ignore[assignment, method-assign]  # calling it would raise
    assert judge.equal(text, text)
    assert not judge.equal(text, "1")
    assert not judge.equal("1", text)
    assert not judge.equal(text, text + "+1")


def test_a_list_of_hard_items_shares_one_time_limit() -> None:
    """100 x 100 hard pairs: the limit is the answer's, not each pair's."""
    sines = ", ".join(rf"\sin({i}x)" for i in range(1, 101))
    with Judge(time_limit=0.5) as judge:
        assert not judge.equal(sines, sines.replace("sin", "cos"))
        assert len(judge._decided) < 2_000


def test_what_is_remembered_is_bounded() -> None:
    judge = Judge()
    for number in range(5_000):
        judge.equal(str(number), str(number + 1))
    assert len(judge._answers) <= 4_096
    assert len(judge._comparison.values) <= 5_000


def test_a_block_with_a_limit_waits_no_longer_and_decides_nothing_for_later() -> None:
    hard = (r"\sin^2(x) + \cos^2(x)", r"\cosh^2(x) - \sinh^2(x)")
    with Judge() as judge:
        begin = time.monotonic()
        with judge.within(0.0):
            assert not judge.equal(*hard)
            assert judge.equal("0.5", r"\frac12")  # exact arithmetic is always there
        with judge.within(0.05):  # less than the worker takes to start
            assert not judge.equal(*hard)
            assert judge.equal("0.5", r"\frac12")
        assert time.monotonic() - begin < 2
        assert judge.equal(*hard)
        with judge.within(60):
            assert judge.equal(r"\sin(2x)", r"2\sin(x)\cos(x)")


def test_a_pair_that_a_limit_cut_off_is_no_strike_against_it() -> None:
    with Judge(time_limit=60) as judge:
        assert judge.equal(r"\sin(2x)", r"2\sin(x)\cos(x)")  # the worker is there
        for _ in range(4):
            with judge.within(0.002):
                assert not judge.equal(r"\sin(3x)", r"3\sin(x) - 4\sin^3(x)")
        assert judge.equal(r"\sin(3x)", r"3\sin(x) - 4\sin^3(x)")
