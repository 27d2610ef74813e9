#!/usr/bin/env python3
"""Runs the benchmark programs of a build several times in turn and prints a table of ratios.

Every figure is the median over the runs. Its ratio is to a bound that was measured in the same run (what BLIS
reaches at the same shapes, a copy of the same bytes) or to a peer that ran just before or after it (one
thread; PyTorch with --torch), and is the median of the ratios of these pairs.

Exit status: 0, 1 (failed, one line on stderr), 2 (wrong usage).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SLOWER = 1.10  # than the baseline by more than this is marked

# ---- what is measured ---------------------------------------------------------------------------------------

# A figure of a program: what, key, unit, and what stands beside it: a name, a key and, where the program itself
# pairs the two, the key of their ratio; or nothing. Times and memory are better when lower.
RATE, TIME, MEMORY = "rows/s", "s", "MB"
LOWER_IS_BETTER = ("s", "ms", "us", "MB")

MODEL_FIGURES = [
    ("rows", "rows_per_s", RATE, None),
    ("products", "gflops", "Gflop/s", ("BLIS at these shapes", "blis_gflops", "blis_share")),
    ("products", "gflops", "Gflop/s", ("fb3_gemm at these shapes", "ceiling_gflops", "ceiling_share")),
    ("peak memory", "peak_rss_mb", MEMORY, None),
]
FIGURES = {
    "gemm": [
        ("shapes of a training step", "train_gflops", "Gflop/s", ("BLIS itself", "train_blis_gflops")),
        ("shapes of a training step", "train_gflops", "Gflop/s", ("512-square", "square_gflops")),
        ("the same on one thread", "train_one_gflops", "Gflop/s", ("512-square", "square_one_gflops")),
        ("shapes of a sampler's tile", "forward_gflops", "Gflop/s", ("BLIS itself", "forward_blis_gflops")),
        ("shapes of a sampler's tile", "forward_gflops", "Gflop/s", ("512-square", "square_gflops")),
        ("the same on one thread", "forward_one_gflops", "Gflop/s", ("512-square", "square_one_gflops")),
    ],
    "train": MODEL_FIGURES,
    "sample": MODEL_FIGURES,
    "score": [
        ("rows, chain rule", "rows_per_s", RATE, None),
        ("products, chain rule", "gflops", "Gflop/s",
         ("fb3_gemm at these shapes", "ceiling_gflops", "ceiling_share")),
        ("rows, NELBO", "nelbo_rows_per_s", RATE, None),
        ("products, NELBO", "nelbo_gflops", "Gflop/s",
         ("fb3_gemm at these shapes", "nelbo_ceiling_gflops", "nelbo_ceiling_share")),
        ("peak memory", "peak_rss_mb", MEMORY, None),
    ],
    "tokenizer": [
        ("fit", "fit_rows_per_s", RATE, ("qsort of the numbers", "sort_rows_per_s")),
        ("fit without relations", "fit_without_search_rows_per_s", RATE,
         ("qsort of the numbers", "sort_rows_per_s")),
        ("encode", "encode_rows_per_s", RATE, ("copy of the columns", "copy_rows_per_s")),
        ("decode", "decode_rows_per_s", RATE, ("copy of the columns", "copy_rows_per_s")),
    ],
    "csv": [
        ("load", "load_mb_per_s", "MB/s", ("libcsv alone", "libcsv_mb_per_s")),
        ("save", "save_mb_per_s", "MB/s", ("the bytes alone", "copy_mb_per_s")),
        ("peak memory after loading", "peak_rss_mb_load", MEMORY, ("cells and masks", "column_megabytes")),
    ],
    "evaluate": [
        ("real table", "create_seconds", TIME, None),
        ("marginals, pairs", "marginal_seconds", TIME, None),
        ("distances between rows", "neighbour_seconds", TIME, None),
        ("distances between rows", "neighbour_gflops", "Gflop/s", ("fb3_gemm, 512-square", "square_gflops")),
    ],
    "narrow": [
        ("a decision", "next_us", "us", None),
        ("a row settled", "settle_us", "us", None),
    ],
    "start": [
        ("context", "create_ms", "ms", None),
        ("load of a small model", "load_ms", "ms", None),
        ("process", "process_ms", "ms", ("one that does nothing", "empty_process_ms")),
    ],
}
OF_MODELS = ("gemm", "train", "sample", "score")
WITHOUT_SECONDS = ("csv", "narrow", "start")


class Failure(Exception):
    """One line on stderr."""


class Job:
    """A program with its arguments, and the results of its runs."""

    def __init__(self, bench, title, command, environment=None):
        self.bench, self.title, self.command, self.environment = bench, title, command, environment
        self.results = []

    def run(self):
        environment = dict(os.environ, **(self.environment or {}))
        done = subprocess.run(self.command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()
            raise Failure(f"{' '.join(self.command)}: {lines[-1]}")
        try:
            self.results.append(json.loads(done.stdout))
        except ValueError:
            raise Failure(f"{' '.join(self.command)}: printed no JSON") from None

    def values(self, key):
        return [result[key] for result in self.results]


# ---- figures ------------------------------------------------------------------------------------------------


def make_figure(name, unit, values, beside=None, others=None, ratios=None):
    """Medians of values and others, and of their ratios pair by pair."""
    figure = {"name": name, "unit": unit, "value": statistics.median(values)}
    if beside is not None:
        ratios = ratios or [value / other for value, other in zip(values, others)]
        figure.update(beside=beside, other=statistics.median(others), ratio=statistics.median(ratios))
    return figure


def figures_of(job):
    figures = []
    for what, key, unit, beside in FIGURES[job.bench]:
        name, *keys = beside if beside is not None else (None,)
        others = [job.values(other) for other in keys]
        figures.append(make_figure(f"{job.title}: {what}", unit, job.values(key), name, *others))
    return figures


def better_by(unit, new, old):
    """How many times better new is than old."""
    return old / new if unit in LOWER_IS_BETTER else new / old


def compare(figures, baseline):
    """Adds to every figure that the baseline has too how many times better it is, and whether that is slower.
    Returns the names of the slower ones."""
    before = {(f["name"], f["unit"]): f["value"] for f in baseline}
    slower = []
    for figure in figures:
        old = before.get((figure["name"], figure["unit"]))
        if old is None or old <= 0.0 or figure["value"] <= 0.0:
            continue
        figure["against_baseline"] = better_by(figure["unit"], figure["value"], old)
        figure["slower"] = figure["against_baseline"] < 1.0 / SLOWER
        if figure["slower"] and figure["name"] not in slower:
            slower.append(figure["name"])
    return slower


def show_number(x):
    if x >= 1000.0:
        return f"{x:,.0f}"
    return f"{x:.3g}" if x < 100.0 else f"{x:.0f}"


def show_table(figures):
    """Lines of a table in Markdown."""
    compared = any("against_baseline" in figure for figure in figures)
    rows = [["", "value", "unit", "beside", "value", "ratio"] + (["times the baseline"] if compared else [])]
    for figure in figures:
        row = [figure["name"], show_number(figure["value"]), figure["unit"]]
        if "ratio" in figure:
            row += [figure["beside"], show_number(figure["other"]), f"{figure['ratio']:.3g}"]
        else:
            row += ["", "", ""]
        if compared:
            times = f"{figure['against_baseline']:.2f}" if "against_baseline" in figure else ""
            row.append(times + (" slower" if figure.get("slower") else ""))
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    return ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]


# ---- jobs ---------------------------------------------------------------------------------------------------


def program(build, bench):
    path = os.path.join(build, "tests", "bench", "bench-" + bench)
    if not os.access(path, os.X_OK):
        raise Failure(f"'{path}' is not there: meson compile -C {build}")
    return path


def model_jobs(options, bench):
    """All threads in blocks of a flow, one thread beside it, and blocks of a token."""
    path, jobs = program(options.build, bench), []
    for config in options.config:
        common = [path, "--config", config, "--seconds", str(options.seconds)]
        jobs.append(Job(bench, f"{bench} {config}", common))
        if bench in ("train", "sample"):
            jobs.append(Job(bench, f"{bench} {config}, one thread", common + ["--threads", "1"]))
            jobs.append(Job(bench, f"{bench} {config}, blocks of a token", common + ["--blocks", "token"]))
    return jobs


def make_jobs(options):
    jobs = []
    for bench in options.only:
        if bench in OF_MODELS:
            jobs += model_jobs(options, bench)
        else:
            seconds = [] if bench in WITHOUT_SECONDS else ["--seconds", str(options.seconds)]
            jobs.append(Job(bench, bench, [program(options.build, bench)] + seconds))
    return jobs


# ---- PyTorch ------------------------------------------------------------------------------------------------


def torch_settings():
    """Two ways to give PyTorch all processors: to its BLAS, or to both."""
    every = str(os.cpu_count() or 1)
    return [("1", {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": every}),
            (every, {"OMP_NUM_THREADS": every, "OPENBLAS_NUM_THREADS": every})]


def best_peer(commands, key):
    """The fastest of some jobs, run once each."""
    jobs = [Job("torch", "PyTorch", *command) for command in commands]
    for job in jobs:
        job.run()
    return max(jobs, key=lambda job: job.results[0][key])


def train_peer(options, config):
    def command(threads, environment, steps):
        call = [options.python, options.torch, "--bench", str(steps), "--config", config, "--threads", threads]
        return call + (["--features", "6"] if config == "quick" else []), environment

    best = best_peer([command(*setting, 3) for setting in torch_settings()], "train_flows_per_s")
    threads = best.command[best.command.index("--threads") + 1]
    return Job("torch", "PyTorch", *command(threads, best.environment, options.torch_steps))


def sample_peer(options, config, blocks):
    def command(threads, environment):
        return [options.python, os.path.join(HERE, "torch_sample.py"), "--config", config, "--blocks", blocks,
                "--threads", threads, "--seconds", "1"], environment

    calls = [command(*setting) for setting in torch_settings()]
    best = best_peer([(call + ["--batches", "256"], environment) for call, environment in calls], "rows_per_s")
    every_batch = best_peer([(best.command[:-2], best.environment)], "rows_per_s")
    result = every_batch.results[0]
    call = every_batch.command[:-1] + [str(options.seconds), "--batches", str(result["batch"]), "--attention",
                                       result["attention"]]
    return Job("torch", "PyTorch", call, best.environment)


def find_peers(options, jobs):
    """A peer in its best setting for every job of all threads that has one."""
    peers = {}
    for job in jobs:
        if job.bench not in ("train", "sample") or "--threads" in job.command:
            continue
        config = job.command[job.command.index("--config") + 1]
        token = "token" in job.command
        if job.bench == "train" and token:
            continue  # the reference has blocks of a flow alone
        tell(f"best setting of PyTorch: {job.title}")
        peers[job] = (train_peer(options, config) if job.bench == "train"
                      else sample_peer(options, config, "token" if token else "flow"))
    return peers


def peer_figures(job, peer):
    theirs = peer.values("train_flows_per_s" if job.bench == "train" else "rows_per_s")
    figures = [make_figure(f"{job.title}: rows", RATE, job.values("rows_per_s"), "PyTorch", theirs)]
    if job.bench == "train":
        figures.append(make_figure(f"{job.title}: peak memory", MEMORY, job.values("peak_rss_mb"), "PyTorch",
                                   peer.values("peak_rss_mb")))
    return figures


# ---- the whole ----------------------------------------------------------------------------------------------


def tell(text):
    print(text, file=sys.stderr, flush=True)


def run_in_turn(options, jobs, peers):
    for run in range(options.runs):
        for job in jobs:
            tell(f"run {run + 1} of {options.runs}: {job.title}")
            job.run()
            if job in peers:
                tell(f"run {run + 1} of {options.runs}: {job.title}, PyTorch")
                peers[job].run()


def thread_figures(job, one):
    """All threads beside one: by windows that took turns where the program has some, otherwise by runs."""
    paired = all("threads_gain" in result for result in job.results)
    return [make_figure(f"{job.title}: rows", RATE, job.values("rows_per_s"), "one thread",
                        one.values("rows_per_s"), job.values("threads_gain") if paired else None)]


def all_figures(jobs, peers):
    """Job by job; what stands beside something need not stand alone, too."""
    by_title, figures = {job.title: job for job in jobs}, []
    for job in jobs:
        beside = peer_figures(job, peers[job]) if job in peers else []
        one = by_title.get(f"{job.title}, one thread")
        beside += thread_figures(job, one) if one is not None else []
        names = {figure["name"] for figure in beside}
        figures += beside + [f for f in figures_of(job) if "ratio" in f or f["name"] not in names]
    return figures


def checksums(jobs):
    """What the runs of all threads and of one have computed, by kind: sets of checksums."""
    sums = {}
    for job in jobs:
        for result in job.results:
            for key in ("weights_crc32", "rows_crc32"):
                if key in result:
                    sums.setdefault((key, result["config"], result["blocks"]), set()).add(result[key])
    return sums


def describe_library(build):
    """Size of the shared library in bytes, and the names of what it needs."""
    folder = os.path.join(build, "lib")
    names = [n for n in os.listdir(folder) if n.startswith("libflowbd3.so")] if os.path.isdir(folder) else []
    files = [os.path.join(folder, n) for n in names if os.path.isfile(os.path.join(folder, n))]
    if not files:
        raise Failure(f"'{folder}' has no libflowbd3.so")
    path = os.path.realpath(files[0])
    try:
        text = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise Failure(f"readelf cannot read '{path}'") from None
    needed = [line.split("[")[1].split("]")[0] for line in text.splitlines() if "(NEEDED)" in line]
    return os.path.getsize(path), needed


def read_baseline(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)["figures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"'{path}' is no --json file of an earlier run: {error}") from None


def check_options(options):
    if not os.path.isdir(options.build):
        raise Failure(f"no build directory '{options.build}'")
    if options.torch is None:
        return
    if not os.path.isfile(options.torch):
        raise Failure(f"no script '{options.torch}'")
    try:
        subprocess.run([options.python, "-c", "import torch"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise Failure(f"{options.python} cannot import torch: give one that can by --python") from None


def list_of(names):
    def parse(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(names)}")
        return chosen
    return parse


def parse_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build", help="build directory (build)")
    parser.add_argument("--runs", type=int, default=3, help="runs of every program (3)")
    parser.add_argument("--seconds", type=int, default=10, help="least time measured in a run (10)")
    parser.add_argument("--config", type=list_of(("default", "quick")), default=["default", "quick"],
                        metavar="NAMES", help="sizes of models (default,quick)")
    parser.add_argument("--only", type=list_of(tuple(FIGURES)), default=list(FIGURES), metavar="NAMES",
                        help=f"some of {','.join(FIGURES)}")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--baseline", metavar="FILE", help="compare with an earlier --json of this machine")
    parser.add_argument("--torch", metavar="FILE", help="the reference's network in PyTorch, run in alternation")
    parser.add_argument("--torch-steps", type=int, default=20, help="training steps of a run of it (20)")
    parser.add_argument("--python", default=sys.executable, help="the Python that has PyTorch")
    options = parser.parse_args(arguments)
    if options.runs < 1 or options.seconds < 1 or options.torch_steps < 1:
        parser.error("--runs, --seconds and --torch-steps are 1 or more")
    return options


def measure(options):
    check_options(options)
    baseline = read_baseline(options.baseline) if options.baseline is not None else []
    jobs = make_jobs(options)
    size, needed = describe_library(options.build)
    peers = find_peers(options, jobs) if options.torch is not None else {}
    run_in_turn(options, jobs, peers)
    figures = all_figures(jobs, peers) + [make_figure("library: file", MEMORY, [size / 1e6])]
    slower = compare(figures, baseline)
    print("\n".join(show_table(figures)))
    print(f"\nlibflowbd3.so needs {', '.join(needed)}.")
    builds = sorted({result["build"] for job in jobs for result in job.results if "build" in result})
    print("\n".join(builds))
    for job, peer in peers.items():
        setting = " ".join(f"{key}={value}" for key, value in peer.environment.items())
        print(f"{job.title}: PyTorch as {setting} {os.path.basename(peer.command[1])} {' '.join(peer.command[2:])}")
    if options.json is not None:
        report = {"runs": options.runs, "seconds": options.seconds, "build": builds, "figures": figures,
                  "results": {job.title: job.results for job in jobs}}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
    if slower:
        print(f"More than {SLOWER - 1:.0%} slower than the baseline: {'; '.join(slower)}.")
    differing = [" ".join(key) for key, sums in checksums(jobs).items() if len(sums) > 1]
    if differing:
        raise Failure(f"results depend on the number of threads: {'; '.join(differing)}")
    if checksums(jobs):
        print("Weights and rows are the same in all runs, on one thread and on all.")


def main():
    try:
        measure(parse_options(None))
    except (Failure, OSError) as failure:
        sys.exit(f"bench.py: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
