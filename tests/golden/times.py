"""Writes times.txt: times as Python's datetime reads them, and texts that are none.

  /usr/bin/python3 times.py

Each line is a text, and behind a tab its nanoseconds since 1970-01-01T00:00:00Z or "bad".
"""
import datetime
import pathlib
import random

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
random.seed(11)

TIMES = ["1970-01-01T00:00:00Z", "1969-12-31 23:59:59", "2000-02-29 12:00:00", "1900-02-28T23:59:59Z",
         "2011-08-17 12:01:33.123456", "2011/08/17 12:01:33", "2011-08-17T12:01:33.123Z",
         "1677-09-21T00:12:44Z", "2262-04-11T23:47:16.854775Z", "1678-01-01 00:00:00", "2261-12-31 23:59:59.9",
         "2038-01-19T03:14:08Z", "2011-08-17T12:01:33+02:00", "2011-08-17T12:01:33.5-0930",
         "2012-01-01 00:30:00+01:00", "2011-12-31T23:30:00-01:00", "2011-08-17 12:01:33+00:00"]

BAD = ["", "2011-08-17", "12:01:33", "2011-02-30 00:00:00", "2011-02-29 00:00:00", "1900-02-29 00:00:00",
       "2100-02-29T00:00:00Z", "2011-04-31 00:00:00", "2011-13-01 00:00:00", "2011-00-01 00:00:00",
       "2011-01-00 00:00:00", "2011-08-17 24:00:00", "2011-08-17 12:60:00", "2011-08-17 12:01:60",
       "2016-12-31T23:59:60Z", "2011-08-17 12:01", "2011-08-17 12:01:33.", "2011-08-17 12:01:33.Z",
       "2011-08-17 12:01:33.1234567890", "2011-08-17 12:01:33,5", "2011-08/17 12:01:33",
       "2011/08-17 12:01:33", "2011-8-17 12:01:33", "2011-08-17t12:01:33", "2011-08-17 12:01:33z",
       "2011-08-17 12:01:33 Z", "2011-08-17 12:01:33ZZ", "2011-08-17 12:01:33+2", "2011-08-17 12:01:33+02",
       "2011-08-17 12:01:33+24:00", "2011-08-17 12:01:33+02:60", "2011-08-17 12:01:33+02-00",
       "2011-08-17  12:01:33", " 2011-08-17 12:01:33", "2011-08-17 12:01:33 ", "2011-08-17 12:01:3a",
       "20110817T120133Z", "-011-08-17 12:01:33", "+2011-08-17 12:01:33", "17/08/2011 12:01:33",
       "1677-09-21T00:12:43Z", "2262-04-11T23:47:17Z", "0000-01-01 00:00:00", "9999-12-31 23:59:59",
       "2011-08-17 -1:01:33", "2011-08-17 12:+1:33"]


def nanoseconds(text):
    iso = text.replace("/", "-").replace("Z", "+00:00")
    if len(iso) > 5 and iso[-5] in "+-" and iso[-3] != ":":
        iso = iso[:-2] + ":" + iso[-2:]
    fraction = ""
    if "." in iso:
        head, tail = iso.split(".")
        digits = len(tail) - len(tail.lstrip("0123456789"))
        fraction, iso = tail[:digits], head + tail[digits:]
    time = datetime.datetime.fromisoformat(iso)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    whole = (time - EPOCH) // datetime.timedelta(seconds=1)
    return whole * 10**9 + int(fraction.ljust(9, "0"))


def random_time():
    time = datetime.datetime(1678, 1, 1) + datetime.timedelta(seconds=random.randrange(18429984000))
    digits = random.randrange(10)
    fraction = "." + "".join(random.choices("0123456789", k=digits)) if digits else ""
    date, clock = random.choice(["%Y-%m-%d", "%Y/%m/%d"]), random.choice(["T%H:%M:%S", " %H:%M:%S"])
    return time.strftime(date + clock) + fraction + random.choice(["", "Z"])


with open(pathlib.Path(__file__).parent / "times.txt", "w") as out:
    for text in TIMES + [random_time() for _ in range(400)]:
        out.write(f"{text}\t{nanoseconds(text)}\n")
    for text in BAD:
        out.write(f"{text}\tbad\n")
