#!/usr/bin/python3
"""Writes tests/golden/tokenizer/ (binning.json: edges and tokens by NumPy and scikit-learn; tokenizers of both
versions; version2_cases.json: cells, tokens and values of the second) and the bad tokenizers of tests/golden/bad/.

    /usr/bin/python3 tests/golden/tokenizer.py

Nothing here shares code with the library.
"""
import bisect
import copy
import json
import math
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


# Every kind of column of version 2. Hours are those of 1970, so that times are small numbers.
HOUR = 3600 * 10**9
GOOD_2 = {
    "format": "flowbd3-tokenizer", "version": 2, "rows": 12, "columns": [
        {"name": "duration", "type": "real", "decimals": 2, "codec": "fine", "slots": [{"tokens": [
            {"count": 2, "values": [0.0]},
            {"count": 3, "from": 0.25, "low": 0.5, "high": 1.5, "quantiles": [0.5, 0.75, 1.5]},
            {"count": 1, "from": 1.75, "values": [2.0]},
            {"count": 2, "from": 3.0, "low": 4.0, "high": 4.5, "values": [4.0, 4.5], "counts": [1, 1]},
            {"count": 3, "from": 6.0, "low": 7.5, "high": 9.0, "quantiles": [7.5, 9.0]},
            {"count": 1, "missing": True}], "groups": [2, 1, 2]}]},
        {"name": "bytes", "type": "integer", "slots": [{"tokens": [
            {"count": 5, "values": [60]},
            {"count": 7, "from": 90, "low": 100.0, "high": 1501.0, "quantiles": [100, 400, 1500]}]}]},
        {"name": "port", "type": "integer", "codec": "digits", "low": -2, "high": 70000, "missing": 2, "slots": [
            {"digits": [0, 1], "counts": [9, 1]},
            {"digits": [0, 17, 31, 255], "counts": [4, 3, 1, 2]},
            {"digits": [0, 2, 55, 114, 255], "counts": [1, 2, 3, 3, 1]}]},
        {"name": "service", "type": "integer", "codec": "exact", "slots": [{"tokens": [
            {"count": 8, "values": [53]}, {"count": 4, "from": 248, "values": [443]}]}]},
        {"name": "state", "type": "categorical", "slots": [{"tokens": [
            {"count": 7, "value": "CON"}, {"count": 2, "value": "S_"}, {"count": 2, "rare": True},
            {"count": 1, "missing": True}]}]},
        {"name": "host", "type": "address", "slots": [{"tokens": [
            {"count": 8, "value": "10.0.0.1"}, {"count": 4, "value": "2001:db8::1"}]}]},
        {"name": "start", "type": "timestamp", "decimals": 0, "form": "YYYY-MM-DDThh:mm:ssZ", "slots": [{"tokens": [
            {"count": 6, "low": 0.0, "high": float(HOUR), "quantiles": [0, 10**9, HOUR]},
            {"count": 6, "from": 2 * HOUR, "low": 2.0 * HOUR, "high": 2.0 * HOUR + 5e9,
             "quantiles": [2 * HOUR, 2 * HOUR + 5 * 10**9]}]}]},
        {"name": "rate", "type": "real", "decimals": 3, "derived": True, "low": 0.0, "high": 3000.0, "slots": []},
        {"name": "twice", "type": "integer", "derived": True, "low": 106.0, "high": 886.0, "slots": []},
    ],
    "rare_rows": 2,
    "relations": {"format": "flowbd3-rules", "version": 1, "search": True, "rules": [
        {"name": "rate of bytes",
         "derive": {"column": "rate", "ratio": ["bytes", "duration"], "decimals": 3, "otherwise": 0}},
        {"derive": {"column": "twice", "sum": ["service", "service"]}},
        {"compare": {"left": "bytes", "at_least": 60}, "found": True, "applies": 12, "obey": 12},
        {"name": "mostly", "when": {"state": "CON"}, "then": {"service": 53}, "found": True, "applies": 7,
         "obey": 6}]},
}


def tokens_of(column, cell):
    """The tokens of a cell, by arithmetic on the members of the column."""
    if column.get("derived"):
        return []
    slots = column["slots"]
    if "digits" in slots[0]:
        return digit_tokens(column, cell)
    tokens = slots[0]["tokens"]
    values = len(tokens) - ("missing" in tokens[-1])
    groups = slots[0].get("groups")
    if cell is None:
        return [len(groups), 0] if groups else [values]
    if column["type"] in ("categorical", "address"):
        known = [t.get("value") for t in tokens[:values]]
        return [known.index(cell) if cell in known else known.index(None)]
    level = bisect.bisect_right([t["from"] for t in tokens[1:values]], cell)
    if groups is None:
        return [level]
    group = next(g for g in range(len(groups)) if level < sum(groups[:g + 1]))
    return [group, level - sum(groups[:group])]


