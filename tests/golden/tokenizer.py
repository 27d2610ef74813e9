#!/usr/bin/python3
"""Writes tests/golden/tokenizer/binning.json (edges and tokens by NumPy and scikit-learn) and the bad
tokenizers of tests/golden/bad/.

    /usr/bin/python3 tests/golden/tokenizer.py

Nothing here shares code with the library.
"""
import copy
import json
import os
import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.preprocessing import KBinsDiscretizer

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))


def columns(rng):
    duration = np.round(rng.exponential(10, 301), 4)
    packets = rng.poisson(np.maximum(1, 5 * duration))
    return {
        "duration": ("real", duration),
        "packets": ("integer", packets),
        "protocol": ("integer", rng.choice([1, 6, 17], 301, p=[0.05, 0.7, 0.25])),
        "size": ("real", np.clip(np.round(rng.normal(800, 300, 301), 1), 64, 1500)),
        "pareto": ("real", 1e-9 * (rng.pareto(0.6, 301) + 1)),
        "signed": ("real", np.concatenate([rng.normal(-1e6, 1, 100), rng.normal(0, 1e-3, 101),
                                           rng.normal(1e6, 1, 100)])),
        "huge": ("real", np.concatenate([rng.normal(0, 1e150, 150), rng.normal(0, 1e-150, 151)])),
        "gaps": ("integer", rng.choice([0, 1, 2, 1000, 1001, 50000], 301)),
    }


def tokens(edges, values):
    """Reference tokens, numbered again without those that no value has."""
    t = np.clip(np.searchsorted(edges[1:-1], values, side="right"), 0, max(len(edges) - 2, 0))
    return np.unique(t, return_inverse=True)[1].tolist()


def binning(values, bins):
    x = values.astype(float)
    uniform = KBinsDiscretizer(bins, encode="ordinal", strategy="uniform", subsample=None).fit(x[:, None])
    edges = {"uniform": uniform.bin_edges_[0],
             "quantile": np.unique(np.percentile(x, np.linspace(0, 100, bins + 1)))}
    out = {"bins": bins}
    for strategy, e in edges.items():
        out[strategy] = {"edges": e.tolist(), "tokens": tokens(e, x)}
    if len(np.unique(x)) > bins and np.ptp(x) < 1e100:
        y = (x - x.min()) / np.ptp(x)
        out["inertia"] = float(KMeans(bins, n_init=10, random_state=1, tol=0).fit(y[:, None]).inertia_)
    return out


def separated():
    """Three clusters so far apart that every k-means finds them: its edges are known."""
    x = np.concatenate([np.arange(10) * 0.01, 5 + np.arange(20) * 0.01, 9 + np.arange(5) * 0.01])
    e = KBinsDiscretizer(3, encode="ordinal", strategy="kmeans", subsample=None).fit(x[:, None]).bin_edges_[0]
    return {"values": x.tolist(), "edges": e.tolist()}


GOOD = {
    "format": "flowbd3-tokenizer", "version": 1, "rows": 10, "columns": [
        {"name": "duration", "type": "real", "decimals": 2, "slots": [{"tokens": [
            {"count": 4, "low": 0.0, "high": 1.5, "quantiles": [0.25, 0.5, 1.25]},
            {"count": 4, "from": 1.5, "low": 1.5, "high": 9.0, "values": [2.5, 8.75], "counts": [3, 1]},
            {"count": 2, "missing": True}]}]},
        {"name": "protocol", "type": "integer", "slots": [{"tokens": [
            {"count": 1, "values": [1]}, {"count": 6, "from": 4, "values": [6]},
            {"count": 3, "from": 12, "values": [17]}]}]},
        {"name": "state", "type": "categorical", "slots": [{"tokens": [
            {"count": 7, "value": "CON"}, {"count": 2, "value": "S_"}, {"count": 1, "missing": True}]}]},
    ]}
GONE = object()

