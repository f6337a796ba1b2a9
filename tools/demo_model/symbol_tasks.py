"""Exercises on digits, letters and lists: arithmetic, reversing, sorting, counting."""

import chat_tasks
from items import Item

CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"


def letters(rng, longest=8):
    """A word in lower case of 2 to `longest` letters: half of them can be spoken."""
    length = rng.randint(2, longest)
    if rng.random() < 0.5:
        return "".join(rng.choice(VOWELS if (at + length) % 2 else CONSONANTS) for at in range(length))
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(length))


def addition_key(a, b):
    """One key for a + b and b + a, whatever the form of the question."""
    return f"add:{min(a, b)}:{max(a, b)}"


def addition(rng):
    a, b = rng.randint(0, 99), rng.randint(0, 99)
    if rng.random() < 0.1:
        a, b = a % 10, b % 10
    question = rng.choice(
        [
            "What is {0} + {1}?",
            "{0} + {1} = ?",
            "{0} + {1}",
            "How much is {0} + {1}?",
            "Add {0} and {1}.",
            "Compute {0} + {1}.",
            "What is {0} plus {1}?",
            "{0}+{1}",
        ]
    )
    item = Item("addition", addition_key(a, b), [(question.format(a, b), str(a + b))])
    if rng.random() < 0.15:
        tens, ones = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
        item.think = "on"
        item.task = "addition, thinking"
        item.turns = [(item.turns[0][0], f">\n{tens} + {ones}\n</think>\n{a + b}")]
    return item


def subtraction(rng):
    a, b = sorted((rng.randint(0, 99), rng.randint(0, 99)), reverse=True)
    question = rng.choice(
        [
            "What is {0} - {1}?",
            "{0} - {1} = ?",
            "{0} - {1}",
            "What is {0} minus {1}?",
            "Subtract {1} from {0}.",
        ]
    )
    return Item("subtraction", f"sub:{a}:{b}", [(question.format(a, b), str(a - b))])


def multiplication(rng):
    a, b = rng.randint(0, 10), rng.randint(0, 10)
    question = rng.choice(
        ["What is {0} * {1}?", "{0} x {1} = ?", "What is {0} times {1}?", "Multiply {0} by {1}."]
    )
    text = question.format(a, b)
    return Item("multiplication", "mul:" + text, [(text, str(a * b))])


def reverse_word(rng):
    word = letters(rng)
    question = rng.choice(
        [
            'Reverse "{0}".',
            'Reverse the word "{0}".',
            'Spell "{0}" backwards.',
            'What is "{0}" backwards?',
            'Write "{0}" backwards.',
            'reverse "{0}"',
            'Please reverse the letters of "{0}".',
        ]
    )
    return Item("reverse letters", "word:" + word, [(question.format(word), f'"{word[::-1]}"')])


def reverse_digits(rng):
    digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(2, 7)))
    question = rng.choice(
        ["Reverse {0}.", "Reverse the number {0}.", "Write {0} backwards.", "What is {0} backwards?"]
    )
    return Item("reverse digits", "digits:" + digits, [(question.format(digits), digits[::-1])])


def sort_letters(rng):
    word = letters(rng, 6)
    question = rng.choice(['Sort the letters of "{0}".', 'Put the letters of "{0}" in order.', 'Sort "{0}".'])
    return Item("sort letters", "word:" + word, [(question.format(word), '"' + "".join(sorted(word)) + '"')])


def sort_digits(rng):
    digits = [rng.choice("0123456789") for _ in range(rng.randint(3, 6))]
    text = rng.choice(["Sort {0}.", "Sort the digits {0}.", "Put {0} in order."]).format(" ".join(digits))
    return Item("sort digits", "sort:" + " ".join(digits), [(text, " ".join(sorted(digits)))])


def sort_words(rng):
    words = rng.sample(chat_tasks.FAVOURITES[rng.choice(["animal", "fruit", "colour"])], rng.randint(2, 4))
    text = rng.choice(["Sort: {0}.", "Sort these words: {0}.", "Put in alphabetical order: {0}."])
    return Item(
        "sort words", "sort:" + ",".join(words), [(text.format(", ".join(words)), ", ".join(sorted(words)))]
    )


def count(rng):
    a = rng.randint(0, 40)
    b = a + rng.randint(2, 8)
    down = rng.random() < 0.3
    numbers = list(range(a, b + 1))
    if down:
        numbers.reverse()
    text = rng.choice(["Count from {0} to {1}.", "Please count from {0} to {1}.", "Count: {0} to {1}."])
    return Item(
        "count",
        f"count:{a}:{b}:{down}",
        [(text.format(numbers[0], numbers[-1]), ", ".join(map(str, numbers)))],
    )


def count_letters(rng):
    word = letters(rng)
    text = rng.choice(
        ['How many letters are in "{0}"?', 'Count the letters of "{0}".', 'How long is the word "{0}"?']
    )
    return Item("count letters", "word:" + word, [(text.format(word), str(len(word)))])