def digit_tokens(column, cell):
    places = column["slots"]
    if cell is None:
        return [len(places[0]["digits"])] + [0] * (len(places) - 1)
    number = min(max(cell, column["low"]), column["high"]) - min(column["low"], 0)
    digits = number.to_bytes(len(places), "big")
    # The nearest digit that came; of two that are as near the higher one.
    return [min(range(len(p["digits"])), key=lambda i: (abs(p["digits"][i] - d), -i))
            for p, d in zip(places, digits)]


def centre_of(column, own):
    """What tokens decode to without a draw."""
    slots = column["slots"]
    if "digits" in slots[0]:
        if own[0] == len(slots[0]["digits"]):
            return None
        number = int.from_bytes([p["digits"][t] for p, t in zip(slots, own)], "big") + min(column["low"], 0)
        return min(max(number, column["low"]), column["high"])
    tokens, groups = slots[0]["tokens"], slots[0].get("groups")
    if "missing" in tokens[-1] and own[0] == (len(groups) if groups else len(tokens) - 1):
        return None
    if column["type"] in ("categorical", "address"):
        most = max((t for t in tokens if "value" in t), key=lambda t: t["count"])
        return tokens[own[0]].get("value", most["value"])
    level = own[0] if groups is None else sum(groups[:own[0]]) + min(own[1], groups[own[0]] - 1)
    token = tokens[level]
    if "low" not in token:
        return token["values"][0]
    middle = (token["low"] + token["high"]) / 2
    if column["type"] == "timestamp":
        return int(math.floor(middle / 10**9 + 0.5)) * 10**9
    return round(middle) if column["type"] == "integer" else round(middle * 100) / 100


def version_2_cases():
    """Rows of cells, with their tokens, and rows of tokens, with their values in the middle."""
    names = [c["name"] for c in GOOD_2["columns"]]
    cells = {"duration": [0.0, 0.24, 0.25, 1.74, 1.75, 2.99, 3.0, 5.99, 6.0, 1e6, -1.0, None],
             "bytes": [60, 89, 90, 1500, 0, 10**12, 60, 60, 60, 60, 60, 60],
             "port": [-2, -1, 0, 53, 443, 8080, 65533, 65534, 70000, 80000, -70, None],
             "service": [53, 247, 248, 443, 444, 0, 53, 53, 53, 443, 443, 53],
             "state": ["CON", "S_", "RST", None, "CON", "INT", "CON", "CON", "S_", "S_", "CON", "CON"],
             "host": ["10.0.0.1", "2001:db8::1"] * 6,
             "start": [0, 1, HOUR, 2 * HOUR - 1, 2 * HOUR, 3 * HOUR, 0, 0, 0, 0, 0, -HOUR],
             "rate": [0.0] * 12, "twice": [106] * 12}
    encoded = [[t for c in GOOD_2["columns"] for t in tokens_of(c, cells[c["name"]][row])] for row in range(12)]
    values = {}
    for c in GOOD_2["columns"]:
        if not c.get("derived"):
            values[c["name"]] = [centre_of(c, tokens_of(c, cell)) for cell in cells[c["name"]]]
    values["rate"] = [0.0 if not d else math.floor(b / d * 1000 + 0.5) / 1000
                      for b, d in zip(values["bytes"], values["duration"])]
    values["twice"] = [2 * v for v in values["service"]]
    return {"columns": [{"name": n, "type": c["type"], "cells": cells[n], "values": values[n]}
                        for n, c in zip(names, GOOD_2["columns"])], "tokens": encoded}


def rule(*path):
    return ["relations", "rules", *path]


def cyclic():
    """Two columns that are computed from each other."""
    rules = [{"derive": {"column": "rate", "sum": ["twice", "service"]}},
             {"derive": {"column": "twice", "difference": ["rate", "service"]}}]
    return GOOD_2["relations"] | {"rules": rules}


