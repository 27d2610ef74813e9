#!/usr/bin/python3
"""Writes tests/golden/evaluator/bootstrap_rows.json: tables, and intervals of figures made from distances.

    /usr/bin/python3 tests/golden/evaluator_bootstrap_rows.py

Distances are whole matrices as in evaluator_distances.py; of every row is kept what docs/metrics.md says, rows are drawn
as it says, each as often as it was drawn, and the statistic of them is NumPy's. Nothing here shares code with the library.
"""
import json
import os

import numpy as np

import evaluator_bootstrap as bootstrap
import evaluator_distances as distances
from evaluator_distances import CURVE, K, integrated, own, radius

RESAMPLINGS, GENERATED, REAL, APART = 30, 40, 42, 43


def tied(*values):
    """Whether two values that differ by rounding alone could be taken for equal ones, or the other way round."""
    gaps = np.diff(np.unique(np.concatenate(values)))
    return (gaps < 1e-9).any()


def rows_of_fidelity(space, real, other):
    """name -> (population, results of its rows, statistic)."""
    rr, oo, ro = space.squares(real, real), space.squares(other, other), space.squares(real, other)
    steps = range(1, CURVE + 1)
    to_real, other_to_real = space.from_centre(real, real), space.from_centre(other, real)
    alpha = np.array([other_to_real <= radius(to_real, k) * (1 + 1e-12) for k in steps]).T
    to_other, nearest = space.from_centre(other, other), own(rr, 1)
    assert not tied(to_real, other_to_real) and not tied(to_other), "another seed"
    beta = np.array([ro[:, to_other <= radius(to_other, k) * (1 + 1e-12)].min(1) <= nearest for k in steps]).T
    inside = ro <= own(rr, K)[:, None]
    curve = lambda rows: integrated(rows.mean(0))
    return {"alpha_precision": (GENERATED, alpha, curve), "beta_recall": (REAL, beta, curve),
            "precision": (GENERATED, inside.any(0), np.mean), "density": (GENERATED, inside.sum(0) / K, np.mean),
            "recall": (REAL, (ro <= own(oo, K)[None, :]).any(1), np.mean),
            "coverage": (REAL, ro.min(1) <= own(rr, K), np.mean)}


def rows_of_privacy(space, training, other, held, of_training):
    ot, tt = space.squares(other, training), own(space.squares(training, training), 1)
    near = np.sort(ot, axis=1)
    closest = np.sqrt(near[:, 0]) / space.unit
    with np.errstate(invalid="ignore"):
        ratio = np.where(near[:, 1] > 0, np.sqrt(near[:, 0] / near[:, 1]), 1.0)
    a, b = ot.min(1), space.squares(other, held).min(1)
    low = lambda x: np.quantile(x, 0.05)
    out = {"authenticity": (GENERATED, ot.min(1) > tt[ot.argmin(1)], np.mean),
           "dcr_mean": (GENERATED, closest, np.mean), "dcr_p5": (GENERATED, closest, low),
           "nndr_mean": (GENERATED, ratio, np.mean), "nndr_p5": (GENERATED, ratio, low),
           "dcr_train_share": (GENERATED, (a < b) + (a == b) / 2, np.mean)}
    if ot.shape[0] == ot.shape[1]:
        out["authenticity_reference"] = (of_training, tt[ot.T.argmin(1)] < ot.min(0), np.mean)
    return out


def lead(members, rest):
    return max(0.0, *[np.mean(members <= t) - np.mean(rest <= t) for t in np.union1d(members, rest)])


def case(real, generated, second, training=None):
    space = distances.Space(real)
    place = {name: space.place(t) for name, t in
             (("real", real), ("generated", generated), ("second", second), ("training", training)) if t}
    of_training, of_held = (APART, REAL) if training else (REAL, APART)
    learned, held = (place["training"], place["real"]) if training else (place["real"], place["second"])
    other = place["generated"]
    rows = {**rows_of_fidelity(space, place["real"], other),
            **rows_of_privacy(space, learned, other, held, of_training)}
    known = set(zip(*(c[1] for c in (training or real).values())))
    rows["copies"] = (GENERATED, np.array([row in known for row in zip(*(generated[c][1] for c in real))]), np.mean)
    members, rest = space.squares(learned, other).min(1), space.squares(held, other).min(1)
    samples = []
    for step in range(RESAMPLINGS):
        drawn = lambda population, x: np.repeat(x, bootstrap.draw(len(x), population, step), axis=0)
        one = {name: statistic(drawn(population, x)) for name, (population, x, statistic) in rows.items()}
        one["mia_advantage"] = lead(drawn(of_training, members), drawn(of_held, rest))
        samples.append(one)
    tables = {"real": real, "generated": generated, "second": second}
    if training:
        tables["training"] = training
    out = {"tables": tables, "low": {}, "high": {}}
    for name in samples[0]:
        out["low"][name], out["high"][name] = np.percentile([s[name] for s in samples], [2.5, 97.5])
    return out


def main():
    rng = np.random.default_rng(20241004)
    table, take_from = distances.table, distances.take_from
    coarse = [table(rng, 90, 0, 1), table(rng, 90, 0.4, 1, ["RST"]), table(rng, 90, 0, 1)]
    take_from(coarse[1], coarse[0], 10, [3, 4, 5, 5, 60])
    take_from(coarse[0], coarse[0], 20, [7, 7, 7, 7, 7, 7, 7, 7, 8, 8])
    apart = [table(rng, 80, 0, 2), table(rng, 80, 0.1, 2), table(rng, 70, 0, 2), table(rng, 80, 0, 2)]
    take_from(apart[1], apart[3], 30, list(range(20)))
    content = {"seed": bootstrap.SEED, "resamplings": RESAMPLINGS, "cases": [case(*coarse), case(*apart)]}
    path = os.path.join(os.path.dirname(distances.OUT), "bootstrap_rows.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(content, f, separators=(",", ":"), default=lambda x: x.item())
        f.write("\n")


if __name__ == "__main__":
    main()
