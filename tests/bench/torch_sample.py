#!/usr/bin/env python3
"""Exact sampling in PyTorch with a network of bench-sample's sizes: its peer in speed.

A transformer with separate vocabularies for the slots of a row: pre-norm, rotary positions, GELU. The slots of
a row are drawn one after the other in a random order of the row's own, each from the softmax over the slot's
own values given those before. The weights are random, as in bench-sample; nothing is decoded.

--blocks flow: all slots go through the network at every step. --blocks token: at every step the token decided
last goes through it, whose keys and values are kept, and the masked one. Both leave out what nobody needs: the
first step, which is the same for every row, is taken once; the last layer has queries for the drawn slot alone;
logits are computed for that slot alone. --plain: blocks of a flow without any of this, as the loop is usually
written: every step takes all slots through all layers and computes the logits of all.

Prints one JSON line: rows per second of the fastest batch size and form of attention.
"""

import argparse
import json
import resource
import sys
import time

try:
    import torch
    from torch.nn import functional
except ImportError as error:
    sys.exit(f"torch_sample.py: {error}")

CONFIGS = {
    "default": dict(slots=8, bins=256, width=256, heads=8, layers=6, hidden=1024),
    "quick": dict(slots=6, bins=128, width=512, heads=16, layers=16, hidden=1024),
}


def plain_attention(q, k, v, visible):
    """[B, H, queries, d] of queries over keys; visible is added to the scores, or None."""
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if visible is not None:
        scores += visible
    return scores.softmax(-1) @ v


def elementwise_attention(q, k, v, visible):
    """The same without products of matrices as small as these."""
    scores = (q.unsqueeze(3) * k.unsqueeze(2)).sum(-1) * q.shape[-1] ** -0.5
    if visible is not None:
        scores += visible
    return (scores.softmax(-1).unsqueeze(4) * v.unsqueeze(2)).sum(3)


ATTENTIONS = {"plain": plain_attention, "elementwise": elementwise_attention}


