"""Every fault the promises are made against, tried on purpose.

`make faults` runs all tries and writes `docs/faults.md`; the tests make a few of each row. What
counts is what the mail server and the site saw, never the program's own word.
"""
