#!/usr/bin/python3
"""Writes tests/golden/calibration.json: histograms of the non-randomised probability integral transform (Czado,
Gneiting and Held 2009, eq. 2 and 3), and expected calibration errors (Guo et al. 2017, eq. 3), by NumPy and SciPy.

    /usr/bin/python3 tests/golden/calibration.py

Nothing here shares code with the library.
"""
import json
import os

import numpy as np
from scipy import stats

HERE = os.path.dirname(os.path.abspath(__file__))
HALF_NORMAL = stats.halfnorm.mean()


def conditional(u, low, high):
    """F(u | x) where P_{x-1} = low and P_x = high."""
    return 0.0 if u <= low else 1.0 if u >= high else (u - low) / (high - low)


def error(x):
    return np.std(x, axis=0, ddof=1) / np.sqrt(len(x))


def histogram(low, high, bins):
    edges = np.linspace(0, 1, bins + 1)
    f = np.diff([[conditional(u, a, b) for u in edges] for a, b in zip(low, high)])
    share, errors, middle = f.mean(axis=0), error(f), (low + high) / 2
    return {"bins": bins, "below": low.tolist(), "mass": (high - low).tolist(), "share": share.tolist(),
            "standard_error": errors.tolist(), "l1": np.abs(share - 1 / bins).sum(),
            "l1_floor": HALF_NORMAL * errors.sum(), "bias": middle.mean() - 0.5, "bias_error": error(middle)}


def counts(rng, rows, mean, forecast, bins):
    x = rng.poisson(mean, rows)
    means = forecast * rng.uniform(0.5, 2, rows)
    return histogram(stats.poisson.cdf(x - 1, means), stats.poisson.cdf(x, means), bins)


def places(rng, rows, width, spread):
    """Tokens in softmaxes of logits; with some that are equal."""
    logits = np.round(rng.normal(0, spread, (rows, width)), 1).astype(np.float32)
    token = rng.integers(0, width, rows)
    out = []
    for z, t in zip(logits, token):
        p = np.exp(z.astype(float) - np.logaddexp.reduce(z.astype(float)))
        place = {"logits": z.tolist(), "token": int(t), "highest": p.max(), "is_highest": bool(np.argmax(p) == t)}
        for name, order in (("value", np.arange(width)), ("probability", np.argsort(-z, kind="stable"))):
            rank = int(np.flatnonzero(order == t)[0])
            place[name] = [p[order[:rank]].sum(), p[t]]
        out.append(place)
    return out


def confidence(rng, rows, bins):
    p = np.concatenate([rng.beta(4, 2, rows), [0.0, 1.0, 0.5]])
    came = rng.uniform(size=len(p)) < p ** 2
    label = np.minimum((p * bins).astype(int), bins - 1)
    ece = floor = 0.0
    for b in range(bins):
        mine = label == b
        if mine.any():
            ece += mine.mean() * abs(came[mine].mean() - p[mine].mean())
            floor += HALF_NORMAL * np.sqrt((p[mine] * (1 - p[mine])).sum()) / len(p)
    return {"bins": bins, "probability": p.tolist(), "came": came.tolist(), "ece": ece, "ece_floor": floor}


def main():
    rng = np.random.default_rng(6)
    content = {
        "histograms": [counts(rng, 200, 3, 2.4, 10), counts(rng, 60, 0.4, 0.5, 20), counts(rng, 37, 40, 90, 7),
                       histogram(np.array([0.0, 0.25, 0.5]), np.array([1.0, 0.25 + 1e-9, 1.0]), 2)],
        "places": places(rng, 6, 5, 1.0) + places(rng, 6, 40, 3.0) + places(rng, 2, 1, 1.0),
        "confidences": [confidence(rng, 300, 10), confidence(rng, 90, 16)],
    }
    with open(os.path.join(HERE, "calibration.json"), "w") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


main()
