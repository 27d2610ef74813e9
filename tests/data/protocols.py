"""Writes protocols.csv: 400 made-up flows of three protocols, with states of their own and ports where there are some.
The rate is computed from packets and duration; source bytes exceed the bytes in one row.

  /usr/bin/python3 protocols.py
"""
import pathlib
import random

random.seed(11)
STATES = {"tcp": ["FSPA_FSPA", "S_", "SR_RA"], "udp": ["CON", "INT"], "icmp": ["ECO", "URP"]}
PORTS = {"tcp": ["22", "80", "443"], "udp": ["53"], "icmp": [""]}

with open(pathlib.Path(__file__).parent / "protocols.csv", "w") as out:
    out.write("Dur,Proto,Sport,Dport,State,TotPkts,TotBytes,SrcBytes,Rate\n")
    for row in range(400):
        proto = random.choice(["tcp", "tcp", "udp", "icmp"])
        duration = random.randint(1, 9000) / 1000
        packets = random.randint(1, 40)
        total = packets * random.randint(60, 900)
        source = total + 1 if row == 200 else random.randint(total // 3, total)
        port = "" if proto == "icmp" else random.randint(1024, 65535)
        out.write(f"{duration},{proto},{port},{random.choice(PORTS[proto])},{random.choice(STATES[proto])},{packets},"
                  f"{total},{source},{packets / duration:.4f}\n")
