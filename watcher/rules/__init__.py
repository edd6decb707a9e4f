"""The rule language: folding, compiling, judging, explaining."""
