"""Writes sequences.csv: 396 made-up flows of 12 hosts, mixed in time. A host asks the name server, then the web
server; every fourth host scans ports, one after the other and a second apart.

  /usr/bin/python3 sequences.py
"""
import pathlib
import random

random.seed(5)


def flows(host, start, count):
    time, port = start, 80
    for i in range(count):
        if host % 4 == 3:
            time, port = time + 1.0, 20 + i
            yield time, f"h{host}", "tcp", port, 60, "scan"
        elif i % 2 == 0:
            time += random.expovariate(0.05)
            yield time, f"h{host}", "udp", 53, random.randint(60, 90), "normal"
        else:
            time += 0.1
            port = random.choice([80, 443])
            yield time, f"h{host}", "tcp", port, random.randint(400, 4000), "normal"


rows = [flow for host in range(12) for flow in flows(host, random.uniform(0, 60), 28 + host % 3 * 5)]
rows.sort(key=lambda row: row[0])
with open(pathlib.Path(__file__).parent / "sequences.csv", "w") as out:
    out.write("time,host,proto,port,bytes,label\n")
    for time, *rest in rows:
        out.write(",".join([f"{time:.2f}", *map(str, rest)]) + "\n")
