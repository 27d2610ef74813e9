#!/usr/bin/python3
"""Writes tests/golden/evaluator/association_*.json: figures over ranks, bins and pairs of columns, by SciPy, NumPy and
scikit-learn.

    /usr/bin/python3 tests/golden/association.py

The tables are those of evaluator.py, which runs first, and one with columns of many categories and few numbers. Figures
are defined in docs/metrics.md. Nothing here shares code with the library.
"""
import itertools
import json
import os
from fractions import Fraction

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import normalized_mutual_info_score

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evaluator")
MARGINAL_BINS, PAIR_BINS, KEPT = 50, 20, 50


def numbers(column):
    return np.array([np.nan if x is None else float(x) for x in column[1]])


def is_numeric(column):
    return column[0] != "categorical"


def cuts(real, bins):
    """Order statistics floor(k n / bins); one that comes again cuts behind its value."""
    x = np.sort(real[~np.isnan(real)])
    bins = min(bins, len(x))
    quantiles = [x[k * len(x) // bins] for k in range(1, bins)]
    return np.unique([q if k == 0 or quantiles[k - 1] != q else np.nextafter(q, np.inf) for k, q in enumerate(quantiles)])


def number_codes(real, x, bins):
    edges = cuts(real, bins)
    return np.where(np.isnan(x), len(edges) + 1, np.searchsorted(edges, x, "right")), len(edges) + 2


def category_codes(real, cells):
    count = {k: real.count(k) for k in set(real) - {None}}
    order = sorted(count, key=lambda k: (-count[k], k))
    kept = min(len(order), KEPT)
    code = {k: min(i, kept) for i, k in enumerate(order)}
    return np.array([kept + 2 if k is None else code.get(k, kept + 1) for k in cells]), kept + 3


def codes(real, other):
    if is_numeric(real):
        return number_codes(numbers(real), numbers(other), PAIR_BINS)
    return category_codes(real[1], other[1])


def exact_quantile(x, percent):
    x = sorted(map(Fraction, x.tolist()))
    place = Fraction(percent * (len(x) - 1), 100)
    below = int(place)
    return x[below] if below == place else x[below] + (x[below + 1] - x[below]) * (place - below)


def quantile_difference(x, y):
    p, q = ([exact_quantile(v, k) for k in (5, 25, 50, 75, 95)] for v in (x, y))
    mean = sum(abs(a - b) for a, b in zip(p, q)) / 5
    spread = float(p[-1] - p[0]) or x.std()
    return 0.0 if mean == 0 else float(mean) / spread if spread > 0 else None


def marginals(real, other):
    f = {}
    if is_numeric(real):
        r, x, y = numbers(real), *(v[~np.isnan(v)] for v in (numbers(real), numbers(other)))
        s = np.sort(x)
        rank = lambda v: (np.searchsorted(s, v, "left") + np.searchsorted(s, v, "right")) / (2 * len(s))
        f["emd_rank"] = stats.wasserstein_distance(rank(x), rank(y))
        f["quantile_difference"] = quantile_difference(x, y)
        a, n = number_codes(r, r, MARGINAL_BINS)
        b = number_codes(r, numbers(other), MARGINAL_BINS)[0]
        filled, reached = (set(v.tolist()) - {n - 1} for v in (a, b))
        f["support_coverage"] = len(filled & reached) / len(filled)
    else:
        names = {k: i for i, k in enumerate({*real[1], *other[1]})}
        n, (a, b) = len(names), (np.array([names[k] for k in t[1]]) for t in (real, other))
        there = set(real[1]) - {None}
        f["category_coverage"] = len(there & set(other[1])) / len(there)
    f["js"] = jensenshannon(*(np.bincount(v, minlength=n) / len(v) for v in (a, b)), base=2) ** 2
    return f


def cramer(a, b):
    """Bergsma 2013, equations 2 to 5."""
    table = stats.contingency.crosstab(a, b).count
    n, (r, c) = table.sum(), table.shape
    if r < 2 or c < 2:
        return 0.0
    square = max(0, stats.contingency.chi2_contingency(table, correction=False).statistic / n - (r - 1) * (c - 1) / (n - 1))
    r, c = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return np.sqrt(square / min(r - 1, c - 1))


def correlation_ratio(x, groups):
    if np.ptp(x) == 0:
        return 0.0
    x = x - x[0]  # exact, and keeps the digits of times
    between = sum(np.sum(groups == k) * (x[groups == k].mean() - x.mean()) ** 2 for k in np.unique(groups))
    return np.sqrt(between / np.sum((x - x.mean()) ** 2))


def association(table, coded, a, b):
    x, y = (numbers(table[c]) if is_numeric(table[c]) else coded[c][0].astype(float) for c in (a, b))
    both = np.ones(len(x), bool)
    for c in (a, b):
        both &= np.array([v is not None for v in table[c][1]])
    x, y = x[both], y[both]
    kinds = is_numeric(table[a]), is_numeric(table[b])
    if kinds == (False, False):
        return cramer(x, y)
    if kinds == (True, True):
        return np.corrcoef(x, y)[0, 1] if len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0 else 0.0
    return correlation_ratio(x, y) if kinds[0] else correlation_ratio(y, x)


def spearman(table, names):
    out = np.eye(len(names))
    for i, j in itertools.permutations(range(len(names)), 2):
        x, y = numbers(table[names[i]]), numbers(table[names[j]])
        both = ~np.isnan(x) & ~np.isnan(y)
        x, y = x[both], y[both]
        out[i, j] = stats.spearmanr(x, y).statistic if len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0 else 0
    return out


def histogram(coded, a, b):
    (x, n), (y, m) = coded[a], coded[b]
    return np.bincount(x * m + y, minlength=n * m) / len(x)


def gap(a, b):
    d = np.abs(a - b)
    above = d[np.triu_indices(len(a), 1)]
    return np.linalg.norm(d), above.max(), above.mean()


def compare(real, other):
    names, n = list(real), len(real)
    coded = [{c: codes(real[c], t[c]) for c in names} for t in (real, other)]
    assoc, nmi, tvd = [np.eye(n), np.eye(n)], [np.eye(n), np.eye(n)], np.zeros((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        a, b = names[i], names[j]
        tvd[i, j] = np.abs(histogram(coded[0], a, b) - histogram(coded[1], a, b)).sum() / 2
        for side, t in enumerate((real, other)):
            if i != j:
                assoc[side][i, j] = association(t, coded[side], a, b)
                nmi[side][i, j] = normalized_mutual_info_score(coded[side][a][0], coded[side][b][0])
    numeric = [c for c in names if is_numeric(real[c])]
    ranks = [spearman(t, numeric) for t in (real, other)]
    columns = {c: marginals(real[c], other[c]) for c in names}
    summary = dict(zip(("association_frobenius", "association_max", "association_mean"), gap(*assoc)))
    summary.update(zip(("spearman_frobenius", "spearman_max", "spearman_mean"), gap(*ranks)))
    summary.update(zip(("nmi_diff_max", "nmi_diff"), gap(*nmi)[1:]))
    summary.update(zip(("pair_tvd_max", "pair_tvd_mean"), gap(tvd, np.zeros((n, n)))[1:]))
    for key in ("emd_rank", "quantile_difference", "support_coverage", "category_coverage", "js"):
        values = [f[key] for f in columns.values() if f.get(key) is not None]
        summary[key + "_mean"] = np.mean(values)
    matrices = {"spearman": ranks, "association": assoc, "nmi": nmi, "pair_tvd": [tvd, tvd]}
    return {"columns": columns, "summary": summary, "matrices": matrices}


def many(rng, rows, unseen):
    """Many categories, a number that holds most rows, a column of a few numbers, constant ones."""
    host = np.minimum(rng.zipf(1.3, rows), 150)
    address = [f"10.0.0.{h}" if rng.random() > 0.05 else None for h in host]
    for i in range(unseen):
        address[i] = f"192.168.0.{i % 7}"
    state = [["CON", "FIN", "INT"][(h + (rng.random() < 0.3)) % 3] for h in host]
    size = np.where(rng.random(rows) < 0.6, 0, np.round(rng.lognormal(3, 2, rows), 2)) * (host % 5 + 1)
    few = [float(i) if i < 7 else None for i in range(rows)]
    return {
        "address": ("categorical", address),
        "state": ("categorical", state),
        "peer": ("categorical", [f"h{(h * 7) % 90}" if rng.random() > 0.3 else "h0" for h in host]),
        "size": ("real", size.tolist()),
        "port": ("integer", rng.choice([80, 443, 53, 22], rows, p=[0.4, 0.3, 0.2, 0.1]).tolist()),
        "time": ("real", np.round(1.6e9 + 40 * rng.random(rows) + host, 3).tolist()),
        "few": ("real", few),
        "one": ("categorical", ["same"] * rows),
        "seven": ("integer", [7] * rows),
    }


def plain(x):
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, np.ndarray):
        return x.tolist()
    return x.item() if isinstance(x, np.generic) else x


def write(name, content):
    with open(os.path.join(OUT, f"association_{name}.json"), "w") as f:
        json.dump(plain(content), f, separators=(",", ":"))
        f.write("\n")


def main():
    for name in ("mixed", "complete"):
        with open(os.path.join(OUT, name + ".json")) as f:
            tables = json.load(f)
        content = {"expected": compare(tables["real"], tables["generated"])}
        if "second" in tables:
            content["floor"] = compare(tables["real"], tables["second"])
        write(name, content)
    rng = np.random.default_rng(20240711)
    real, generated, second = many(rng, 400, 0), many(rng, 300, 20), many(rng, 350, 0)
    generated["port"][1][:40] = [8080] * 40
    write("many", {"real": real, "generated": generated, "second": second, "expected": compare(real, generated),
                   "floor": compare(real, second)})


main()
