#!/usr/bin/python3
"""Writes tests/golden/evaluator/classifier.json: tables, folds, and what scikit-learn's and XGBoost's models make of them.

    /usr/bin/python3 tests/golden/classifier.py

Figures are defined in docs/metrics.md. Nothing here shares code with the library. XGBoost's figures are those of
Python's module (Debian: python3-xgboost), whose version stands beside them.
"""
import json
import os

import numpy as np
import xgboost
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evaluator", "classifier.json")
FOLDS = 5
PAIR = {"objective": "binary:logistic", "eta": 0.1, "max_leaves": 31, "min_child_weight": 5, "lambda": 1}
CLASSES = {"objective": "multi:softprob", "eta": 0.05, "max_leaves": 15, "min_child_weight": 1, "lambda": 5}
NUMBER = {"objective": "reg:squarederror", "eta": 0.1, "max_leaves": 31, "min_child_weight": 20, "lambda": 1}
SHARED = {"nthread": 1, "verbosity": 0, "tree_method": "hist", "max_bin": 256, "max_depth": 0,
          "grow_policy": "lossguide", "base_score": 0.5, "seed": 0}


def flows(rng, rows, shift):
    """name -> (type, list with None for missing). Some rows are there several times."""
    duration = np.round(rng.exponential(10 + shift, rows), 2)
    packets = rng.poisson(np.maximum(1, 5 * duration))
    size = np.round(rng.normal(800 + 40 * shift, 300, rows), 1)
    state = np.where(duration + rng.normal(0, 4, rows) > 9, "FIN", rng.choice(["CON", "INT", "REQ"], rows, p=[0.6, 0.3, 0.1]))
    port = rng.choice([f"{p}" for p in range(1, 40)], rows, p=np.arange(39, 0, -1) / np.arange(1, 40).sum())
    table = {
        "duration": ("real", duration.tolist()),
        "packets": ("integer", packets.tolist()),
        "size": ("real", [None if rng.random() < 0.1 else x for x in size.tolist()]),
        "constant": ("integer", [7] * rows),
        "port": ("categorical", port.tolist()),
        "state": ("categorical", [None if rng.random() < 0.05 else x for x in state.tolist()]),
    }
    for i in range(0, rows, 9):
        for kind, cells in table.values():
            cells[i] = cells[(i * 7 + 3) % rows]
    return table


def pool(real, other):
    """The rows of both, real ones first: name -> (type, list)."""
    return {c: (real[c][0], real[c][1] + other[c][1]) for c in real}


def numbers(cells):
    return np.array([np.nan if x is None else float(x) for x in cells])