class Network:
    """Weights [out, in]; rows of tokens [B, n] with the slots they stand in, [B, n]."""

    def __init__(self, slots, bins, width, heads, layers, hidden):
        self.slots, self.bins, self.width, self.heads = slots, bins, width, heads
        self.each = width // heads
        random = lambda *shape: torch.randn(*shape) * 0.02
        self.embedding = random(slots * (bins + 1), width)  # the last value of a slot is its mask
        self.slot_embedding = random(slots, width)
        self.head, self.head_bias = random(slots, bins, width), torch.zeros(slots, bins)
        self.layers = [
            dict(qkv=random(3 * width, width), out=random(width, width), up=random(hidden, width),
                 down=random(width, hidden), norm1=torch.ones(width), norm2=torch.ones(width))
            for _ in range(layers)
        ]
        self.norm = torch.ones(width)
        angles = torch.arange(slots)[:, None] * 10000.0 ** (-2.0 * torch.arange(self.each // 2) / self.each)
        self.cosine, self.sine = angles.cos(), angles.sin()
        self.attention = plain_attention

    def embed(self, tokens, slots):
        return self.embedding[slots * (self.bins + 1) + tokens] + self.slot_embedding[slots]

    def normal(self, x, gain):
        return functional.layer_norm(x, (self.width,), gain)

    def rotate(self, x, slots):
        """x[B, n, ..., H, d] by the positions of its slots."""
        shape = slots.shape + (1,) * (x.dim() - 3) + (self.each // 2,)
        cosine, sine = self.cosine[slots].view(shape), self.sine[slots].view(shape)
        a, b = x.chunk(2, -1)
        return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1)

    def project(self, layer, x, slots):
        """Queries, keys and values [B, H, n, d] of all tokens."""
        qkv = functional.linear(self.normal(x, layer["norm1"]), layer["qkv"])
        qkv = qkv.view(*slots.shape, 3, self.heads, self.each)
        qk = self.rotate(qkv[:, :, :2], slots)
        return tuple(t.transpose(1, 2) for t in (qk[:, :, 0], qk[:, :, 1], qkv[:, :, 2]))

    def project_last(self, layer, x, slots, wanted, wanted_slots):
        """The same with queries of the wanted tokens alone."""
        d = self.width
        k, v = functional.linear(self.normal(x, layer["norm1"]), layer["qkv"][d:]).chunk(2, -1)
        q = functional.linear(self.normal(wanted, layer["norm1"]), layer["qkv"][:d])
        split = lambda t: t.reshape(*t.shape[:2], self.heads, self.each)
        q, k = self.rotate(split(q), wanted_slots), self.rotate(split(k), slots)
        return q.transpose(1, 2), k.transpose(1, 2), split(v).transpose(1, 2)

    def finish(self, layer, x, attended):
        """The rest of a layer."""
        attended = attended.transpose(1, 2).reshape(x.shape)
        x = x + functional.linear(attended, layer["out"])
        up = functional.linear(self.normal(x, layer["norm2"]), layer["up"])
        return x.add_(functional.linear(functional.gelu(up, approximate="tanh"), layer["down"]))

    def draw(self, x, slots):
        """Tokens [n] drawn for x[n, D], each from the values of its own slot."""
        x = self.normal(x, self.norm)
        order = slots.argsort()
        counts = torch.bincount(slots, minlength=self.slots).tolist()
        logits = torch.empty(len(slots), self.bins)
        for slot, rows in enumerate(order.split(counts)):
            logits[rows] = torch.addmm(self.head_bias[slot], x[rows], self.head[slot].t())
        sums = logits.softmax(-1).cumsum(-1)
        chosen = torch.searchsorted(sums, torch.rand(len(slots), 1) * sums[:, -1:])
        return chosen.squeeze(1).clamp_(max=self.bins - 1)

    def evaluate(self, tokens, slots, wanted):
        """Last layer's outputs [B, w, D] of the tokens in the places wanted[B, w]; all see each other."""
        x = self.embed(tokens, slots)
        for layer in self.layers[:-1]:
            x = self.finish(layer, x, self.attention(*self.project(layer, x, slots), None))
        last, rows = self.layers[-1], torch.arange(len(x))[:, None]
        chosen = x[rows, wanted]
        q, k, v = self.project_last(last, x, slots, chosen, slots[rows, wanted])
        return self.finish(last, chosen, self.attention(q, k, v, None))

    def first(self, alone):
        """Outputs [S, D] of every slot when nothing is decided: all masked, or the slot alone."""
        slots = torch.arange(self.slots)
        slots = slots[:, None] if alone else slots[None]
        masks, everything = torch.full_like(slots, self.bins), torch.arange(slots.shape[1]).expand_as(slots)
        return self.evaluate(masks, slots, everything).view(self.slots, self.width)


def sample_plain(net, rows):
    """tokens[rows, S] in blocks of a flow, from the logits of all slots at every step."""
    tokens = torch.full((rows, net.slots), net.bins)
    slots = torch.arange(net.slots).expand(rows, -1)
    order, every = torch.rand(rows, net.slots).argsort(1), torch.arange(rows)
    for step in range(net.slots):
        x = net.embed(tokens, slots)
        for layer in net.layers:
            x = net.finish(layer, x, net.attention(*net.project(layer, x, slots), None))
        x = net.normal(x, net.norm).transpose(0, 1)
        logits = torch.baddbmm(net.head_bias[:, None], x, net.head.transpose(1, 2))
        slot = order[:, step]
        tokens[every, slot] = torch.multinomial(logits[slot, every].softmax(-1), 1).squeeze(1)
    return tokens


def sample_flows(net, rows):
    """tokens[rows, S] in blocks of a flow."""
    tokens = torch.full((rows, net.slots), net.bins)
    slots = torch.arange(net.slots).expand(rows, -1)
    order, every = torch.rand(rows, net.slots).argsort(1), torch.arange(rows)
    tokens[every, order[:, 0]] = net.draw(net.first(alone=False)[order[:, 0]], order[:, 0])
    for step in range(1, net.slots):
        slot = order[:, step]
        x = net.evaluate(tokens, slots, slot[:, None]).squeeze(1)
        tokens[every, slot] = net.draw(x, slot)
    return tokens


def sample_tokens(net, rows):
    """tokens[rows, S] in blocks of a token: keys and values of decided ones are kept."""
    tokens = torch.empty(rows, net.slots, dtype=torch.long)
    order, every = torch.rand(rows, net.slots).argsort(1), torch.arange(rows)
    keys, values = (torch.empty(len(net.layers), rows, net.heads, net.slots + 1, net.each) for _ in range(2))
    tokens[every, order[:, 0]] = net.draw(net.first(alone=True)[order[:, 0]], order[:, 0])
    for step in range(1, net.slots):
        slots = order[:, step - 1 : step + 1]  # the one decided last, and the masked one
        pair = torch.stack((tokens[every, slots[:, 0]], torch.full((rows,), net.bins)), 1)
        x = net.embed(pair, slots)
        visible = torch.zeros(2, step + 1)
        visible[0, step] = float("-inf")  # a decided token does not see the masked one
        for i, layer in enumerate(net.layers):
            last = layer is net.layers[-1]
            if last:
                both, x = x, x[:, 1:]
                q, k, v = net.project_last(layer, both, slots, x, slots[:, 1:])
            else:
                q, k, v = net.project(layer, x, slots)
            # The masked token's lie where those of the next decided one will.
            keys[i, :, :, step - 1 : step + 1], values[i, :, :, step - 1 : step + 1] = k, v
            attended = net.attention(q, keys[i, :, :, : step + 1], values[i, :, :, : step + 1],
                                     None if last else visible)
            x = net.finish(layer, x, attended)
        tokens[every, slots[:, 1]] = net.draw(x.squeeze(1), slots[:, 1])
    return tokens


def rate(sample, net, rows, seconds):
    """Rows per second after one batch that warms up, or of that one when it fills the time."""
    started = time.perf_counter()
    sample(net, rows)
    warmed = time.perf_counter()
    if warmed - started >= seconds:
        return rows / (warmed - started)
    done = 0
    while True:
        sample(net, rows)
        done += rows
        took = time.perf_counter() - warmed
        if took >= seconds:
            return done / took


def search(sample, net, attentions, batches, seconds):
    """Rows per second by (form of attention, batch size): of every form at the first size, and of the fastest
    form at the others."""
    rates = {}
    for name in attentions:
        net.attention = ATTENTIONS[name]
        rates[name, batches[0]] = rate(sample, net, batches[0], seconds)
    fastest = max(rates, key=rates.get)[0]
    net.attention = ATTENTIONS[fastest]
    for batch in batches[1:]:
        rates[fastest, batch] = rate(sample, net, batch, seconds)
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=sorted(CONFIGS), default="default")
    parser.add_argument("--blocks", choices=("flow", "token"), default="flow")
    parser.add_argument("--plain", action="store_true", help="the plain loop, in blocks of a flow")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch's own")
    parser.add_argument("--seconds", type=float, default=3.0, help="least time of each measurement")
    parser.add_argument("--batches", default="256,64,1024", help="batch sizes that are tried (256,64,1024)")
    parser.add_argument("--attention", choices=sorted(ATTENTIONS), help="try this form alone")
    options = parser.parse_args()
    if options.plain and options.blocks == "token":
        parser.error("--plain is for blocks of a flow")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    sample = sample_plain if options.plain else sample_flows if options.blocks == "flow" else sample_tokens
    attentions = [options.attention] if options.attention else list(ATTENTIONS)
    batches = [int(batch) for batch in options.batches.split(",")]
    with torch.inference_mode():
        rates = search(sample, Network(**CONFIGS[options.config]), attentions, batches, options.seconds)
    attention, batch = max(rates, key=rates.get)
    print(json.dumps({
        "bench": "torch_sample", "config": options.config, "blocks": options.blocks, "plain": options.plain,
        "threads": options.threads,
        "rows_per_s": round(rates[attention, batch], 2), "attention": attention, "batch": batch,
        "rates": {f"{name} {size}": round(value, 2) for (name, size), value in rates.items()},
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
