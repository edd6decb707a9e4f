"""The steps, one module each, in their order: check, match, complete, compose, deliver.

Each is safe to run again after the process died anywhere in it.
"""
