"""The oracle: generated settings go to the libraries' real constructors, and what they raise is compared with the
errors of the rules that say ``raised: construction``.

``python -m cfglint.authoring.oracle live SUBJECT --python PATH`` asks an environment that has the libraries and
writes the golden outcomes; ``check`` needs no library and compares them with the linter.
"""
