#!/usr/bin/python3
"""Writes tests/golden/evaluator/sequences*.json: tables, and their figures of sequences by pandas and SciPy.

    /usr/bin/python3 tests/golden/evaluator_sequences.py

Figures are defined in docs/metrics.md. Nothing here shares code with the library.
"""
import json
import os
import warnings

import numpy as np
import pandas as pd
from scipy import stats

warnings.filterwarnings("ignore")
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evaluator")
LAGS, STATES = 10, 64


def flows(rng, rows, shift, hosts, kind):
    """Flows of some hosts with bursts, in no order; name -> (type, list with None for missing)."""
    host = rng.integers(0, hosts, rows) ** 2 // hosts
    gaps = np.where(rng.random(rows) < 0.6, rng.exponential(0.05 + 0.02 * shift, rows), rng.exponential(30, rows))
    time = 1.6e9 + np.cumsum(gaps) / hosts
    state, size = [], []
    for i in range(rows):
        stay = i > 0 and rng.random() < 0.6 - 0.1 * shift
        state.append(state[-1] if stay else str(rng.choice(["CON", "FIN", "INT", "RST"][: 3 + (shift > 0)])))
        size.append(0.7 * (size[-1] if i else 0) + rng.normal())
    order = rng.permutation(rows)
    missing = lambda cells, share: [None if rng.random() < share else c for c in cells]
    take = lambda x: [x[i] for i in order]
    times = np.round(time, 3).tolist() if kind == "real" else np.floor(time * 100).astype(int).tolist()
    return {
        "time": (kind, missing(take(times), 0.05 * (shift > 0))),
        "host": ("categorical", missing(take([f"h{h}" for h in host]), 0.02)),
        "port": ("integer", take((host % 3).tolist())),
        "size": ("real", missing(take(np.round(size, 4).tolist()), 0.1)),
        "bytes": ("integer", take((40 + np.abs(np.array(size)) * 100).astype(int).tolist())),
        "constant": ("integer", [7] * rows),
        "state": ("categorical", missing(take(state), 0.1)),
        "service": ("categorical", take([f"s{k}" for k in (rng.zipf(1.3, rows) % 150)])),
    }


def arrange(table, group_by, order_by):
    d = pd.DataFrame({c: pd.Series(v, dtype=object if k == "categorical" else float) for c, (k, v) in table.items()})
    if order_by:
        d = d[d[order_by].notna()].copy()
    d["_group"] = d.groupby(group_by, dropna=False, sort=False).ngroup() if group_by else 0
    return d.sort_values(["_group"] + [order_by] * bool(order_by), kind="stable").reset_index(drop=True)


def gaps_of(d, table, order_by):
    gaps = d.groupby("_group")[order_by].diff()
    if table[order_by][0] == "real":
        gaps = gaps.map(lambda x: round(x, 3))
    return gaps


def ks(a, b):
    if len(a) == 0 or len(b) == 0:
        return float(len(a) != len(b))
    return stats.ks_2samp(a, b).statistic


def bursts(d, gaps, threshold):
    start = ~(gaps <= threshold)
    return start.groupby(start.cumsum()).size().values


def autocorrelations(d, series):
    out = []
    for lag in range(1, LAGS + 1):
        before = series.groupby(d["_group"]).shift(lag)
        both = series.notna() & before.notna()
        x, y = series[both].values, before[both].values
        if len(x) < 2:
            out.append(None)
        elif np.ptp(x) == 0 or np.ptp(y) == 0:
            out.append(0.0)
        else:
            out.append(np.corrcoef(x, y)[0, 1])
    return out


def autocorrelation_diff(a, b):
    pairs = [(x, y or 0.0) for x, y in zip(a, b) if x is not None]
    return np.mean([abs(x - y) for x, y in pairs]) if pairs else None


def transitions(table, real, d, column):
    """Share of each next state, by state: categories beyond the 64 most frequent real ones are one state."""
    counts = {}
    for c in real[column][1]:
        if c is not None:
            counts[c] = counts.get(c, 0) + 1
    kept = sorted(counts, key=lambda c: (-counts[c], c))[:STATES]
    state = d[column].map(lambda c: "missing" if c is None or c != c else "=" + c if c in kept else "other")
    before = state.groupby(d["_group"]).shift(1)
    there = before.notna()
    return pd.crosstab(before[there], state[there])


