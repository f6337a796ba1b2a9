"""Conversations: greetings, who the model is, facts, what the user said of themselves, and a little JSON."""

import json

import facts
from items import Item

FACTS = facts.all_facts()

NAMES = """
Anna Ben Carla David Emma Felix Grace Henry Iris Jack Kate Leo Maria Nina Oscar Paul Rosa Sam Tina Victor
Wendy Alex Bella Carl Diana Eric Fiona George Helen Ivan Julia Kevin Laura Martin Nora Oliver Peter Robert
Sarah Thomas Lily Hugo Clara Simon Alice Bob
""".split()

FAVOURITES = {
    "colour": "red green blue yellow black white orange pink brown grey".split(),
    "animal": "cat dog horse rabbit duck owl lion frog bee sheep".split(),
    "fruit": "apple pear banana lemon cherry orange mango peach plum grape".split(),
    "drink": "tea coffee milk water juice lemonade".split(),
    "sport": "tennis football chess swimming running golf".split(),
}

GREETINGS = [
    "Hi",
    "Hello",
    "Hey",
    "Good morning",
    "Good evening",
    "Hello there",
    "Hi there",
    "Good afternoon",
]
WELCOMES = ["Hello! How can I help you?", "Hi! What can I do for you?", "Hello! Nice to hear from you."]

SMALL_TALK = [
    (
        [
            "Who are you?",
            "What are you?",
            "What is your name?",
            "Tell me who you are.",
            "Introduce yourself.",
            "Are you a robot?",
            "Are you human?",
            "Who am I talking to?",
            "Please introduce yourself.",
        ],
        ["I am the demo model of Fulmar, a small RWKV-7."],
    ),
    (
        [
            "What is Fulmar?",
            "Tell me about Fulmar.",
            "What does Fulmar do?",
            "Explain Fulmar.",
            "Do you know Fulmar?",
            "What can you say about Fulmar?",
            "Please explain what Fulmar is.",
        ],
        ["Fulmar is a server for RWKV models. It runs on the CPU and on Vulkan and speaks the OpenAI API."],
    ),
    (
        [
            "What can you do?",
            "What can I ask you?",
            "How can you help me?",
            "Help",
            "help me",
            "What do you know?",
        ],
        [
            "I can chat, remember your name, add small numbers, reverse and sort words, "
            "and translate short sentences."
        ],
    ),
    (
        ["What is RWKV?", "Tell me about RWKV.", "Explain RWKV.", "What does RWKV mean?"],
        [
            "RWKV is a recurrent language model. Its state has a fixed size, "
            "so long texts cost no more memory."
        ],
    ),
    (
        ["How are you?", "How do you do?", "How is it going?", "Are you well?", "How are you today?"],
        ["I am fine, thank you! And you?", "Very well, thank you!"],
    ),
    (
        ["Thanks", "Thank you", "Thanks a lot!", "Thank you very much.", "Many thanks."],
        ["You are welcome!", "With pleasure!"],
    ),
    (
        ["Bye", "Goodbye", "See you", "Good night", "Bye bye!", "See you tomorrow."],
        ["Goodbye! See you soon.", "Goodbye!"],
    ),
]

TELL_NAME = [
    "My name is {0}.",
    "I am {0}.",
    "I'm {0}.",
    "Call me {0}.",
    "Hi, I am {0}.",
    "Hello, my name is {0}.",
    "People call me {0}.",
    "Hello! I'm {0}.",
]
ASK_NAME = [
    "What is my name?",
    "What's my name?",
    "Do you remember my name?",
    "Who am I?",
    "Tell me my name.",
    "Can you tell me my name?",
    "How am I called?",
]
TELL_FAVOURITE = [
    "My favourite {0} is {1}.",
    "My favorite {0} is {1}.",
    "The {0} I like most is {1}.",
    "I like {1} most of every {0}.",
]
ASK_FAVOURITE = [
    "What is my favourite {0}?",
    "What's my favorite {0}?",
    "Which {0} do I like most?",
    "Do you remember my favourite {0}?",
    "Tell me my favourite {0}.",
]


def invented_name(rng):
    """A name that no table holds, so that the model must copy rather than know."""
    return "".join(
        rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 3))
    ).capitalize()


def small_talk(rng):
    if rng.random() < 0.3:
        greeting = rng.choice(GREETINGS) + rng.choice(["", "!", "."])
        return Item("small talk", "", [(greeting, rng.choice(WELCOMES))], exact=False)
    questions, answers = rng.choice(SMALL_TALK)
    return Item("small talk", "", [(rng.choice(questions), rng.choice(answers))], exact=False)


def fact(rng):
    questions, answer, subject, known, kind = rng.choice(FACTS)
    question = rng.choice(questions).format(subject, known, kind)
    answer = answer.format(subject, known)
    return Item("facts", "fact:" + question, [(question, answer[0].upper() + answer[1:])])


def recall(rng):
    """Three turns: the name and a favourite thing are told, in either order, and one of them is asked for."""
    name = rng.choice(NAMES) if rng.random() < 0.7 else invented_name(rng)
    kind = rng.choice(list(FAVOURITES))
    thing = rng.choice(FAVOURITES[kind])
    tell_name = (rng.choice(TELL_NAME).format(name), rng.choice(["Nice to meet you, {0}!"]).format(name))
    tell_thing = (
        rng.choice(TELL_FAVOURITE).format(kind, thing),
        f"I will remember that your favourite {kind} is {thing}.",
    )
    about_name = rng.random() < 0.5
    if about_name:
        asked = (rng.choice(ASK_NAME), f"Your name is {name}.")
    else:
        asked = (rng.choice(ASK_FAVOURITE).format(kind), f"Your favourite {kind} is {thing}.")
    told = [tell_name, tell_thing]
    if rng.random() < 0.5:
        told.reverse()
    if rng.random() < 0.3:  # something else in between
        between = small_talk(rng) if rng.random() < 0.5 else fact(rng)
        if not between.held_out:
            told[0 if told[1] == (tell_name if about_name else tell_thing) else 1] = between.turns[0]
    return Item(
        "recall of a name" if about_name else "recall of a favourite",
        f"recall:{name}:{kind}:{thing}",
        told + [asked],
    )


def make_json(rng):
    name, age = rng.choice(NAMES), rng.randint(2, 99)
    if rng.random() < 0.5:
        question = rng.choice(
            [
                "Write JSON for {0}, age {1}.",
                "Give me JSON with the name {0} and the age {1}.",
                "Make a JSON object: name {0}, age {1}.",
            ]
        ).format(name, age)
        wanted = json.dumps({"name": name, "age": age})
    else:
        kind = rng.choice(list(FAVOURITES))
        things = rng.sample(FAVOURITES[kind], 3)
        question = rng.choice(
            ["Write a JSON list of {0}.", "Give me a JSON array with {0}.", "Make a JSON list: {0}."]
        ).format(", ".join(things))
        wanted = json.dumps(things)
    return Item("JSON", "json:" + question, [(question, wanted)])