FINE, PORT, STATE, RATE = 0, 2, 4, 7
LEVELS = GOOD_2["columns"][FINE]["slots"][0]["tokens"]
BAD_2 = {
    "groups_gone": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], GONE),
    "groups_none": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], []),
    "groups_few": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], [2, 1, 1]),
    "groups_many": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], [2, 1, 3]),
    "groups_zero": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], [2, 0, 3]),
    "groups_negative": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], [6, -1]),
    "groups_real": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], [2.0, 1, 2]),
    "groups_huge": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], [2**63 - 1, 2**63 - 1, 7]),
    "groups_number": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], 5),
    "groups_too_many": ("FORMAT", 1, ["columns", FINE, "slots", 0, "groups"], [1] * 65001),
    "groups_without_fine": ("FORMAT", 2, ["columns", 1, "slots", 0, "groups"], [1, 1]),
    "codec_unknown": ("FORMAT", 1, ["columns", FINE, "codec"], "coarse"),
    "codec_auto": ("FORMAT", 1, ["columns", FINE, "codec"], "auto"),
    "codec_number": ("FORMAT", 1, ["columns", FINE, "codec"], 3),
    "codec_gone": ("FORMAT", 1, ["columns", FINE, "codec"], GONE),
    "codec_fine_of_texts": ("FORMAT", 5, ["columns", STATE, "codec"], "fine"),
    "codec_digits_of_reals": ("FORMAT", 1, ["columns", FINE, "codec"], "digits"),
    "codec_digits_of_addresses": ("FORMAT", 6, ["columns", 5, "codec"], "digits"),
    "fine_two_slots": ("FORMAT", 1, ["columns", FINE, "slots"], GOOD_2["columns"][FINE]["slots"] * 2),
    "fine_only_missing": ("FORMAT", 1, ["columns", FINE, "slots", 0, "tokens"], LEVELS[-1:]),
    "fine_level_order": ("FORMAT", 1, ["columns", FINE, "slots", 0, "tokens"],
                         [LEVELS[0], LEVELS[2], LEVELS[1], *LEVELS[3:]]),
    "fine_counts": ("FORMAT", 1, ["columns", FINE, "slots", 0, "tokens", 2, "count"], 2),
    "digits_low_gone": ("FORMAT", 3, ["columns", PORT, "low"], GONE),
    "digits_low_real": ("FORMAT", 3, ["columns", PORT, "low"], -2.0),
    "digits_low_above_high": ("FORMAT", 3, ["columns", PORT, "low"], 70001),
    "digits_places_few": ("FORMAT", 3, ["columns", PORT, "slots"], GOOD_2["columns"][PORT]["slots"][:2]),
    "digits_places_many": ("FORMAT", 3, ["columns", PORT, "high"], 2**40),
    "digits_whole_range": ("FORMAT", 3, ["columns", PORT, "low"], -2**63),
    "digits_above_high": ("FORMAT", 3, ["columns", PORT, "slots", 0, "digits"], [5, 9]),
    "digits_none": ("FORMAT", 3, ["columns", PORT, "slots", 0, "digits"], []),
    "digits_unsorted": ("FORMAT", 3, ["columns", PORT, "slots", 1, "digits"], [0, 31, 17, 255]),
    "digits_equal": ("FORMAT", 3, ["columns", PORT, "slots", 1, "digits"], [0, 17, 17, 255]),
    "digits_256": ("FORMAT", 3, ["columns", PORT, "slots", 1, "digits"], [0, 17, 31, 256]),
    "digits_negative": ("FORMAT", 3, ["columns", PORT, "slots", 1, "digits"], [-1, 17, 31, 255]),
    "digits_text": ("FORMAT", 3, ["columns", PORT, "slots", 1, "digits"], [0, 17, 31, "255"]),
    "digits_257": ("FORMAT", 3, ["columns", PORT, "slots", 1, "digits"], list(range(257))),
    "digit_counts_short": ("FORMAT", 3, ["columns", PORT, "slots", 1, "counts"], [4, 3, 3]),
    "digit_counts_sum": ("FORMAT", 3, ["columns", PORT, "slots", 1, "counts"], [4, 3, 1, 1]),
    "digit_counts_over": ("FORMAT", 3, ["columns", PORT, "slots", 1, "counts"], [4, 3, 1, 3]),
    "digit_counts_zero": ("FORMAT", 3, ["columns", PORT, "slots", 1, "counts"], [4, 4, 0, 2]),
    "digit_counts_huge": ("FORMAT", 3, ["columns", PORT, "slots", 1, "counts"], [2**63 - 1, 3, 1, 2]),
    "digit_slot_number": ("FORMAT", 3, ["columns", PORT, "slots", 2], 7),
    "digits_missing_all": ("FORMAT", 3, ["columns", PORT, "missing"], 12),
    "digits_missing_zero": ("FORMAT", 3, ["columns", PORT, "missing"], 0),
    "digits_missing_text": ("FORMAT", 3, ["columns", PORT, "missing"], "2"),
    "digits_missing_other": ("FORMAT", 3, ["columns", PORT, "missing"], 3),
    "rare_first": ("FORMAT", 5, ["columns", STATE, "slots", 0, "tokens", 0], {"count": 7, "rare": True}),
    "rare_before_a_text": ("FORMAT", 5, ["columns", STATE, "slots", 0, "tokens", 1], {"count": 2, "rare": True}),
    "rare_alone": ("FORMAT", 5, ["columns", STATE, "slots", 0, "tokens"], [{"count": 12, "rare": True}]),
    "rare_after_missing": ("FORMAT", 5, ["columns", STATE, "slots", 0, "tokens"],
                           [{"count": 7, "value": "CON"}, {"count": 2, "value": "S_"},
                            {"count": 1, "missing": True}, {"count": 2, "rare": True}]),
    "rare_false": ("FORMAT", 5, ["columns", STATE, "slots", 0, "tokens", 2, "rare"], False),
    "rare_without_protection": ("FORMAT", 5, ["rare_rows"], GONE),
    "rare_rows_zero": ("FORMAT", 0, ["rare_rows"], 0),
    "rare_rows_text": ("FORMAT", 0, ["rare_rows"], "2"),
    "derived_without_relations": ("FORMAT", 8, ["relations"], GONE),
    "derived_without_rule": ("FORMAT", 8, rule(0), {"compare": {"left": "bytes", "at_most": 2000}}),
    "derived_by_uncertain": ("FORMAT", 8, rule(0), GOOD_2["relations"]["rules"][0] | {
        "found": True, "applies": 12, "obey": 11}),
    "derived_in_some_rows": ("FORMAT", 8, rule(0), GOOD_2["relations"]["rules"][0] | {"when": {"state": "CON"}}),
    "derived_ring": ("FORMAT", 8, ["relations"], cyclic()),
    "derived_text": ("FORMAT", 8, ["columns", RATE, "type"], "categorical"),
    "derived_address": ("FORMAT", 8, ["columns", RATE, "type"], "address"),
    "derived_with_slots": ("FORMAT", 8, ["columns", RATE, "slots"], GOOD_2["columns"][1]["slots"]),
    "derived_low_gone": ("FORMAT", 8, ["columns", RATE, "low"], GONE),
    "derived_low_above_high": ("FORMAT", 8, ["columns", RATE, "low"], 3001.0),
    "derived_high_text": ("FORMAT", 8, ["columns", RATE, "high"], "3000"),
    "derived_missing_all": ("FORMAT", 8, ["columns", RATE, "missing"], 12),
    "derived_false": ("FORMAT", 8, ["columns", RATE, "derived"], False),
    "relations_null": ("FORMAT", 0, ["relations"], None),
    "relations_array": ("FORMAT", 0, ["relations"], []),
    "relations_version": ("VERSION", 0, ["relations", "version"], 2),
    "relations_format": ("FORMAT", 0, ["relations", "format"], "flowbd3-tokenizer"),
    "relations_unknown_column": ("FORMAT", 0, rule(2, "compare", "left"), "octets"),
    "relations_of_text": ("FORMAT", 0, rule(2, "compare", "left"), "state"),
    "relations_no_claim": ("FORMAT", 0, rule(2, "compare"), GONE),
    "relations_impossible": ("FORMAT", 0, rule(2, "compare", "at_least"), 1e9),
    "relations_range_of_derived": ("FORMAT", 0, ["columns", RATE + 1], GOOD_2["columns"][RATE + 1] | {
        "low": 5000.0, "high": 6000.0}),
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
    for name, (status, column, path, value) in BAD_2.items():
        tree = changed(GOOD_2, path, value)
        lines.append(f"version_2_{name} {status} {column} " + json.dumps(tree, separators=(",", ":")))
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
    with open(os.path.join(HERE, "tokenizer", "version2.json"), "w") as f:
        json.dump(GOOD_2, f, indent=1)
        f.write("\n")
    with open(os.path.join(HERE, "tokenizer", "version2_cases.json"), "w") as f:
        json.dump(version_2_cases(), f, indent=1)
        f.write("\n")
    with open(os.path.join(HERE, "tokenizer", "sequence.json"), "w") as f:
        json.dump(GOOD | {"sequence": SEQUENCE}, f, indent=1)
        f.write("\n")
    write_bad()


main()