def transition_tvd(p, q):
    if p.values.sum() == 0:
        return None
    states = sorted({*p.index, *p.columns, *q.index, *q.columns})
    p, q = (m.reindex(index=states, columns=states, fill_value=0) for m in (p, q))
    weight = p.sum(axis=1) / p.values.sum()
    apart = [1.0 if q.loc[s].sum() == 0 else np.abs(p.loc[s] / p.loc[s].sum() - q.loc[s] / q.loc[s].sum()).sum() / 2
             for s in states if weight[s] > 0]
    return float((np.array(apart) * weight[weight > 0].values).sum())


def mean(x):
    x = [v for v in x if v is not None]
    return float(np.mean(x)) if x else None


def compare(real, other, group_by, order_by):
    return compare_arranged(real, other, *(arrange(t, group_by, order_by) for t in (real, other)), group_by, order_by)


def compare_arranged(real, other, a, b, group_by, order_by):
    s = dict.fromkeys(("interarrival_ks", "interarrival_emd_scaled", "group_size_ks", "group_duration_ks", "burst_size_ks"))
    ga = gb = None
    if group_by:
        s["group_size_ks"] = ks(*(d.groupby("_group").size().values for d in (a, b)))
    if order_by:
        ga, gb = gaps_of(a, real, order_by), gaps_of(b, other, order_by)
        x, y = ga.dropna().values, gb.dropna().values
        s["interarrival_ks"] = ks(x, y)
        if len(x) and len(y):
            s["interarrival_emd_scaled"] = stats.wasserstein_distance(x, y) / x.std()
        if len(x):
            s["burst_size_ks"] = ks(bursts(a, ga, np.median(x)), bursts(b, gb, np.median(x)))
    if group_by and order_by:
        span = [d.groupby("_group")[order_by].agg(lambda t: round(t.iloc[-1] - t.iloc[0], 3)).values for d in (a, b)]
        s["group_duration_ks"] = ks(*span)
    columns = {}
    for c in real:
        if c in group_by:
            columns[c] = {"transition_tvd": None, "autocorrelation_diff": None}
        elif real[c][0] == "categorical":
            columns[c] = {"transition_tvd": transition_tvd(transitions(real, real, a, c), transitions(other, real, b, c))}
        else:
            columns[c] = {"autocorrelation_diff": autocorrelation_diff(
                autocorrelations(a, ga if c == order_by else a[c]), autocorrelations(b, gb if c == order_by else b[c]))}
    tvd = [f.get("transition_tvd") for f in columns.values()]
    s["autocorrelation_diff"] = mean(f.get("autocorrelation_diff") for f in columns.values())
    s["transition_tvd_mean"] = mean(tvd)
    s["transition_tvd_max"] = max((v for v in tvd if v is not None), default=None)
    return {"summary": s, "columns": columns}


def plain(x):
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return x.item() if isinstance(x, np.generic) else x


def main():
    os.makedirs(OUT, exist_ok=True)
    rng = np.random.default_rng(20240811)
    for kind in ("real", "integer"):
        real, generated, second = flows(rng, 420, 0, 20, kind), flows(rng, 300, 2, 18, kind), flows(rng, 350, 0, 20, kind)
        cases = []
        for group_by, order_by in ((["host"], "time"), (["host", "port"], "time"), ([], "time"), (["host"], None),
                                   (["host", "bytes"], "time")):
            cases.append({"group_by": group_by, "order_by": order_by, "expected": compare(real, generated, group_by, order_by),
                          "floor": compare(real, second, group_by, order_by)})
        content = {"real": real, "generated": generated, "second": second, "cases": cases}
        with open(os.path.join(OUT, f"sequences_{kind}.json"), "w") as f:
            json.dump(plain(content), f, separators=(",", ":"))
            f.write("\n")


if __name__ == "__main__":
    main()
