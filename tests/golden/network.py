#!/usr/bin/python3
"""Writes tests/golden/network.json: the network's logits, loss, gradients and ten AdamW steps by PyTorch.

    /usr/bin/python3 tests/golden/network.py

The network is written here from docs/design.md alone, with autograd, torch.optim.AdamW and
torch.nn.utils.clip_grad_norm_, in double precision from initial weights that are float32 numbers. Nothing is
shared with the library.

Members of a case:
  sequences flows slots vocabulary width heads layers hidden    B, L, S, V, D, H, n_layers, F
  block               tokens of a block
  tokens              [B][T], T = L S: flow by flow, slot by slot
  order               [B][T] the slots of every flow in the order that the blocks take them in
  masked              [B][T] in that order
  t                   [B][blocks]; the weight of a masked token's cross entropy is 1 / t, its scale 1 / (t B L)
The network sees the joint input: the clean tokens of all blocks but the last, then the noisy ones of all. A clean
token sees the clean blocks up to its own, a noisy one its own noisy block and the clean blocks before it. Rotary
positions are those of the cells, S * flow + slot.
  logits              of the masked tokens, in order of (b, i): V of the slot each
  loss                mean NELBO, nats per flow
  gradient_norm       over all tensors, before clipping
  step_losses         loss before each of the AdamW steps
  step_norms          gradient norm before clipping, of each step
  tensors             [{name, shape, gradient, after}]: after is the tensor after the steps, row-major
Initial weights: element k of tensor number n (of this list) is 0.2 sin(1 + 0.7 k + 1.3 n), and 1 more in a gain,
rounded to float32.
"""
import json
import math
import os

import torch
import torch.nn.functional as F

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "network.json")
STEPS, RATE, DECAY, CLIP = 10, 1e-2, 0.01, 1.0

CASES = {
    "two_blocks": dict(
        flows=2, slots=3, block=3, vocabulary=[5, 7, 4], width=16, heads=2, layers=2, hidden=32,
        tokens=[[0, 6, 3, 4, 2, 1], [2, 0, 0, 1, 5, 2], [3, 3, 1, 0, 1, 3]],
        order=[[0, 1, 2, 0, 1, 2]] * 3,
        masked=[[1, 0, 1, 0, 1, 0], [1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 1, 1]],
        t=[[0.75, 0.25], [0.9375, 0.125], [0.3125, 1.0]]),
    "small_blocks": dict(
        flows=3, slots=3, block=2, vocabulary=[5, 7, 4], width=16, heads=2, layers=2, hidden=32,
        tokens=[[0, 6, 3, 4, 2, 1, 1, 1, 0], [2, 0, 0, 1, 5, 2, 4, 4, 3]],
        order=[[2, 0, 1, 0, 1, 2, 1, 2, 0], [0, 2, 1, 2, 1, 0, 1, 0, 2]],
        masked=[[1, 0, 1, 1, 0, 1, 0, 0, 1], [1, 1, 0, 1, 0, 0, 1, 1, 0]],
        t=[[0.75, 0.5, 0.5, 1.0, 0.375], [0.9375, 0.625, 0.625, 0.5, 0.375]]),
    "one_block": dict(
        flows=1, slots=3, block=3, vocabulary=[5, 7, 4], width=8, heads=2, layers=1, hidden=16,
        tokens=[[4, 0, 2], [1, 6, 3], [0, 3, 0]],
        order=[[0, 1, 2]] * 3,
        masked=[[1, 1, 0], [0, 0, 1], [1, 1, 1]],
        t=[[0.5], [0.40625], [0.96875]]),
}


def shapes(case):
    """Names and shapes in the order that numbers the tensors."""
    d, f, v = case["width"], case["hidden"], case["vocabulary"]
    for s, size in enumerate(v):
        yield f"embedding.{s}", [size + 1, d]
    yield "slot_embedding", [len(v), d]
    for i in range(case["layers"]):
        yield f"layers.{i}.norm1.gain", [d]
        yield f"layers.{i}.attention.qkv", [d, 3 * d]
        yield f"layers.{i}.attention.out", [d, d]
        yield f"layers.{i}.norm2.gain", [d]
        yield f"layers.{i}.feed_forward.up", [d, f]
        yield f"layers.{i}.feed_forward.down", [f, d]
    yield "final_norm.gain", [d]
    for s, size in enumerate(v):
        yield f"head.{s}.weight", [d, size]
        yield f"head.{s}.bias", [size]


def initial(case):
    tensors = {}
    for n, (name, shape) in enumerate(shapes(case)):
        one = 1.0 if name.endswith("gain") else 0.0
        values = [one + 0.2 * math.sin(1 + 0.7 * k + 1.3 * n) for k in range(math.prod(shape))]
        rounded = torch.tensor(values, dtype=torch.float64).float().double()
        tensors[name] = rounded.reshape(shape).requires_grad_()
    return tensors


def rms_norm(x, gain):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * gain


def rotate(x, positions):
    """Rotary positions for x [B, H, rows, hd]; pairs i and i + hd / 2."""
    half = x.shape[-1] // 2
    frequency = 10000.0 ** (-torch.arange(half, dtype=x.dtype) / half)
    angle = positions[:, None, :, None] * frequency
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