# name: (status, column of the message, path to the member, what it becomes)
BAD = {
    "format_other": ("FORMAT", 0, ["format"], "flowbd3-model"),
    "format_gone": ("FORMAT", 0, ["format"], GONE),
    "version_text": ("FORMAT", 0, ["version"], "1"),
    "version_later": ("VERSION", 0, ["version"], 2),
    "version_negative": ("VERSION", 0, ["version"], -1),
    "rows_zero": ("FORMAT", 0, ["rows"], 0),
    "rows_other": ("FORMAT", 1, ["rows"], 11),
    "rows_too_few": ("FORMAT", 1, ["rows"], 9),
    "columns_none": ("FORMAT", 0, ["columns"], []),
    "columns_object": ("FORMAT", 0, ["columns"], {"name": "x"}),
    "column_number": ("FORMAT", 1, ["columns", 0], 7),
    "name_empty": ("FORMAT", 1, ["columns", 0, "name"], ""),
    "name_repeated": ("FORMAT", 2, ["columns", 1, "name"], "duration"),
    "type_unknown": ("FORMAT", 1, ["columns", 0, "type"], "complex"),
    "decimals_gone": ("FORMAT", 1, ["columns", 0, "decimals"], GONE),
    "decimals_many": ("FORMAT", 1, ["columns", 0, "decimals"], 18),
    "slots_none": ("FORMAT", 1, ["columns", 0, "slots"], []),
    "slots_two": ("FORMAT", 2, ["columns", 1, "slots"], GOOD["columns"][1]["slots"] * 2),
    "tokens_none": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens"], []),
    "tokens_only_missing": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens"], [{"count": 10, "missing": True}]),
    "token_text": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 0], "x"),
    "count_zero": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 0, "count"], 0),
    "count_real": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 0, "count"], 1.0),
    "count_overflow": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 0, "count"], 2**63 - 1),
    "missing_count_gone": ("FORMAT", 3, ["columns", 2, "slots", 0, "tokens", 2, "count"], GONE),
    "missing_false": ("FORMAT", 3, ["columns", 2, "slots", 0, "tokens", 2, "missing"], False),
    "from_gone": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 1, "from"], GONE),
    "from_below": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 1, "from"], 1),
    "from_above": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 1, "from"], 7),
    "from_real_in_integer": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 1, "from"], 4.5),
    "values_gone": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 1, "values"], GONE),
    "values_none": ("FORMAT", 2, ["columns", 1, "slots", 0, "tokens", 1, "values"], []),
    "values_descending": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "values"], [8.75, 2.5]),
    "values_equal": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "values"], [2.5, 2.5]),
    "values_too_many": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "values"], list(range(2, 36))),
    "values_below_token_before": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "values"], [1.0, 2.5]),
    "values_text": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "values"], [2.5, "8"]),
    "counts_gone": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "counts"], GONE),
    "counts_short": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "counts"], [4]),
    "counts_sum": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "counts"], [1, 2]),
    "counts_negative": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 1, "counts"], [5, -1]),
    "quantiles_one": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 0, "quantiles"], [0.25]),
    "quantiles_descending": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 0, "quantiles"], [0.25, 1.25, 0.5]),
    "quantiles_null": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 0, "quantiles"], [0.25, None]),
    "edges_descending": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 0, "low"], 2.0),
    "edges_half": ("FORMAT", 1, ["columns", 0, "slots", 0, "tokens", 0, "high"], GONE),
    "category_repeated": ("FORMAT", 3, ["columns", 2, "slots", 0, "tokens", 1, "value"], "CON"),
    "category_empty": ("FORMAT", 3, ["columns", 2, "slots", 0, "tokens", 1, "value"], ""),
    "category_number": ("FORMAT", 3, ["columns", 2, "slots", 0, "tokens", 1, "value"], 5),
}
TEXT = json.dumps(GOOD, separators=(",", ":"))
TEXTS = {
    "text_empty": "",
    "text_array": "[]",
    "text_number": "1",
    "text_cut": TEXT[:400],
    "text_trailing": TEXT + "x",
    "text_nested": "[" * 5000,
    "text_nul_in_name": TEXT.replace("state", "st\\u0000te"),
    "text_not_utf8": TEXT.replace("CON", "C\udcffN"),
    "text_real_overflow": TEXT.replace("8.75", "1e999"),
    "text_integer_overflow": TEXT.replace("[17]", "[9223372036854775808]"),
    "text_duplicate_key": TEXT.replace('"rows":10', '"rows":10,"rows":10'),
}


def write_bad():
    """Lines of name, status, column of the message, text."""
    lines = []
    for name, (status, column, path, value) in BAD.items():
        tree = copy.deepcopy(GOOD)
        at = tree
        for key in path[:-1]:
            at = at[key]
        if value is GONE:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        lines.append(f"{name} {status} {column} " + json.dumps(tree, separators=(",", ":")))
    lines += [f"{name} FORMAT 0 {text}" for name, text in TEXTS.items()]
    with open(os.path.join(HERE, "bad", "tokenizer.txt"), "wb") as f:
        f.write("".join(line + "\n" for line in sorted(lines)).encode("utf-8", "surrogateescape"))


def main():
    rng = np.random.default_rng(2)
    golden = {"columns": [{"name": name, "type": kind, "values": values.tolist(),
                           "binnings": [binning(values, bins) for bins in (5, 16, 256)]}
                          for name, (kind, values) in columns(rng).items()],
              "separated": separated()}
    os.makedirs(os.path.join(HERE, "tokenizer"), exist_ok=True)
    with open(os.path.join(HERE, "tokenizer", "binning.json"), "w") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")
    with open(os.path.join(HERE, "tokenizer", "version1.json"), "w") as f:
        json.dump(GOOD, f, indent=1)
        f.write("\n")
    write_bad()


main()
