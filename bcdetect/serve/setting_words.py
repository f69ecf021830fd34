"""The settings of a run as a person reads them: a name, and what it does in one line."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "label": ("Column of classes", "Its values are the classes; what else is used must be numbers."),
    "positive": (
        "Class to look for",
        "Of two classes, the one whose probability is told; malignant, yes and 1 are known.",
    ),
    "group": ("Column of patients", "Rows of one patient stay in one part: else every number would be too good."),
    "drop": ("Columns to leave out", "Columns that number rows or patients are left out by themselves."),
    "epochs": ("Epochs", "How often each training row is seen, at most; the best epoch is kept."),
    "filters": ("Filters", "Patterns that a convolution looks for; a number for each block, such as 16 or 16, 32."),
    "kernel_size": ("Kernel size", "How many neighbouring columns a filter sees at once."),
    "dropout": ("Dropout", "Share of the numbers that is set to 0 at random while training, against over-fitting."),
    "lr": ("Learning rate", "How far a step goes: too small and nothing is learned, too large and training diverges."),
    "balance": ("Balance", "Where a class is rare: its rows weigh more (weights), or are seen more often (oversample)."),
    "seed": ("Seed", "Draws the parts, the first weights and the order of rows: the same seed, the same run."),
    "validation_size": ("Validation part", "Share of rows that the epoch, the calibration and the threshold are chosen by."),
    "test_size": ("Test part", "Share of the rows that nothing is chosen on; the scores are theirs."),
    "pooling": ("Pooling", "How neighbouring columns are brought together behind each block."),
    "units": ("Hidden units", "Of the dense layer before the answer; 0 leaves it out."),
    "head": ("Head", "Of two classes: one number, or one for each class."),
    "batch_size": ("Batch size", "Rows that a step learns from."),
    "optimizer": ("Optimizer", "The rule that turns gradients into steps."),
    "weight_decay": ("Weight decay", "How hard the weights are drawn towards 0, against over-fitting."),
    "schedule": ("Schedule", "How the learning rate falls over the epochs."),
    "warmup": ("Warm-up", "Epochs in which the learning rate rises first; of the cosine schedule."),
    "monitor": ("Kept epoch", "What the validation part chooses it by; last keeps the last one."),
    "patience": ("Patience", "Epochs without a better one, after which training ends."),
    "loss": ("Loss", "What training makes small; focal looks less at rows that are easy."),
    "focal_gamma": ("Focal gamma", "How much less; of the focal loss."),
    "label_smoothing": ("Label smoothing", "How much of a row's class is shared out among all classes."),
    "calibration": ("Calibration", "How probabilities are corrected on the validation part."),
    "operating": ("Threshold", "The rule that chooses it on the validation part; half is 0.5."),
    "target_sensitivity": ("Sensitivity to reach", "Of the rule sensitivity."),
    "cost_ratio": ("Cost of a miss", "How many false alarms it is worth; of the rule cost."),
    "error_rate": ("Error rate", "How often a prediction set may miss the true class; what is uncertain then is referred."),
}
OF_DATA = ("label", "positive", "group", "drop")
FIRST = ("epochs", "filters", "kernel_size", "dropout", "lr", "balance", "seed")  # what people reach for