class Row:
    """A row of the joint input: a token in its clean or its noisy copy."""

    def __init__(self, case, b, i, noisy):
        slots = case["slots"]
        self.slot = case["order"][b][i]
        self.position = i // slots * slots + self.slot
        self.token = case["tokens"][b][self.position]
        self.block, self.noisy = i // case["block"], noisy
        self.masked = noisy and case["masked"][b][i] == 1
        self.t = case["t"][b][self.block]

    def sees(self, other):
        if self.noisy and other.noisy:
            return self.block == other.block
        if self.noisy:
            return other.block < self.block
        return not other.noisy and other.block <= self.block


def joint_rows(case):
    total = case["flows"] * case["slots"]
    clean = (total - 1) // case["block"] * case["block"]
    return [[Row(case, b, i, False) for i in range(clean)] + [Row(case, b, i, True) for i in range(total)]
            for b in range(len(case["tokens"]))]


def attention(w, i, h, rows, case):
    batch, length, d = h.shape
    heads = case["heads"]
    positions = torch.tensor([[row.position for row in sequence] for sequence in rows], dtype=h.dtype)
    hidden = torch.tensor([[[not a.sees(b) for b in sequence] for a in sequence] for sequence in rows])
    q, k, v = (part.reshape(batch, length, heads, d // heads).transpose(1, 2)
               for part in (h @ w[f"layers.{i}.attention.qkv"]).split(d, -1))
    scores = rotate(q, positions) @ rotate(k, positions).transpose(-1, -2) / math.sqrt(d // heads)
    scores = scores.masked_fill(hidden[:, None], -math.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, d) @ w[f"layers.{i}.attention.out"]


def hidden_states(w, rows, case):
    v = case["vocabulary"]
    x = torch.stack([torch.stack([w[f"embedding.{r.slot}"][v[r.slot] if r.masked else r.token] +
                                  w["slot_embedding"][r.slot] for r in sequence]) for sequence in rows])
    for i in range(case["layers"]):
        x = x + attention(w, i, rms_norm(x, w[f"layers.{i}.norm1.gain"]), rows, case)
        up = rms_norm(x, w[f"layers.{i}.norm2.gain"]) @ w[f"layers.{i}.feed_forward.up"]
        gelu = 0.5 * up * (1 + torch.tanh(math.sqrt(2 / math.pi) * (up + 0.044715 * up ** 3)))
        x = x + gelu @ w[f"layers.{i}.feed_forward.down"]
    return rms_norm(x, w["final_norm.gain"])


def forward(w, case):
    """Logits of the masked tokens, and the loss."""
    rows = joint_rows(case)
    h = hidden_states(w, rows, case)
    scale = 1.0 / (len(rows) * case["flows"])
    logits, loss = [], 0.0
    for b, sequence in enumerate(rows):
        for i, row in enumerate(sequence):
            if row.masked:
                logits.append(h[b, i] @ w[f"head.{row.slot}.weight"] + w[f"head.{row.slot}.bias"])
                loss = loss - scale / row.t * F.log_softmax(logits[-1], -1)[row.token]
    return logits, loss


def decays(name):
    return ".attention." in name or ".feed_forward." in name or name.endswith(".weight")


def gradients(w, case):
    for tensor in w.values():
        tensor.grad = None
    logits, loss = forward(w, case)
    loss.backward()
    norm = math.sqrt(sum(float((tensor.grad ** 2).sum()) for tensor in w.values()))
    return logits, loss.item(), norm


def train(w, case):
    groups = [{"params": [x for name, x in w.items() if decays(name)], "weight_decay": DECAY},
              {"params": [x for name, x in w.items() if not decays(name)], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    losses, norms = [], []
    for _ in range(STEPS):
        _, loss, norm = gradients(w, case)
        torch.nn.utils.clip_grad_norm_(list(w.values()), CLIP)
        optimiser.step()
        losses.append(loss)
        norms.append(norm)
    return losses, norms


def run(case):
    w = initial(case)
    logits, loss, norm = gradients(w, case)
    tensors = [{"name": name, "shape": list(x.shape), "gradient": x.grad.flatten().tolist()}
               for name, x in w.items()]
    result = {"sequences": len(case["tokens"]), **case, "logits": [x.tolist() for x in logits], "loss": loss,
              "gradient_norm": norm}
    result["step_losses"], result["step_norms"] = train(w, case)
    for tensor in tensors:
        tensor["after"] = w[tensor["name"]].flatten().tolist()
    result["tensors"] = tensors
    return result


def text(value, indent=1):
    """JSON with nine significant digits, and a line for every member that is not a list of numbers."""
    if isinstance(value, float):
        return "%.9g" % value
    if isinstance(value, dict):
        pad = "\n" + " " * indent
        return "{" + ",".join(f"{pad}{json.dumps(k)}: {text(v, indent + 1)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        between = ",\n" + " " * indent if value and isinstance(value[0], dict) else ","
        return "[" + between.join(text(v, indent + 1) for v in value) + "]"
    return json.dumps(value)


with open(OUT, "w") as file:
    file.write(text({name: run(case) for name, case in CASES.items()}) + "\n")
