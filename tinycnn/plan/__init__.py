"""A model as steps of compiled kernels over memory laid out once: what makes training and prediction fast.

    pairs                  which neighbouring layers are computed together; numba is not needed to ask
    arena  base            memory, and what flows from item to item
    rows  convolved  others  training    a training step
    inference  front       a prediction; and the frozen layers of a training step before the first that learns
    runner                 which plan a model runs

The layers know nothing of it: their own forward and backward are the form to read, and the one that `capture` looks into.
Importing anything but `pairs` imports numba.
"""