def ranks(table, name):
    """Numbers: mean rank as a share of the numbers there are. Categories: place by frequency."""
    kind, cells = table[name]
    if kind != "categorical":
        x = numbers(cells)
        there = ~np.isnan(x)
        out = np.full(len(x), np.nan)
        out[there] = (rankdata(x[there]) - 0.5) / there.sum()
        return out
    # As in sorted(), but categories that the real table does not have come last, as one.
    known = sorted({x for x in cells[:len(cells) // 2] if x is not None})
    code = [None if x is None else known.index(x) if x in known else len(known) for x in cells]
    order = sorted(range(len(known) + 1), key=lambda k: (-code.count(k), k))
    return np.array([np.nan if k is None else float(order.index(k)) for k in code])


def design(table, skip=None):
    out = []
    for name, (kind, cells) in table.items():
        if name == skip:
            continue
        r = ranks(table, name)
        if kind == "categorical":
            place = np.where(np.isnan(r), 21, np.minimum(r, 20))
            out += [(place == k).astype(float) for k in range(22)]
            continue
        x = numbers(cells)
        missing = np.isnan(x)
        deviation = np.nanstd(x)
        z = np.clip((x - np.nanmean(x)) / deviation, -5, 5) if deviation > 0 else np.zeros(len(x))
        z = np.where(missing, 0, z)
        place = np.where(missing, 10, np.minimum(np.floor(10 * r), 9))
        out += [z, z * z, np.where(missing, 0, np.sqrt(3) * (2 * r - 1))]
        out += [(place == k).astype(float) for k in range(11)]
    return np.column_stack(out)


def matrix(table, skip=None):
    return np.column_stack([ranks(table, c) for c in table if c != skip]).astype(np.float32)


def logistic():
    # Its lbfgs stops where the objective changes by less than 2e-9 of itself, whatever tol.
    return LogisticRegression(C=1.0, tol=1e-10, max_iter=1000, solver="newton-cg")


def boosted(x, y, x_test, settings, rounds, **more):
    model = xgboost.train({**SHARED, **settings, **more}, xgboost.DMatrix(x, label=y, nthread=1), rounds)
    return model.predict(xgboost.DMatrix(x_test, nthread=1), output_margin=True).astype(float)


def within_folds(scores, y, fold):
    """Pairs of one fold in order / pairs of one fold."""
    ordered = pairs = 0
    for f in range(FOLDS):
        a = fold == f
        n = y[a].sum() * (~y[a]).sum()
        pairs += n
        ordered += n * roc_auc_score(y[a], scores[a]) if n else 0
    return ordered / pairs


def two_samples(table, y, fold):
    linear, trees = np.empty(len(y)), np.empty(len(y))
    x, t = design(table), matrix(table)
    for f in range(FOLDS):
        a = fold != f
        linear[~a] = logistic().fit(x[a], y[a]).decision_function(x[~a])
        trees[~a] = boosted(t[a], y[a], t[~a], PAIR, 100)
    return {"scores": linear, "c2st_auc_logistic": within_folds(np.round(linear, 9), y, fold),
            "c2st_auc_xgboost": within_folds(trees, y, fold)}


def classes(table, y, name):
    kind, cells = table[name]
    real = [c for c, other in zip(cells, y) if not other]
    kept = sorted(set(real), key=lambda c: (-real.count(c), c is None, c or ""))[:31]
    target = np.array([kept.index(c) if c in kept else len(kept) for c in cells])
    f1 = lambda found: f1_score(target[~y], found, average="macro", labels=sorted(set(target[~y])), zero_division=0)
    x, t = design(table, name), matrix(table, name)
    linear = OneVsRestClassifier(logistic()).fit(x[y], target[y]).predict(x[~y])
    trees = boosted(t[y], target[y], t[~y], CLASSES, 60, num_class=target.max() + 1)
    return {"linear": f1(linear), "xgboost": f1(trees.argmax(1))}


def rank_target(table, y, name):
    v = numbers(table[name][1])
    there = ~np.isnan(v)
    real = np.sort(v[there & ~y])
    target = (np.searchsorted(real, v, "left") + np.searchsorted(real, v, "right")) / (2 * len(real))
    x, t = design(table, name), matrix(table, name)
    fit, test = there & y, there & ~y
    linear = Ridge(alpha=1.0, solver="cholesky").fit(x[fit], target[fit]).predict(x[test])
    trees = boosted(t[fit], target[fit], t[test], NUMBER, 100)
    return {"linear": r2_score(target[test], linear), "xgboost": r2_score(target[test], trees)}


def main():
    rng = np.random.default_rng(20240901)
    rows = 300
    real, generated = flows(rng, rows, 0), flows(rng, rows, 5)
    generated["port"][1][11] = "none of these"
    table, y, fold = pool(real, generated), np.arange(2 * rows) >= rows, rng.integers(0, FOLDS, 2 * rows)
    content = {"real": real, "generated": generated, "fold": fold.tolist(), "xgboost": xgboost.__version__}
    content.update(two_samples(table, y, fold))
    content["scores"] = content["scores"].tolist()
    content["targets"] = {"state": classes(table, y, "state"), "port": classes(table, y, "port"),
                          "size": rank_target(table, y, "size"), "packets": rank_target(table, y, "packets")}
    with open(OUT, "w") as f:
        json.dump(content, f, separators=(",", ":"))
        f.write("\n")


main()
