#!/usr/bin/python3
"""Writes tests/golden/tokenizer/ (binning.json: edges and tokens by NumPy and scikit-learn) and the bad
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
    "version_later": ("VERSION", 0, ["version"], 3),
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

SEQUENCE = {
    "group_by": [{"name": "source", "type": "categorical"}, {"name": "vlan", "type": "integer"},
                 {"name": "rate", "type": "real", "decimals": 1}],
    "order_by": "duration",
    "columns": ["source", "duration", "vlan", "protocol", "state", "rate"],
    "groups": [{"key": ["a", 7, 0.5], "rows": 3, "first": 0.25, "last": 4.0},
               {"key": [None, 7, 0.5], "rows": 1, "first": 1.0, "last": 1.0},
               {"key": ["a", None, None], "rows": 6, "first": -2.0, "last": 9.5}]}

# The same inside the member "sequence".
BAD_SEQUENCES = {
    "group_by_gone": (["group_by"], GONE),
    "group_by_text": (["group_by"], "source"),
    "group_by_names": (["group_by"], ["source", "vlan", "rate"]),
    "group_by_none": (["group_by"], []),
    "group_by_one_too_few": (["group_by"], SEQUENCE["group_by"][:2]),
    "group_by_twice": (["group_by", 1, "name"], "source"),
    "group_by_empty": (["group_by", 1, "name"], ""),
    "group_by_tokenized": (["group_by", 1, "name"], "protocol"),
    "group_by_type": (["group_by", 1, "type"], "text"),
    "group_by_type_gone": (["group_by", 1, "type"], GONE),
    "group_by_decimals_gone": (["group_by", 2, "decimals"], GONE),
    "order_by_null": (["order_by"], None),
    "order_by_empty": (["order_by"], ""),
    "order_by_unknown": (["order_by"], "time"),
    "order_by_group_column": (["order_by"], "vlan"),
    "order_by_without_missing": (["order_by"], "protocol"),
    "order_by_categorical": (["order_by"], "state"),
    "columns_gone": (["columns"], GONE),
    "columns_few": (["columns"], SEQUENCE["columns"][:5]),
    "columns_order": (["columns"], ["source", "protocol", "vlan", "duration", "state", "rate"]),
    "columns_twice": (["columns"], ["source", "duration", "source", "protocol", "state", "rate"]),
    "columns_tokenized_twice": (["columns"], ["source", "duration", "vlan", "protocol", "state", "state"]),
    "columns_unknown": (["columns", 5], "ratio"),
    "columns_number": (["columns", 5], 5),
    "groups_gone": (["groups"], GONE),
    "groups_none": (["groups"], []),
    "groups_few": (["groups"], SEQUENCE["groups"][:2]),
    "group_number": (["groups", 1], 7),
    "key_gone": (["groups", 1, "key"], GONE),
    "key_short": (["groups", 1, "key"], [None, 7]),
    "key_twice": (["groups", 1, "key"], ["a", 7, 0.5]),
    "key_missing_twice": (["groups", 1, "key"], ["a", None, None]),
    "key_empty": (["groups", 1, "key"], ["", 7, 0.5]),
    "key_type": (["groups", 1, "key"], [None, "7", 0.5]),
    "key_real_in_integer": (["groups", 1, "key"], [None, 7.0, 0.5]),
    "rows_gone": (["groups", 1, "rows"], GONE),
    "rows_zero": (["groups", 1, "rows"], 0),
    "rows_many": (["groups", 1, "rows"], 2),
    "rows_overflow": (["groups", 1, "rows"], 2**63 - 1),
    "first_gone": (["groups", 1, "first"], GONE),
    "first_after_last": (["groups", 1, "first"], 1.5),
    "last_text": (["groups", 1, "last"], "1.5"),
}


def changed(tree, path, value):
    """A copy in which the member at path is another, or GONE."""
    tree = copy.deepcopy(tree)
    at = tree
    for key in path[:-1]:
        at = at[key]
    if value is GONE:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return tree


def bad_sequences():
    """name, tree: SEQUENCE with one thing wrong, in a tokenizer that is fine."""
    for name, (path, value) in BAD_SEQUENCES.items():
        yield name, GOOD | {"sequence": changed(SEQUENCE, path, value)}
    for name, value in {"null": None, "empty": {}, "array": []}.items():
        yield name, GOOD | {"sequence": value}
    alone = {"group_by": [], "columns": [c["name"] for c in GOOD["columns"]],
             "groups": [{"key": [], "rows": 10}]}
    yield "nothing", GOOD | {"sequence": alone}
    two = [{"key": [], "rows": 5, "first": 0, "last": 1}] * 2
    yield "groups_without_keys", GOOD | {"sequence": alone | {"order_by": "duration", "groups": two}}
    back = changed(GOOD, ["columns", 0, "slots", 0, "tokens", 0, "quantiles"], [-0.25, 0.5, 1.25])
    yield "gap_below_0", back | {"sequence": SEQUENCE}


def write_bad():
    """Lines of name, status, column of the message, text."""
    lines = []
    for name, (status, column, path, value) in BAD.items():
        tree = changed(GOOD, path, value)
        lines.append(f"{name} {status} {column} " + json.dumps(tree, separators=(",", ":")))
    lines += [f"sequence_{name} FORMAT 0 " + json.dumps(tree, separators=(",", ":"))
              for name, tree in bad_sequences()]
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
    with open(os.path.join(HERE, "tokenizer", "sequence.json"), "w") as f:
        json.dump(GOOD | {"sequence": SEQUENCE}, f, indent=1)
        f.write("\n")
    write_bad()


main()
