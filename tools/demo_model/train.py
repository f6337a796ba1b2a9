#!/usr/bin/env python3
"""Trains the demo model on generated text and writes checkpoints that Fulmar loads.

    train.py VOCAB OUT.safetensors --steps 12000

With --steps the run depends on the seed alone (and on the number of threads, which orders sums). With
--minutes the learning rate follows the clock instead, whichever ends first. OUT.resume beside the checkpoint
continues a run.
"""

import argparse
import collections
import math
import multiprocessing
import os
import random
import time

import torch
import torch.nn.functional as nnf

import generate
import model as rwkv7
from model import Rwkv7, write_safetensors
from vocabulary import Tokenizer

PROMPT_WEIGHT = 0.05  # what is given counts little beside what must follow


class Batches:
    """Rows of T+1 tokens filled with whole texts, each ended by id 0; its state begins anew at each text."""

    def __init__(self, tokenizer, seed, rows, length):
        self.tokenizer, self.seed, self.rows, self.length = tokenizer, seed, rows, length

    def text(self, rng):
        while True:
            tokens, weights = [], []
            for part, learned in generate.document(rng):
                ids = self.tokenizer.encode(part)
                tokens += ids
                weights += [1.0 if learned else PROMPT_WEIGHT] * len(ids)
            if len(tokens) < self.length:
                return tokens + [0], weights + [1.0]

    def make(self, step):
        """The batch of a step depends on seed and step alone, so that runs resume and workers share them."""
        rng, rows = random.Random(f"train {self.seed} {step}"), []
        text = self.text(rng)
        for _ in range(self.rows):
            tokens, weights, first = [], [], []
            while len(tokens) + len(text[0]) <= self.length + 1:
                first += [1] + [0] * (len(text[0]) - 1)
                tokens += text[0]
                weights += [0.0] + text[1][1:]  # nothing before a text's first token foretells it
                text = self.text(rng)
            pad = self.length + 1 - len(tokens)
            rows.append((tokens + [0] * pad, weights + [0.0] * pad, first + [1] * pad))
        return [list(x) for x in zip(*rows)]

    def every(self, begin, end, workers):
        """make(begin) to make(end - 1), made ahead by `workers` processes, or in turn with none."""
        if not workers:
            yield from map(self.make, range(begin, end))
            return
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            ahead = collections.deque()
            for step in range(begin, end):
                ahead.append(pool.apply_async(self.make, (step,)))
                if len(ahead) > 3 * workers:
                    yield ahead.popleft().get()
            while ahead:
                yield ahead.popleft().get()


def tensors(batch, device):
    """tokens, wanted, weights, first, each [B,T]"""
    tokens, weights, first = (torch.tensor(x) for x in batch)
    first = first[:, :-1].to(torch.uint8).contiguous()
    return [x.to(device) for x in (tokens[:, :-1], tokens[:, 1:], weights[:, 1:], first)]


def rate(progress, step, peak):
    """Linear warm-up over 100 steps, then a cosine down to 2 % of the peak."""
    return peak * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, progress))))


def save(args, model, optimizer, step):
    write_safetensors(args.out + ".part", model)
    os.replace(args.out + ".part", args.out)
    torch.save(
        {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, args.out + ".resume"
    )


def main():
    parser = argparse.ArgumentParser(description="Trains the demo model.")
    parser.add_argument("vocab")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--channels", type=int, default=192)
    parser.add_argument("--ffn", type=int, default=576)
    parser.add_argument("--compile", action="store_true", help="fuse element-wise work; half again as fast")
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that make text ahead; a GPU needs several"
    )
    parser.add_argument("--save-every", type=float, default=3, help="minutes")
    parser.add_argument("--resume", help="the .resume file to start from")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    if args.compile:
        rwkv7.compile_parts()
    tokenizer = Tokenizer(args.vocab)
    model = Rwkv7(args.layers, args.channels, args.ffn, len(tokenizer.pieces), args.seed).to(args.device)
    print(
        f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(tokenizer.pieces)} tokens",
        flush=True,
    )
    optimizer = torch.optim.AdamW(model.groups(args.decay), betas=(0.9, 0.98), eps=1e-9, fused=True)
    begin = 0
    if args.resume:
        held = torch.load(args.resume, map_location=args.device)
        model.load_state_dict(held["model"])
        optimizer.load_state_dict(held["optimizer"])
        begin = held["step"]
    batches = Batches(tokenizer, args.seed, args.rows, args.length)
    started = saved = shown = time.monotonic()
    losses = []
    made = batches.every(begin, args.steps, args.workers)
    for step, batch in zip(range(begin, args.steps), made):
        minutes = (time.monotonic() - started) / 60
        progress = max(step / args.steps, minutes / args.minutes)
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate(progress, step, args.rate) * group["scale"]
        tokens, wanted, weights, first = tensors(batch, args.device)
        with torch.autocast(args.device, torch.bfloat16):
            logits = model(tokens, first)
        loss = nnf.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), reduction="none")
        loss = (loss * weights.flatten()).sum() / weights.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses = losses[-19:] + [loss.item()]
        if (step + 1) % 20 == 0:
            now = time.monotonic()
            speed = 20 * args.rows * args.length / (now - shown)
            print(
                f"step {step + 1}  loss {sum(losses) / 20:.4f}  {minutes:.1f} min  {speed:.0f} tokens/s",
                flush=True,
            )
            shown = now
        if time.monotonic() - saved > args.save_every * 60:
            save(args, model, optimizer, step + 1)
            saved = time.monotonic()
    save(args, model, optimizer, step + 1)


if __name__ == "__main__":
    main()
