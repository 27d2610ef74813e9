#!/usr/bin/python3
"""Writes tests/golden/evaluator/*.json: tables, and their figures by SciPy, NumPy and scikit-learn.

    /usr/bin/python3 tests/golden/evaluator.py

Figures are defined in docs/metrics.md. Nothing here shares code with the library.
"""
import json
import os
import warnings
from fractions import Fraction

import numpy as np
from scipy import stats
from sklearn.neighbors import NearestNeighbors

warnings.filterwarnings("ignore")
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evaluator")


def flows(rng, rows, shift, unseen):
    """A table of flows: name -> (type, list with None for missing)."""
    duration = np.round(rng.exponential(10 + shift, rows), 4)
    packets = rng.poisson(np.maximum(1, 5 * duration))
    size = np.clip(rng.normal(800 + 20 * shift, 300, rows), 64, 1500)
    table = {
        "duration": ("real", duration.tolist()),
        "packets": ("integer", packets.tolist()),
        "bytes": ("integer", np.maximum(packets * size, 64 * packets).astype(int).tolist()),
        "size.mean, \"quoted\"": ("real", np.round(size, 1).tolist()),
        "time": ("real", np.round(1.6e9 + 40 * rng.random(rows), 3).tolist()),
        "flags": ("integer", rng.integers(0, 4, rows).tolist()),
        "protocol": ("categorical", rng.choice(["6", "17", "1"], rows, p=[0.7, 0.25, 0.05]).tolist()),
        "state": ("categorical", rng.choice(["CON", "FIN", "INT"] + unseen, rows).tolist()),
    }
    return table


def drop(rng, table, name, share):
    kind, cells = table[name]
    table[name] = (kind, [None if rng.random() < share else x for x in cells])


def numbers(column):
    return np.array([np.nan if x is None else float(x) for x in column[1]])


def numeric(real):
    return [c for c in real if real[c][0] != "categorical"]


def correlations(table, names, ranks):
    out = np.eye(len(names))
    columns = [numbers(table[c]) for c in names]
    for i, a in enumerate(columns):
        for j, b in enumerate(columns):
            both = ~np.isnan(a) & ~np.isnan(b)
            x, y = a[both], b[both]
            if i == j:
                continue
            if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
                out[i, j] = 0
            else:
                out[i, j] = stats.spearmanr(x, y).statistic if ranks else np.corrcoef(x, y)[0, 1]
    return out


def space(real, table):
    """Numeric columns scaled by the real table, missing -1; categories one-hot / sqrt(2)."""
    out = []
    for c in real:
        if real[c][0] != "categorical":
            r, x = numbers(real[c]), numbers(table[c])
            low, high = np.nanmin(r), np.nanmax(r)
            y = (x - low) / (high - low) if high > low else (x != low).astype(float)
            out.append(np.where(np.isnan(x), -1.0, y))
        else:
            seen = sorted({x for x in real[c][1] if x is not None})
            for k in seen + [None]:
                out.append(np.array([x == k for x in table[c][1]]) / np.sqrt(2))
            out.append(np.array([x is not None and x not in seen for x in table[c][1]]) / np.sqrt(2))
    return np.column_stack(out)


def exact_difference(x, y):
    """|mean(x) - mean(y)| without the rounding of the two means, which cancels digits where they are close."""
    mean_x, mean_y = (sum(map(Fraction, v.tolist())) / len(v) for v in (x, y))
    return float(abs(mean_x - mean_y))


def compare(real, other):
    rows, other_rows = (len(next(iter(t.values()))[1]) for t in (real, other))
    columns, summary = {}, {"rows_real": rows, "rows_generated": other_rows}
    for c in real:
        missing = [np.mean([x is None for x in t[c][1]]) for t in (real, other)]
        f = {"missing_real": missing[0], "missing_generated": missing[1],
             "missing_difference": abs(missing[0] - missing[1])}
        if real[c][0] != "categorical":
            x, y = (v[~np.isnan(v)] for v in (numbers(real[c]), numbers(other[c])))
            ks = stats.ks_2samp(x, y)
            f.update(ks=ks.statistic, ks_p=ks.pvalue, emd=stats.wasserstein_distance(x, y),
                     mean_real=x.mean(), mean_generated=y.mean(), mean_difference=exact_difference(x, y),
                     std_real=x.std(), std_generated=y.std(), std_difference=abs(x.std() - y.std()))
            f["emd_scaled"] = 0.0 if f["emd"] == 0 else f["emd"] / x.std() if np.ptp(x) > 0 else None
        else:
            keys = {*real[c][1], *other[c][1]}
            f["tvd"] = sum(abs(real[c][1].count(k) / rows - other[c][1].count(k) / other_rows) for k in keys) / 2
        columns[c] = f
    for key, name in (("ks_mean", "ks"), ("emd_mean", "emd"), ("emd_scaled_mean", "emd_scaled"),
                      ("mean_difference_mean", "mean_difference"), ("std_difference_mean", "std_difference"),
                      ("tvd_mean", "tvd"), ("missing_difference_mean", "missing_difference")):
        values = [f[name] for f in columns.values() if f.get(name) is not None]
        summary[key] = np.mean(values) if values else None
    for key, name in (("ks_max", "ks"), ("tvd_max", "tvd")):
        values = [f[name] for f in columns.values() if name in f]
        summary[key] = max(values) if values else None
    names = numeric(real)
    pearson = [correlations(t, names, False) for t in (real, other)]
    gap = np.abs(pearson[0] - pearson[1])[np.triu_indices(len(names), 1)]
    summary["corr_frobenius"] = np.linalg.norm(pearson[0] - pearson[1])
    summary["corr_max"], summary["corr_mean"] = gap.max(), gap.mean()
    summary["spearman_frobenius"] = np.linalg.norm(correlations(real, names, True) - correlations(other, names, True))
    # The k-d tree takes differences; the brute-force search loses half the digits of small distances.
    search = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(space(real, real))
    nearest = search.kneighbors(space(real, other))[0][:, 0]
    summary.update(nearest_min=nearest.min(), nearest_mean=nearest.mean(), nearest_std=nearest.std())
    return {"columns": columns, "summary": summary, "pearson": pearson}


