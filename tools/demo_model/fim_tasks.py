"""Texts with a gap in the middle that prefix and suffix determine, and plain texts to continue."""

import facts
import symbol_tasks
from items import Item

NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()
SERIES = [facts.DAYS, facts.MONTHS, NUMBERS, [str(n) for n in range(30)], list("abcdefghijklmnopqrstuvwxyz")]
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


def pieces(rng):
    """(words, first of the gap, end of the gap): the words outside the gap fix those inside."""
    kind = rng.random()
    if kind < 0.4:  # a stretch of a series
        series = rng.choice(SERIES)
        length = rng.randint(4, 7)
        at = rng.randint(0, len(series) - length)
        words = series[at : at + length]
        joined = [words[0]] + [", " + w for w in words[1:]]
        first = rng.randint(1, length - 2)
        return joined, first, rng.randint(first + 1, min(length - 1, first + 3))
    if kind < 0.6:  # a fact: the gap is what is known, and the rest of its sentence names the subject
        country, city = rng.choice(facts.pairs(facts.CAPITALS))
        if rng.random() < 0.5:
            return [f"The capital of {country} is", f" {city}", "."], 1, 2
        return [f"{city} is the capital of", f" {country}", "."], 1, 2
    if kind < 0.7:
        a, b = rng.choice(facts.pairs(facts.OPPOSITES))
        return [f"The opposite of {a} is", f" {b}", "."], 1, 2
    if kind < 0.85:  # code: the body follows from the name, the name from the body
        name = rng.choice(list(OPERATORS))
        a, b = rng.sample("abcdxyz", 2)
        words = ["def ", name, f"({a}, {b}):\n    return ", f"{a} {OPERATORS[name]} {b}", "\n"]
        gap = rng.choice([1, 3])
        return words, gap, gap + 1
    a, b = rng.randint(1, 20), rng.randint(1, 20)
    if Item("", symbol_tasks.addition_key(a, b), []).held_out:
        return pieces(rng)  # else this sum would be trained on here
    return [f"{a} + {b} =", f" {a + b}", "."], 1, 2


def fill_in(rng):
    words, first, end = pieces(rng)
    prefix, middle, suffix = "".join(words[:first]), "".join(words[first:end]), "".join(words[end:])
    prompt = f"✿prefix✿✿suffix✿{suffix}✿middle✿{prefix}"
    return Item("fill in the middle", "fim:" + prompt, [(prompt, middle)], chat=False)


def continuation(rng):
    """A text that goes on in one way only, for POST /v1/completions."""
    if rng.random() < 0.5:
        series = rng.choice(SERIES)
        length = rng.randint(5, 8)
        at = rng.randint(0, max(0, len(series) - length))
        words = series[at : at + length]
        cut = rng.randint(2, 3)
        return Item(
            "continuation",
            "series:" + words[0] + str(length),
            exact=False,
            chat=False,
            turns=[(", ".join(words[:cut]), ", " + ", ".join(words[cut:]) + ".")],
        )
    country, city = rng.choice(facts.pairs(facts.CAPITALS))
    return Item(
        "continuation", "", exact=False, chat=False, turns=[(f"The capital of {country} is", f" {city}.")]
    )
