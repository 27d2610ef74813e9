"""What bench.py computes from results: medians, ratios of pairs, the comparison with a baseline."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bench  # pylint: disable=wrong-import-position


def job(title, **results):
    made = bench.Job("train", title, [])
    made.results = [dict(zip(results, values)) for values in zip(*results.values())]
    return made


# The median of the ratios of pairs, which is not the ratio of the medians.
figure = bench.make_figure("a", "rows/s", [10.0, 40.0, 30.0], "b", [10.0, 20.0, 60.0])
assert figure["value"] == 30.0 and figure["other"] == 20.0 and figure["ratio"] == 1.0
assert "ratio" not in bench.make_figure("a", "rows/s", [1.0])

# Rates are better when higher, times and memory when lower; a tenth is not yet slower.
figures = [bench.make_figure("rate", "rows/s", [80.0]), bench.make_figure("time", "ms", [5.0]),
           bench.make_figure("memory", "MB", [109.0]), bench.make_figure("new", "s", [1.0])]
before = [bench.make_figure("rate", "rows/s", [100.0]), bench.make_figure("time", "ms", [10.0]),
          bench.make_figure("memory", "MB", [100.0]), bench.make_figure("gone", "s", [1.0])]
assert bench.compare(figures, before) == ["rate"]
assert [f.get("against_baseline") for f in figures[:2]] == [0.8, 2.0] and not figures[2]["slower"]
assert "against_baseline" not in figures[3]
table = bench.show_table(figures)
assert len(table) == 6 and len({len(line) for line in table}) == 1
assert "0.80 slower" in table[2] and "times the baseline" in table[0]

# What stands beside another thing than in the baseline is compared all the same.
doubled, once = bench.make_figure("a", "MB", [2.0], "b", [1.0]), bench.make_figure("a", "MB", [1.0])
assert bench.compare([doubled], [once]) == ["a"]


# All threads beside one, and their checksums.
def job_of_two(title, rows, sums):
    return job(title, rows_per_s=rows, gflops=rows, blis_gflops=[80.0] * 2, blis_share=[0.5, 0.7],
               ceiling_gflops=[100.0] * 2, ceiling_share=[0.4] * 2, square_gflops=[100.0] * 2,
               peak_rss_mb=[9.0] * 2, weights_crc32=sums, config=["x"] * 2, blocks=["flow"] * 2)


all_threads = job_of_two("train x", [30.0, 50.0], ["1", "1"])
one_thread = job_of_two("train x, one thread", [20.0, 20.0], ["1", "2"])
of_all = [f for f in bench.all_figures([all_threads, one_thread], {}) if f["name"] == "train x: rows"]
assert len(of_all) == 1 and of_all[0]["beside"] == "one thread" and of_all[0]["ratio"] == 2.0
for result in all_threads.results:
    result["threads_gain"] = 1.8
of_all = [f for f in bench.all_figures([all_threads, one_thread], {}) if f["name"] == "train x: rows"]
assert of_all[0]["ratio"] == 1.8 and of_all[0]["other"] == 20.0

# Ratios that a program has taken pair by pair itself.
of_blis = [f for f in bench.figures_of(all_threads) if f.get("beside") == "BLIS at these shapes"]
assert len(of_blis) == 1 and abs(of_blis[0]["ratio"] - 0.6) < 1e-9 and of_blis[0]["other"] == 80.0
assert bench.checksums([all_threads]) == {("weights_crc32", "x", "flow"): {"1"}}
assert len(bench.checksums([all_threads, one_thread])[("weights_crc32", "x", "flow")]) == 2
