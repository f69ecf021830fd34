"""Questions to a model's explanations, one a file: each looks at a `Subject` and answers with a `Check`.

What counts as passed is a constant beside the question, with its reason.
"""
