#!/usr/bin/python3
"""Writes tests/golden/evaluator/distances.json: tables, and their figures made from distances between rows.

    /usr/bin/python3 tests/golden/evaluator_distances.py

The formulas of the papers over whole matrices of distances in NumPy; docs/metrics.md defines the figures and
the space of ranks. Nothing here shares code with the library.
"""
import json
import os

import numpy as np

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evaluator", "distances.json")
K, CURVE = 5, 100


def table(rng, rows, shift, decimals, unseen=()):
    """name -> (type, list with None for missing). With few decimals rows tie and repeat."""
    duration = np.round(rng.exponential(2 + shift, rows), decimals)
    size = np.round(np.abs(rng.normal(1 + shift, 1, rows)) + 0.3 * duration, decimals)
    packets = rng.poisson(3 + 5 * shift + duration)
    out = {"duration": ("real", duration.tolist()), "size": ("real", size.tolist()),
           "packets": ("integer", packets.tolist()),
           "protocol": ("categorical", rng.choice(["6", "17", "1"], rows, p=[0.7, 0.25, 0.05]).tolist()),
           "state": ("categorical", rng.choice(["CON", "FIN", *unseen], rows).tolist())}
    for name, share in (("packets", 0.1), ("state", 0.15)):
        out[name] = (out[name][0], [None if rng.random() < share else x for x in out[name][1]])
    return out


def rows_of(t):
    return len(next(iter(t.values()))[1])


def take_from(to, source, at, rows):
    """Rows `rows` of source in place of those of `to` from `at` on."""
    for name in to:
        to[name][1][at:at + len(rows)] = [source[name][1][i] for i in rows]


def numbers(column):
    return np.array([-np.inf if x is None else float(x) for x in column[1]])


class Space:
    """Coordinates by the ranks of the real table, whole numbers 0 .. unit; categories as codes."""

    def __init__(self, real):
        self.real, self.unit = real, 2 * rows_of(real)

    def place(self, t):
        x, codes = [], []
        for name, column in self.real.items():
            if column[0] == "categorical":
                seen = sorted({v for v in column[1] if v is not None})
                codes.append([seen.index(v) if v in seen else len(seen) + (v is None) for v in t[name][1]])
            else:
                ranked = np.sort(numbers(column))
                v = numbers(t[name])
                x.append(np.searchsorted(ranked, v, "left") + np.searchsorted(ranked, v, "right"))
        return np.array(x, dtype=np.int64).T, np.array(codes, dtype=np.int64).T

    def squares(self, a, b):
        """All squared distances, exact whole numbers."""
        (x, p), (y, q) = a, b
        numeric = ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)
        return numeric + self.unit ** 2 * (p[:, None, :] != q[None, :, :]).sum(-1)

    def from_centre(self, points, of):
        """Distances of points from the centre of `of`, where a category is a vector 1/sqrt(2) long."""
        (x, p), (y, q) = points, of
        sum_ = (((x / self.unit) - (y / self.unit).mean(0)) ** 2).sum(1)
        for c in range(p.shape[1]):
            one_hot = np.eye(max(p[:, c].max(), q[:, c].max()) + 1) / np.sqrt(2)
            sum_ += ((one_hot[p[:, c]] - one_hot[q[:, c]].mean(0)) ** 2).sum(1)
        return np.sqrt(sum_)


def own(squares, k):
    """Squared distance to the k-th neighbour of the own sample."""
    squares = squares.astype(float)
    np.fill_diagonal(squares, np.inf)
    return np.sort(squares, axis=1)[:, k - 1]


