"""Writes argus.csv: 420 made-up flows of eight hosts under the column names of Argus, the last 100 of them later than
the others. One host is a bot that asks for names and then tries to send mail.

  /usr/bin/python3 argus.py
"""
import datetime
import pathlib
import random

random.seed(17)
COLUMNS = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes,Label"
BEGIN = datetime.datetime(2011, 8, 17, 12, 0, 0)


def udp(label):
    sent, got = random.randint(60, 90), random.randint(80, 400)
    return [random.randint(100, 90_000) / 1e6, "udp", "<->", "192.0.2.53", 53, "CON", 2, sent + got, sent, label]


def tcp(label):
    packets = random.randint(6, 60)
    sent, got = packets * random.randint(60, 90), packets * random.randint(60, 700)
    return [round(random.expovariate(0.3), 6), "tcp", "->", f"198.51.100.{random.randint(1, 6)}", random.choice([80, 443]),
            "FSPA_FSPA", 2 * packets, sent + got, sent, label]


def icmp(label):
    packets = random.randint(1, 4)
    return [random.randint(1, 999) / 1e3, "icmp", "->", "192.0.2.1", "", "ECO", packets, 60 * packets, 60 * packets, label]


def mail():
    if random.random() < 0.5:
        return [round(random.uniform(1, 9), 6), "tcp", "->", f"203.0.113.{random.randint(1, 4)}", 25, "S_", 3, 186, 186,
                "Botnet"]
    packets = random.randint(5, 30)
    return [round(random.uniform(0.5, 6), 6), "tcp", "->", f"203.0.113.{random.randint(1, 4)}", 25, "FPA_FPA",
            2 * packets, 260 * packets, 70 * packets, "Botnet"]


def flow(host):
    if host == 7:
        return mail() if random.random() < 0.7 else udp("Botnet")
    label = "Normal" if host < 2 else "Background"
    kind = random.random()
    return udp(label) if kind < 0.5 else tcp(label) if kind < 0.9 else icmp(label)


time, rows = 0.0, []
for _ in range(420):
    time += random.expovariate(2.0)
    host = random.choice([0, 1, 2, 3, 4, 5, 6, 7, 7, 7])
    duration, protocol, direction, server, port, state, packets, total, sent, label = flow(host)
    sport = "" if protocol == "icmp" else random.randint(1025, 65535)
    stamp = BEGIN + datetime.timedelta(seconds=round(time, 3))
    rows.append([f"{stamp:%Y/%m/%d %H:%M:%S.%f}", f"{duration:.6f}", protocol, f"10.0.0.{host + 1}", sport, direction, server,
                 port, state, packets, total, sent, label])
with open(pathlib.Path(__file__).parent / "argus.csv", "w", encoding="ascii") as out:
    out.write(COLUMNS + "\n")
    for row in rows:
        out.write(",".join(map(str, row)) + "\n")
