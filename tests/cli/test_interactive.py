"""`tts solve --interactive`, on pipes and on a terminal: what a line does, and what ends a search or the loop."""

from __future__ import annotations

import json
import signal

import pexpect

from tests.cli.conftest import Program
from tests.cli.scripted import PROBLEM
from tts_cli.data import trace

ENDLESS = ("--policy", "endless", "--prm", "tiny-prm", "--max-tokens", "100000", "--max-step-tokens", "15")
READY = r":help for more, Ctrl-D to end\.\r\n"


def test_every_line_of_a_pipe_is_a_problem_with_an_answer(tts: Program) -> None:
    done = tts("solve", "-i", "-q", "--method", "majority", "-n", "4", stdin=f"{PROBLEM}\n\n  {PROBLEM}\r\n")
    one = tts("solve", "-q", "--method", "majority", "-n", "4", PROBLEM)
    assert (done.stdout, done.stderr, done.returncode) == (2 * one.stdout, "", 0)


def test_json_is_a_record_a_line(tts: Program) -> None:
    done = tts(
        "solve", "-i", "--json", "--method", "greedy", stdin=f"1 + 1\n:block\n1 +\n2\n\n:set method majority\n{PROBLEM}"
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["problem"] for record in records] == ["1 + 1", "1 +\n2", PROBLEM]
    assert [record["method"] for record in records] == ["greedy", "greedy", "majority"]


def test_settings_change_and_models_are_loaded_only_where_others_are_meant(tts: Program) -> None:
    lines = [":set method greedy", PROBLEM, ":set", ":set --policy prose", ":set max-tokens 20", PROBLEM, ":set method"]
    done = tts("solve", "-i", "--json", "-n", "2", stdin="\n".join([*lines, ":set max_tokens", ":set policy", PROBLEM]))
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(record["policy"], record["method"]) for record in records] == [
        ("tiny", "greedy"),
        ("prose", "greedy"),
        ("tiny", "majority"),
    ], done.stderr
    assert "method: greedy\nbudget: 2\n" in done.stderr


def test_an_error_ends_nothing(tts: Program) -> None:
    lines = [
        ":why",
        ":foo",
        ":set budgt 3",
        ":set budget x",
        ":set policy absent",
        ":trace",
        ":trace /none/such/t.json",
    ]
    done = tts("solve", "-i", "-q", stdin="\n".join([*lines, PROBLEM]).encode() + b"\n\xff\n" + PROBLEM.encode())
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2
    assert done.stderr.count("error: ") == len(lines) + 1
    for says in ("Nothing was solved", "no command :foo", "did you mean budget?", "'absent'", "not valid UTF-8"):
        assert says in done.stderr


def test_the_last_search_can_be_saved_and_explained(tts: Program) -> None:
    done = tts("solve", "-i", "-n", "4", stdin=f"{PROBLEM}\n:why\n:trace last.json\n:quit\n{PROBLEM}\n")
    saved = trace.load(tts.work / "last.json").record
    assert saved.problem == PROBLEM and f"{saved.why}\n" in done.stderr
    assert done.stdout.count("Answer: ") == 1, ":quit ends it"


def test_a_problem_goes_into_the_loop_and_not_beside_it(tts: Program) -> None:
    for beside in ([PROBLEM], ["--trace", "t.json"]):
        done = tts("solve", "-i", *beside)
        assert done.returncode == 2 and "--interactive does not go with" in done.stderr


def test_ctrl_c_ends_the_search_and_not_the_loop(tts: Program) -> None:
    child = tts.terminal("solve", "-i", "--method", "majority", "-n", "2", *ENDLESS)
    child.expect(READY)
    child.send(":block\n")
    child.expect(r"\| ")
    child.send("half a prob\x03")  # ends the block, too
    child.expect("\n> ")
    child.send(f"{PROBLEM}\n")
    child.expect("tok/s")
    child.sendintr()
    child.expect("> ")
    child.send(":why\n")
    child.expect("majority was asked for")
    child.expect("\n> ")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_sigterm_ends_it(tts: Program) -> None:
    child = tts.terminal("solve", "-i", "--method", "majority", "-n", "2", *ENDLESS)
    child.expect(READY)
    child.send(f"{PROBLEM}\n")
    child.expect("tok/s")
    child.kill(signal.SIGTERM)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 143


def test_what_was_typed_is_remembered(tts: Program) -> None:
    for keys in (f"{PROBLEM}\n", "\x1b[A\n"):
        child = tts.terminal("solve", "-i", "--method", "greedy")
        child.expect(READY)
        child.send(keys)
        child.expect("greedy, N = 1")
        child.expect("\n> ")
        child.sendeof()
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