def radius(values, k):
    """Smallest radius that holds k / CURVE of the rows."""
    return np.sort(values)[-(-len(values) * k // CURVE) - 1]


def integrated(curve):
    return 1 - 2 * np.mean([abs(v - (k + 1) / CURVE) for k, v in enumerate(curve)])


def fidelity(space, real, other):
    """Alaa et al. 2022; Kynkaanniemi et al. 2019; Naeem et al. 2020."""
    rr, oo, ro = space.squares(real, real), space.squares(other, other), space.squares(real, other)
    to_real, other_to_real = space.from_centre(real, real), space.from_centre(other, real)
    alpha = [np.mean(other_to_real <= radius(to_real, k) * (1 + 1e-12)) for k in range(1, CURVE + 1)]
    to_other, nearest = space.from_centre(other, other), own(rr, 1)
    beta = []
    for k in range(1, CURVE + 1):
        support = to_other <= radius(to_other, k) * (1 + 1e-12)
        beta.append(np.mean(ro[:, support].min(1) <= nearest))
    real_balls, other_balls = own(rr, K), own(oo, K)
    inside = ro <= real_balls[:, None]
    summary = {"alpha_precision": integrated(alpha), "beta_recall": integrated(beta), "precision": inside.any(0).mean(),
               "recall": (ro <= other_balls[None, :]).any(1).mean(), "density": inside.sum() / (K * ro.shape[1]),
               "coverage": (ro.min(1) <= real_balls).mean()}
    return summary, {"alpha_precision": alpha, "beta_recall": beta}


def privacy(space, training, other, reference):
    ot, tt = space.squares(other, training), own(space.squares(training, training), 1)
    near = np.sort(ot, axis=1)
    closest = np.sqrt(near[:, 0]) / space.unit
    with np.errstate(invalid="ignore"):
        ratio = np.where(near[:, 1] > 0, np.sqrt(near[:, 0] / near[:, 1]), 1.0)
    out = {"authenticity": np.mean(ot.min(1) > tt[ot.argmin(1)]), "dcr_mean": closest.mean(),
           "dcr_p5": np.quantile(closest, 0.05), "nndr_mean": ratio.mean(), "nndr_p5": np.quantile(ratio, 0.05)}
    if reference:
        to = ot.T
        out["authenticity_reference"] = np.mean(tt[to.argmin(1)] < to.min(1))
    return out


def holdout(space, training, other, held):
    a, b = space.squares(other, training).min(1), space.squares(other, held).min(1)
    members, rest = space.squares(training, other).min(1), space.squares(held, other).min(1)
    gaps = [np.mean(members <= t) - np.mean(rest <= t) for t in np.union1d(members, rest)]
    out = {"mia_advantage": max(0.0, *gaps)}
    if len(training[0]) == len(held[0]):
        out["dcr_train_share"] = np.mean(a < b) + np.mean(a == b) / 2
    return out


def copies(training, other):
    rows = set(zip(*(c[1] for c in training.values())))
    return np.mean([row in rows for row in zip(*(other[name][1] for name in training))])


def case(real, generated, second, training=None, reference=False):
    space = Space(real)
    place = {"real": space.place(real), "generated": space.place(generated), "second": space.place(second)}
    learned, held = "real", "second"
    tables = {"real": real, "generated": generated, "second": second}
    if training:
        place["training"], learned, held = space.place(training), "training", "real"
        tables["training"] = training
    out = {"tables": tables, "reference": reference, "curves": {}}
    for group, rows, of_privacy in (("summary", "generated", "generated"), ("floor", "second", held)):
        summary, curves = fidelity(space, place["real"], place[rows])
        summary.update(privacy(space, place[learned], place[of_privacy],
                               reference and rows_of(tables[learned]) == rows_of(tables[of_privacy])))
        summary["copies"] = copies(tables[learned], tables[of_privacy])
        if group == "summary":
            summary.update(holdout(space, place[learned], place[of_privacy], place[held]))
        out[group] = summary
        out["curves"].update({("floor_" if group == "floor" else "") + k: v for k, v in curves.items()})
    return out


def main():
    rng = np.random.default_rng(20240611)
    coarse = [table(rng, 300, 0, 1), table(rng, 220, 0.4, 1, ["RST"]), table(rng, 260, 0, 1)]
    take_from(coarse[1], coarse[0], 10, [3, 4, 5, 5, 90])
    take_from(coarse[0], coarse[0], 20, [7, 7, 7, 7, 7, 7, 7, 7, 8, 8])
    fine = [table(rng, 200, 0, 9) for _ in range(2)] + [table(rng, 200, 0.1, 9)]
    take_from(fine[2], fine[0], 0, list(range(40)))
    learned = [table(rng, 400, 0, 2) for _ in range(2)] + [table(rng, 350, 0, 2), table(rng, 400, 0, 2)]
    take_from(learned[2], learned[3], 100, list(range(60)))
    content = {"coarse": case(*coarse), "fine": case(fine[0], fine[2], fine[1], reference=True),
               "training": case(learned[0], learned[2], learned[1], learned[3])}
    with open(OUT, "w", encoding="utf-8") as f:
        json.dump(content, f, separators=(",", ":"), default=lambda x: x.item())
        f.write("\n")


if __name__ == "__main__":
    main()