def plain(x):
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, np.ndarray):
        return x.tolist()
    return x.item() if isinstance(x, np.generic) else x


def write(name, content):
    with open(os.path.join(OUT, name + ".json"), "w") as f:
        json.dump(plain(content), f, separators=(",", ":"))
        f.write("\n")


def case(name, real, generated, second=None):
    content = {"real": real, "generated": generated, "expected": compare(real, generated)}
    if second:
        content.update(second=second, floor=compare(real, second))
    write(name, content)


def kolmogorov():
    """p-values by sizes and statistic: every method that SciPy's 'auto' chooses between."""
    two, one = [], []
    for n1, n2 in ((1, 1), (1, 7), (5, 5), (6, 9), (40, 40), (200, 200), (200, 150), (997, 1000), (2000, 500),
                   (5000, 5000), (4000, 9999), (10001, 1), (10001, 30), (12000, 500), (20000, 20000)):
        for shift in (0.0, 0.003, 0.02, 0.05, 0.1, 0.3, 0.7, 2.0):
            a, b = (np.arange(n1) + 0.5) / n1, (np.arange(n2) + 0.3) / n2 * (1 - shift / 9) + shift
            test = stats.ks_2samp(a, b)
            two.append([n1, n2, int(round(test.statistic * n1 * n2)), test.pvalue])
    for n in (1, 2, 10, 100, 140, 141, 1000, 7000, 100000, 100001, 600000):
        for z in (0.02, 0.2, 0.35, 0.5, 0.6, 0.8, 1.0, 1.4, 1.49, 1.9, 2.5, 6.0):
            x = z / np.sqrt(n)
            one.append([n, x, stats.kstwo.sf(x, n)])
    write("kolmogorov", {"two_samples": two, "one_sample": one})


def large():
    """Figures of columns that the test makes by itself: exact arithmetic, then one division."""
    def column(rows, a, m, d, offset):
        i = np.arange(rows, dtype=np.int64)
        return i * a % m / d + offset
    real = {"x": ("real", column(100000, 7919, 100003, 7.0, 1e6)), "y": ("real", column(100000, 104729, 1009, 3.0, -5.0))}
    other = {"x": ("real", column(60000, 7907, 99991, 7.0, 1e6 + 50)), "y": ("real", column(60000, 15485863, 1013, 3.0, -5.0))}
    content = compare_large(real, other)
    write("large", content)


def compare_large(real, other):
    out = {}
    for c in real:
        x, y = real[c][1], other[c][1]
        ks = stats.ks_2samp(x, y)
        out[c] = dict(ks=ks.statistic, ks_p=ks.pvalue, emd=stats.wasserstein_distance(x, y), mean_real=x.mean(),
                      mean_generated=y.mean(), std_real=x.std(), std_generated=y.std())
    pearson = [np.corrcoef(t["x"][1], t["y"][1]) for t in (real, other)]
    spearman = [stats.spearmanr(t["x"][1], t["y"][1]).statistic for t in (real, other)]
    return {"columns": out, "summary": {"corr_frobenius": np.linalg.norm(pearson[0] - pearson[1]),
                                        "spearman_frobenius": abs(spearman[0] - spearman[1]) * np.sqrt(2)}}


def main():
    os.makedirs(OUT, exist_ok=True)
    rng = np.random.default_rng(20240607)
    real, generated, second = flows(rng, 300, 0, []), flows(rng, 220, 3, ["RST"]), flows(rng, 260, 0, [])
    for table in (real, generated, second):
        table["constant"] = ("integer", [7] * len(table["time"][1]))
        for name, share in (("bytes", 0.2), ("flags", 0.1), ("state", 0.15)):
            drop(rng, table, name, share)
    generated["constant"][1][5] = 8
    case("mixed", real, generated, second)
    case("complete", flows(rng, 200, 0, []), flows(rng, 200, 1, []))
    kolmogorov()
    large()


if __name__ == "__main__":
    main()
