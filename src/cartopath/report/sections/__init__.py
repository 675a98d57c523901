"""The sections of the report. Each function takes the results of a study and returns a `blocks.Section`, whatever is missing."""
