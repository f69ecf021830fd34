"""What the page's words mean, in plain sentences; the page Words shows all of them, and every page leads to the one it uses."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup


class Word(NamedTuple):
    """A term as people write it, what it means here, and the formula and the source where there are such."""

    title: str
    says: str
    formula: str = ""
    source: str = ""


ANSWERS = {
    "logit": Word(
        "logit",
        "A number that the network's last layer gives, before it becomes a probability: the larger, the more it speaks for the "
        "class. Where there is one alone, 0 is a probability of one half.",
        "one logit z: p = 1 / (1 + exp(-z)); several: p of class k = exp(z_k) / (sum of exp(z) over the classes)",
    ),
    "calibration": Word(
        "calibrated probability",
        "A probability that means what it says: of the rows given 30 %, 30 in a hundred are malignant. Networks are often too "
        "sure, so that their probabilities are corrected by what happened in the validation part.",
        source="Guo et al. 2017, On calibration of modern neural networks (arXiv:1706.04599)",
    ),
    "temperature": Word(
        "temperature",
        "A calibration by one number T, which the log odds are divided by. Above 1 it makes answers less sure; the order of the "
        "rows stays.",
        "p = 1 / (1 + exp(-z / T)), z = ln(p_raw / (1 - p_raw)) of two classes",
        "Guo et al. 2017 (arXiv:1706.04599)",
    ),
    "platt": Word(
        "Platt scaling",
        "A calibration by two numbers: a line through the log odds, which corrects how sure the answers are, and a shift.",
        "p = 1 / (1 + exp(-(slope z + intercept))), z = ln(p_raw / (1 - p_raw))",
        "Platt 1999, Advances in Large Margin Classifiers, 61-74",
    ),
    "isotonic": Word(
        "isotonic regression",
        "A calibration by the staircase that never falls and fits the validation part best. It can take any shape, and so needs "
        "many rows, a thousand and more.",
        source="Zadrozny & Elkan 2002, KDD",
    ),
    "threshold": Word(
        "threshold",
        "The probability of malignancy from which on a row is called malignant. A lower one misses fewer malignant rows, and "
        "gives more false alarms.",
        "called malignant where p >= threshold",
    ),
    "operating_point": Word(
        "operating point",
        "The threshold that a model works at. A rule chooses it on the validation part, and it stays. The rule half takes 0.5; "
        "sensitivity the highest threshold that finds the wanted share of malignant rows; youden the largest sensitivity + "
        "specificity - 1; cost the least cost, where a miss is worth so many false alarms.",
        "cost: ratio P (1 - sensitivity) + (1 - P) (1 - specificity), P the share of malignant rows",
        "Youden 1950, Cancer 3(1), 32-35",
    ),
    "refer": Word(
        "uncertain: refer",
        "An answer not to lean on: a person should look. It is said where the prediction set does not hold exactly the class "
        "that is called, and where a row is unlike the training data.",
    ),
    "prediction_set": Word(
        "prediction set",
        "All classes that a row may be, at the stated error rate. It holds one class where the model is sure, several where it "
        "is not, and none where no class is likely enough.",
        "holds class k where 1 - p_k <= q_k; q_k is the ceil((n + 1) (1 - error rate))-th smallest 1 - p_k of the n validation "
        "rows of class k (1, where n is too small for that)",
        "Split-conformal, class by class: Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World, 4.5",
    ),
    "error_rate": Word(
        "error rate",
        "How often, at most and on average, a prediction set misses the true class; it holds within each class. At 0.05 the sets "
        "of at least 95 % of the malignant rows hold malignant, if rows come from where the validation part came from.",
    ),
    "training_range": Word(
        "training range",
        "From the smallest to the largest value that a measurement had in the training part, and a tenth of that width more on "
        "either side. What lies beyond is unlike the training data, and the answer a guess.",
    ),
}
SCORES = {
    "sensitivity": Word(
        "sensitivity",
        "The share of malignant rows that are called malignant. The rest are missed. Of another class it is the share of that "
        "class's rows that are called so.",
        "TP / (TP + FN)",
    ),
    "specificity": Word(
        "specificity",
        "The share of benign rows that are called benign. The rest are false alarms.",
        "TN / (TN + FP)",
    ),
    "prevalence": Word(
        "prevalence",
        "The share of malignant ones among those who are examined. It changes what an answer is worth (PPV and NPV) from clinic "
        "to clinic, while sensitivity and specificity are of each class alone.",
    ),
    "ppv": Word(
        "PPV (positive predictive value)",
        "Of those called malignant, the share that is malignant. The rarer the disease, the lower it is, for the same model.",
        "se P / (se P + (1 - sp) (1 - P)), with sensitivity se, specificity sp and prevalence P",
        "Bayes' rule",
    ),
    "npv": Word(
        "NPV (negative predictive value)",
        "Of those called benign, the share that is benign. The commoner the disease, the lower it is, for the same model.",
        "sp (1 - P) / (sp (1 - P) + (1 - se) P), with sensitivity se, specificity sp and prevalence P",
        "Bayes' rule",
    ),
    "precision": Word(
        "precision",
        "Of the rows called malignant, the share that is malignant: the PPV at the test part's own prevalence.",
        "TP / (TP + FP)",
    ),
    "negative_predictive_value": Word(
        "negative predictive value",
        "Of the rows called benign, the share that is benign: the NPV at the test part's own prevalence.",
        "TN / (TN + FN)",
    ),
    "accuracy": Word(
        "accuracy",
        "The share of rows that are called what they are. Where a class is rare it says little: who always calls benign is right "
        "nearly always.",
        "(TP + TN) / (TP + FP + FN + TN)",
    ),
    "balanced_accuracy": Word(
        "balanced accuracy",
        "The mean over the classes of the share of each class's rows that are found: one half is guessing, of two classes.",
        "(sensitivity + specificity) / 2, of two classes",
    ),
    "f1": Word("F1", "The harmonic mean of precision and sensitivity: high only where both are.", "2 TP / (2 TP + FP + FN)"),
    "matthews_correlation": Word(
        "Matthews correlation",
        "How well the class called goes with the true one: 1 is always right, 0 no better than chance, -1 always wrong.",
        "(TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)), of two classes",
        "Matthews 1975, BBA 405(2), 442-451",
    ),
    "roc_curve": Word(
        "ROC curve",
        "Sensitivity against 1 - specificity, a point for every threshold. The nearer to the upper left, the better; the "
        "diagonal is guessing.",
    ),
    "roc_auc": Word(
        "AUC",
        "The area under the ROC curve: the chance that a malignant row scores above a benign one, a tie counting one half. 1 is "
        "a perfect order, 0.5 guessing. It asks for no threshold, and says nothing of calibration.",
        source="Hanley & McNeil 1982, Radiology 143(1), 29-36",
    ),
    "average_precision": Word(
        "average precision",
        "The mean precision over the malignant rows, each at the threshold that finds it. Guessing gives the share of malignant "
        "rows, not one half.",
        "sum over thresholds t of (R_t - R_before) P_t, with sensitivity R and precision P",
    ),
    "brier": Word(
        "Brier score",
        "How far the probabilities are from what came out. 0 is perfect; of two classes one half for every row gives 0.25.",
        "mean of (p - y)^2, y being 1 for malignant and 0 for benign; of more classes summed over them",
        "Brier 1950, Monthly Weather Review 78(1), 1-3",
    ),
    "log_loss": Word(
        "log loss",
        "How surprised the model is by the true classes; smaller is better, and a mistake made surely costs most.",
        "mean of -ln(probability of the true class)",
    ),
    "expected_calibration_error": Word(
        "expected calibration error",
        "Also ECE: how far probabilities are from the share that came out malignant, over ten equal bins of the probability. 0 "
        "is right; few rows make it too large.",
        "mean over the rows of |share malignant - mean probability| of their bin",
        "Naeini et al. 2015, AAAI",
    ),
    "calibration_slope": Word(
        "calibration slope",
        "1 is right. Below 1 the probabilities are too extreme, as an overfitted model's are; above 1 too timid.",
        "b of ln odds(malignant) = a + b ln(p / (1 - p))",
        "Cox 1958, Biometrika 45, 562-565",
    ),
    "calibration_intercept": Word(
        "calibration intercept",
        "0 is right. Above 0 the probabilities are too low on the whole, below 0 too high.",
        "a of ln odds(malignant) = a + ln(p / (1 - p))",
        "Cox 1958, Biometrika 45, 562-565",
    ),
    "macro_f1": Word("macro F1", "The mean over the classes of the F1 of that class against the rest; each counts alike."),
    "macro_auc": Word("macro AUC", "The mean over the classes of the AUC of that class against the rest; each counts alike."),
    "interval": Word(
        "95 % interval",
        "What a score could as well be, had chance drawn other rows: of a hundred intervals made so, about 95 hold the true "
        "value. Of other hospitals, and of mistakes in the data, it says nothing.",
    ),
}
DATA = {
    "training_part": Word("training part", "The rows that the network learns from."),
    "validation_part": Word(
        "validation part",
        "The rows that choose: the epoch that is kept, the calibration, the threshold and the prediction sets.",
    ),
    "test_part": Word(
        "test part",
        "The rows that nothing was chosen on, looked at once, at the end. So their scores are not too good by what was chosen.",
    ),
    "correlation": Word(
        "correlation (Pearson's r)",
        "How well two columns lie on one line: 1 rising, -1 falling, 0 on none.",
        "r = sum of (x - mean x) (y - mean y) / sqrt(sum of (x - mean x)^2 * sum of (y - mean y)^2)",
    ),
}
EXPLANATIONS = {
    "evidence_map": Word(
        "evidence map",
        "Where in a picture something speaks for a class, as a method sees it. It tells what the network looked at, not what is "
        "ill; the grade says whether such maps deserve trust.",
    ),
    "gradcam": Word(
        "Grad-CAM",
        "The channels of a layer, each weighed by how much more of it would raise the class's logit. Its map is as coarse as "
        "that layer.",
        "ReLU(sum of w_k A_k), w_k the mean over all places of the gradient of the logit by A_k",
        "Selvaraju et al. 2017 (arXiv:1610.02391)",
    ),
    "gradcam++": Word(
        "Grad-CAM++",
        "As Grad-CAM, but places weigh more where the gradient is positive, so that several finds in one picture all show.",
        "w_k = sum over places of alpha ReLU(G_k), alpha = G^2 / (2 G^2 + (sum of A_k over places) G^3)",
        "Chattopadhay et al. 2018 (arXiv:1710.11063)",
    ),
    "hirescam": Word(
        "HiRes-CAM",
        "Gradient times output, place by place: what each place gave to the logit, if the layers behind are linear.",
        "ReLU(sum of G_k A_k)",
        "Draelos & Carin 2020 (arXiv:2011.08891)",
    ),
    "layercam": Word(
        "Layer-CAM",
        "As HiRes-CAM, with positive gradients alone.",
        "ReLU(sum of ReLU(G_k) A_k)",
        "Jiang et al. 2021 (IEEE TIP 30, 5875-5888)",
    ),
    "eigencam": Word(
        "Eigen-CAM",
        "What is strongest in a layer, whatever the class: it shows where there is much, not what speaks for an answer.",
        "A v, v the first right singular vector of the layer's output A (places x channels)",
        "Muhammad & Yeasin 2020 (arXiv:2008.00299)",
    ),
    "scorecam": Word(
        "Score-CAM",
        "The channels of a layer, each weighed by the logit of the picture seen through that channel alone. It uses no gradient.",
        "ReLU(sum of w_k A_k), w = softmax over the channels of (logit seen through k - logit of the empty picture)",
        "Wang et al. 2020 (arXiv:1910.01279)",
    ),
    "saliency": Word(
        "saliency",
        "Where a small change of the picture would change the logit most, up or down.",
        "|dS / dx|, the largest over the channels",
        "Simonyan et al. 2014 (arXiv:1312.6034)",
    ),
    "smoothgrad": Word(
        "SmoothGrad",
        "Saliency from the mean gradient of noisy copies of the picture, so that single pixels matter less.",
        "|mean of dS / dx over noisy copies|, the largest over the channels",
        "Smilkov et al. 2017 (arXiv:1706.03825)",
    ),
    "integrated": Word(
        "integrated gradients",
        "The share of each measurement, or place, in the difference between the row's logit and that of the average row.",
        "(x - x') times the mean of dS / dx on the straight way from x' to x; x' is the training part's mean",
        "Sundararajan et al. 2017 (arXiv:1703.01365)",
    ),
    "occlusion": Word(
        "occlusion",
        "How much of the logit goes when a place, or a measurement, is covered by the training part's mean.",
        source="Zeiler & Fergus 2014 (arXiv:1311.2901)",
    ),
    "completeness_error": Word(
        "completeness error",
        "Integrated gradients promise to add up to the logit's difference from the average row. This is how far they miss it, as "
        "a share of it: small is good.",
    ),
    "grade": Word(
        "grade of explanations",
        "What checks on many rows found of a model's explanations: how many were passed, and which failed. It is of one method, "
        "and of the model, not of this row.",
    ),
    "weights": Word(
        "check: weights",
        "Does the map change when the network's weights are drawn at random? One that does not shows the picture, not what was "
        "learned.",
        source="Adebayo et al. 2018, 3.1 (arXiv:1810.03292)",
    ),
    "deletion": Word(
        "check: deletion",
        "The highest places of the map are taken away first: the probability of the class called has to fall sooner than in a "
        "random order.",
        source="Petsiuk et al. 2018 (arXiv:1806.07421)",
    ),
    "insertion": Word(
        "check: insertion",
        "The highest places of the map come first into an empty picture: the probability of the class called has to rise sooner "
        "than in a random order.",
        source="Petsiuk et al. 2018 (arXiv:1806.07421)",
    ),
    "stability": Word(
        "check: stability",
        "Does the map stay when noise is added that nobody sees?",
        source="Alvarez-Melis & Jaakkola 2018 (arXiv:1806.08049)",
    ),
    "pointing_game": Word(
        "check: pointing game",
        "Does the map's strongest place lie in the lesion, or close to it, more often than the picture's centre and than a "
        "random point?",
        source="Zhang et al. 2018 (IJCV 126, 1084-1102)",
    ),
    "mass_inside": Word(
        "check: mass inside", "Does more of the map lie inside the lesion than the lesion's area alone would give?"
    ),
    "frame": Word(
        "check: frame", "Does the picture's frame alone tell the class? Then the network may have learned a marker or a border."
    ),
    "seeds": Word("check: seeds", "Do networks that were trained from other random beginnings point at the same places?"),
    "labels": Word(
        "check: labels",
        "Does the map differ from that of a network trained on labels at random?",
        source="Adebayo et al. 2018, 3.2 (arXiv:1810.03292)",
    ),
    "planted_marker": Word(
        "check: planted marker",
        "A bright square is put into a corner of every picture of one class, and a network learns it: does its map light up "
        "there, and does the check of the frame catch it?",
    ),
}
SECTIONS = {"Answers": ANSWERS, "Scores": SCORES, "Data": DATA, "Explanations": EXPLANATIONS}
WORDS = {name: word for words in SECTIONS.values() for name, word in words.items()}


def link(name: str, text: str | None = None) -> Markup:
    """A word in a page: `text`, by default its title, as a link to what it means. KeyError for a word that is not known."""
    title = WORDS[name].title
    return Markup('<a class="word" href="/words#{}">{}</a>').format(name, text or title)
