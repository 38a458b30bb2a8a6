"""Where the answer stands in a solution: boxes, sentences, values in prose. `answers.extract` asks them in order."""
