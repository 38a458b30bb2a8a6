"""What is read from files and written to them: problems, records, traces, the journal of a batch, data sets."""
