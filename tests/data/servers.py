"""Writes servers.csv: 300 made-up flows of 10 clients to 4 servers, with times of microseconds and addresses.

  /usr/bin/python3 servers.py
"""
import datetime
import pathlib
import random

random.seed(8)
SERVERS = ["192.0.2.10", "192.0.2.53", "2001:db8::10", "2001:db8::53"]


def flows(client, time):
    for _ in range(30):
        time += datetime.timedelta(microseconds=random.randrange(1, 5_000_000))
        server = random.choice(SERVERS)
        port = 53 if server.endswith("53") else random.choice([80, 443])
        yield time, client, server, port, random.randint(60, 1500) * (1 if port == 53 else 10)


begin = datetime.datetime(2011, 8, 17, 23, 58, 20)
rows = [flow for i in range(10) for flow in flows(f"10.0.0.{i + 1}" if i % 3 else f"2001:db8:1::{i + 1:x}",
                                                  begin + datetime.timedelta(seconds=random.uniform(0, 60)))]
rows.sort()
with open(pathlib.Path(__file__).parent / "servers.csv", "w") as out:
    out.write("start,client,server,port,bytes\n")
    for time, *rest in rows:
        out.write(",".join([f"{time:%Y/%m/%d %H:%M:%S.%f}", *map(str, rest)]) + "\n")
