"""One problem from prompt to record: the session that the driver runs, the vote, and every sentence of `why`."""
