"""Writes addresses.txt: addresses as Python's ipaddress reads and writes them, and texts that are none.

  /usr/bin/python3 addresses.py

Each line is a text, and behind a tab its canonical text or "bad". IPv4 addresses inside IPv6 end in dotted decimal
(RFC 5952, 5), which older versions of ipaddress leave out; an interface behind a % is no part of an address.
"""
import ipaddress
import pathlib
import random

random.seed(12)

ADDRESSES = ["0.0.0.0", "255.255.255.255", "10.0.0.1", "192.168.1.254", "::", "::1", "1::", "fe80::1",
             "2001:DB8::1", "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8:0:0:1:0:0:1",
             "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "0:0:1:0:0:0:1:0", "1:0:0:2:0:0:3:0",
             "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
             "::ffff:1.2.3.4", "::FFFF:192.168.0.255", "::ffff:0102:0304", "::1.2.3.4", "64:ff9b::192.0.2.33",
             "1:2:3:4:5:6:1.2.3.4", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "0::0", "::0:0:0"]

BAD = ["", ":", ".", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.256", "1.2.3.4.5", "01.2.3.4", "1.2.3.04", "1.2.3.00",
       "1..2.3", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/24", "1.2.3.4:80", "1.2.3.-4", "+1.2.3.4", "1.2.3.4a", "0x1.2.3.4",
       "1.2.3.1000", "1234567", "::1::", "1::2::3", ":::", "1:::2", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
       "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:", "12345::", "g::", "::g", "fe80::1%eth0",
       "[::1]", "::1/128", "::1.2.3", "::1.2.3.256", "::01.2.3.4", "1.2.3.4::", "1.2.3.4:1:2:3:4:5:6",
       "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "00:11:22:33:44:55", "00-11-22-33-44-55", "host", "example.com",
       "fffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "::-1", "1 ::", "::00001"]


def canonical(text):
    address = ipaddress.ip_address(text)
    mapped = address.version == 6 and address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped else address.compressed


def random_address():
    if random.random() < 0.3:
        return str(ipaddress.IPv4Address(random.getrandbits(32)))
    groups = [random.choice([0, 0, random.getrandbits(16), random.getrandbits(random.randrange(1, 17))])
              for _ in range(8)]
    address = ipaddress.IPv6Address(sum(group << 16 * i for i, group in enumerate(groups)))
    return random.choice([address.exploded, address.compressed, address.compressed.upper()])


with open(pathlib.Path(__file__).parent / "addresses.txt", "w") as out:
    for text in ADDRESSES + [random_address() for _ in range(400)]:
        out.write(f"{text}\t{canonical(text)}\n")
    for text in BAD:
        out.write(f"{text}\tbad\n")
