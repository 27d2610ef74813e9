#!/usr/bin/python3
"""Writes tests/golden/evaluator/bootstrap.json: tables, and intervals of their figures.

    /usr/bin/python3 tests/golden/evaluator_bootstrap.py

Rows and groups are drawn here as docs/metrics.md says, tables are made of what was drawn, and every figure of them is
computed as in evaluator.py and evaluator_sequences.py. Nothing here shares code with the library.
"""
import json
import os

import numpy as np
import pandas as pd

import evaluator
import evaluator_sequences as sequences

SEED, RESAMPLINGS, ROWS, GROUPS = 2**40 + 7, 25, 40, 41
SUMMARY = ("ks_mean", "ks_max", "emd_mean", "emd_scaled_mean", "mean_difference_mean", "std_difference_mean", "tvd_mean",
           "tvd_max", "missing_difference_mean", "corr_frobenius", "corr_max", "corr_mean", "spearman_frobenius")


def philox(counter, key):
    """Philox 4x32-10 as in Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3 (SC11), 3.1."""
    a, b, c, d = counter
    k, l = key
    for _ in range(10):
        x, y = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (y >> 32) ^ b ^ k, y & 0xFFFFFFFF, (x >> 32) ^ d ^ l, x & 0xFFFFFFFF
        k, l = (k + 0x9E3779B9) & 0xFFFFFFFF, (l + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


assert philox((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)  # Random123's kat_vectors


def draw(n, purpose, step):
    """How often each of n things comes in n draws."""
    words = [philox((i, 0, step, purpose), (SEED & 0xFFFFFFFF, SEED >> 32)) for i in range((n + 1) // 2)]
    uniform = [((w[2 * k] << 32 | w[2 * k + 1]) >> 11) for w in words for k in (0, 1)][:n]
    return np.bincount([int((u + 0.5) / 2**53 * n) for u in uniform], minlength=n)


def drawn_rows(table, times):
    rows = np.repeat(np.arange(len(times)), times)
    return {c: (kind, [cells[i] for i in rows]) for c, (kind, cells) in table.items()}


def drawn_groups(d, times):
    groups = [g for _, g in d.groupby("_group", sort=True)]
    parts = [groups[g] for g in np.repeat(np.arange(len(times)), times)]
    return pd.concat([p.assign(_group=i) for i, p in enumerate(parts)]).reset_index(drop=True)


def resample(real, other, violating, group_by, order_by, step):
    n = len(next(iter(other.values()))[1])
    times = draw(n, ROWS, step)
    summary = evaluator.compare(real, drawn_rows(other, times))["summary"]
    out = {k: summary[k] for k in SUMMARY}
    out["rule_violations"] = times[:violating].sum() / n
    a, b = (sequences.arrange(t, group_by, order_by) for t in (real, other))
    b = drawn_groups(b, draw(b["_group"].nunique(), GROUPS, step))
    out.update(sequences.compare_arranged(real, other, a, b, group_by, order_by)["summary"])
    return out


def main():
    rng = np.random.default_rng(20240907)
    real, other = sequences.flows(rng, 260, 0, 16, "integer"), sequences.flows(rng, 201, 2, 15, "integer")
    violating = sum(x > 100 for x in other["bytes"][1])
    group_by, order_by = ["host"], "time"
    all_of = [resample(real, other, violating, group_by, order_by, step) for step in range(RESAMPLINGS)]
    low, high = {}, {}
    for key in all_of[0]:
        low[key], high[key] = np.percentile([s[key] for s in all_of], [2.5, 97.5])
    content = {"real": real, "generated": other, "seed": SEED, "resamplings": RESAMPLINGS, "group_by": group_by,
               "order_by": order_by, "low": low, "high": high}
    with open(os.path.join(evaluator.OUT, "bootstrap.json"), "w") as f:
        json.dump(sequences.plain(content), f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
