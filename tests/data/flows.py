"""Writes flows.csv: 400 made-up flows with a real, two integer and a categorical column with missing cells.

  /usr/bin/python3 flows.py
"""
import pathlib
import random

random.seed(3)
with open(pathlib.Path(__file__).parent / "flows.csv", "w") as out:
    out.write("duration,packets,protocol,service\n")
    for _ in range(400):
        protocol = random.choice([6, 6, 6, 17, 17, 1])
        duration = random.expovariate(0.1)
        service = {6: "http", 17: "dns", 1: ""}[protocol]
        out.write(f"{duration:.3f},{1 + int(3 * duration)},{protocol},{service}\n")
