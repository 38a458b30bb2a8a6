"""What fields mean: references as `tts grade` reads them, numbers digit by digit, chats as problems."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.data.reading import one, says


class TestReferences:
    """A reference is what `tts grade` takes it for: of a solution that marks its answer only that."""

    @pytest.mark.parametrize(
        ("text", "answer"),
        [
            ("She makes 9 * 2 = $<<9*2=18>>18 every day.\n#### 18", "18"),
            ("He has 3 + 4 = 7.\n#### 7\n", "7"),
            ("#### 72", "72"),
            ("A profit of 200,000-130,000=$70,000\n#### 70,000", "70,000"),
            ("The sum is $3 + 4 = \\boxed{7}$.", "7"),
            ("So $x = \\boxed{\\frac{1}{2}}$ in the end.", "\\frac{1}{2}"),
            ("We add 3 and 4. The answer is 7.", "7"),
            ("Final answer: 12", "12"),
            ("72", "72"),
            ("x = 5", "x = 5"),
            ("(1, 2]", "(1, 2]"),
            ("no", "no"),
        ],
    )
    def test_a_text_that_marks_its_answer_stands_for_it(self, text: str, answer: str) -> None:
        row = one(json.dumps({"question": "q", "answer": text}))
        assert (row.reference, row.labels) == (answer, {"answer": text})
        quoted = text.replace('"', '""')
        assert one(f'question,final_answer\nq,"{quoted}"\n', "csv").reference == answer

    def test_each_of_several_is_read(self) -> None:
        assert one('{"problem": "p", "answer": ["\\\\boxed{3}", "so #### 5", 7]}').reference == "3, 5, 7"

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            ("0.00001", "0.00001"),
            ("1e-05", "0.00001"),
            ("1e16", "10000000000000000"),
            ("1E+3", "1000"),
            ("-2.50", "-2.50"),
            ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("1e300", "1e300"),
            ("true", "true"),
            ("[false, 1e2]", "false, 100"),
        ],
    )
    def test_a_number_is_its_digits(self, number: str, text: str) -> None:
        assert one(f'{{"problem": "p", "answer": {number}}}').reference == text

    def test_a_number_is_carried_as_a_number(self) -> None:
        row = one('{"problem": "p", "answer": 1e-05, "x": [0.1]}')
        assert json.dumps([row.labels, row.input]) == '[{"answer": 1e-05}, {"x": [0.1]}]'


class TestChats:
    @pytest.mark.parametrize("name", ["prompt", "messages", "problem", "Prompt"])
    @pytest.mark.parametrize(
        "messages",
        [
            [{"role": "user", "content": " What is 1+1? "}],
            [{"role": "system", "content": "Think."}, {"role": "user", "content": "What is 1+1?"}],
            [{"role": "user", "content": "What is 1+1?"}, {"role": "assistant", "content": "2"}],
            [{"role": "user", "content": "Hello"}, {"role": "user", "content": "What is 1+1?", "name": "x"}],
            [{"role": "User", "content": [{"type": "text", "text": "What is 1+1?"}]}],
            [{"role": "assistant", "content": None}, {"role": "user", "content": "What is 1+1?"}],
        ],
    )
    def test_the_last_message_of_the_user_is_the_problem(self, name: str, messages: list[Any]) -> None:
        assert one(json.dumps({name: messages, "answer": "2"})).problem == "What is 1+1?"

    def test_parts_of_a_message_stand_below_each_other(self) -> None:
        parts = [{"type": "text", "text": "Let x = 1."}, {"type": "text", "text": "What is x+1?"}]
        assert one(json.dumps({"prompt": [{"role": "user", "content": parts}]})).problem == "Let x = 1.\nWhat is x+1?"

    def test_a_text_wins_over_messages(self) -> None:
        row = one('{"messages": [{"role": "user", "content": "b"}], "question": "a"}')
        assert row.problem == "a" and row.input == {"messages": [{"role": "user", "content": "b"}]}

    @pytest.mark.parametrize(
        ("value", "wrong"),
        [
            ([], "without one of the user"),
            ([{"role": "system", "content": "p"}], "without one of the user"),
            (["p"], "nor a list of chat messages"),
            ([[{"role": "user", "content": "p"}]], "nor a list of chat messages"),
            ([{"from": "human", "value": "p"}], "nor a list of chat messages"),
            ({"role": "user", "content": "p"}, "nor a list of chat messages"),
            ([{"role": "user"}], "something other than text"),
            ([{"role": "user", "content": {"text": "p"}}], "something other than text"),
            ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}], "something other than text"),
            ([{"role": "user", "content": " "}], "its prompt is empty"),
            ([{"role": "user", "content": []}], "its prompt is empty"),
        ],
    )
    def test_an_odd_chat_is_a_bad_row(self, value: Any, wrong: str) -> None:
        assert wrong in says(one(json.dumps({"prompt": value})))
