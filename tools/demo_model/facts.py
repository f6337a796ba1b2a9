"""Tables of what the demo model knows, each fact with the ways in which people ask for it."""

CAPITALS = """
France Paris
Spain Madrid
Italy Rome
Germany Berlin
England London
China Beijing
Japan Tokyo
Russia Moscow
Egypt Cairo
Greece Athens
Portugal Lisbon
Austria Vienna
Poland Warsaw
Norway Oslo
Sweden Stockholm
Finland Helsinki
Denmark Copenhagen
Hungary Budapest
Ireland Dublin
Canada Ottawa
Cuba Havana
Peru Lima
Chile Santiago
Kenya Nairobi
India Delhi
Turkey Ankara
Korea Seoul
Vietnam Hanoi
Belgium Brussels
Ukraine Kyiv
"""

COLOURS = """
grass green
snow white
blood red
coal black
gold yellow
chocolate brown
milk white
a lemon yellow
a tomato red
a frog green
a banana yellow
the sky blue
the sea blue
a carrot orange
an elephant grey
a flamingo pink
"""

SOUNDS = """
dog barks
cat meows
cow moos
duck quacks
horse neighs
sheep bleats
lion roars
bee buzzes
frog croaks
owl hoots
pig oinks
mouse squeaks
"""

LEGS = """
dog four
cat four
horse four
cow four
bird two
duck two
human two
spider eight
ant six
bee six
snake no
fish no
"""

OPPOSITES = """
hot cold
big small
fast slow
up down
day night
black white
open closed
happy sad
old young
wet dry
full empty
hard soft
early late
rich poor
high low
long short
"""

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()

# Questions by table; {0} is the subject and {1} what is known of it.
CAPITAL_QUESTIONS = [
    "What is the capital of {0}?",
    "Which city is the capital of {0}?",
    "What is {0}'s capital?",
    "Tell me the capital of {0}.",
    "Name the capital of {0}.",
    "Do you know the capital of {0}?",
    "capital of {0}?",
    "Can you tell me the capital of {0}?",
    "What city is the capital of {0}?",
    "Please tell me what the capital of {0} is.",
    "I forgot the capital of {0}. What is it?",
]
CITY_QUESTIONS = [
    "{1} is the capital of which country?",
    "Which country has the capital {1}?",
    "What country is {1} the capital of?",
    "Of which country is {1} the capital?",
]
COLOUR_QUESTIONS = [
    "What colour is {0}?",
    "What color is {0}?",
    "Which colour is {0}?",
    "Tell me the colour of {0}.",
    "What is the colour of {0}?",
    "What is the color of {0}?",
    "Do you know what colour {0} is?",
    "Please tell me what color {0} is.",
]
SOUND_QUESTIONS = [
    "What does a {0} do?",
    "What sound does a {0} make?",
    "Which sound does a {0} make?",
    "Tell me the sound of a {0}.",
    "How does a {0} sound?",
    "Do you know what a {0} does?",
]
LEG_QUESTIONS = [
    "How many legs does a {0} have?",
    "Tell me how many legs a {0} has.",
    "How many legs has a {0}?",
    "Do you know how many legs a {0} has?",
    "What is the number of legs of a {0}?",
]
OPPOSITE_QUESTIONS = [
    "What is the opposite of {0}?",
    "Tell me the opposite of {0}.",
    "Which word is the opposite of {0}?",
    "opposite of {0}?",
    "Name the opposite of {0}.",
    "Do you know the opposite of {0}?",
]
AFTER_QUESTIONS = [
    "What comes after {0}?",
    "Which {2} comes after {0}?",
    "What is the {2} after {0}?",
    "Tell me the {2} after {0}.",
    "What follows {0}?",
]
BEFORE_QUESTIONS = [
    "What comes before {0}?",
    "Which {2} comes before {0}?",
    "What is the {2} before {0}?",
    "Tell me the {2} before {0}.",
]


def pairs(table):
    """(subject, fact): the fact is the last word of the line."""
    return [tuple(line.rsplit(" ", 1)) for line in table.strip().splitlines()]


def all_facts():
    """[(questions, answer, subject, fact, kind)]"""
    out = [(CAPITAL_QUESTIONS, "The capital of {0} is {1}.", s, f, "") for s, f in pairs(CAPITALS)]
    out += [(CITY_QUESTIONS, "{1} is the capital of {0}.", s, f, "") for s, f in pairs(CAPITALS)]
    out += [(COLOUR_QUESTIONS, "{0} is {1}.", s, f, "") for s, f in pairs(COLOURS)]
    out += [(SOUND_QUESTIONS, "A {0} {1}.", s, f, "") for s, f in pairs(SOUNDS)]
    out += [(LEG_QUESTIONS, "A {0} has {1} legs.", s, f, "") for s, f in pairs(LEGS)]
    for a, b in pairs(OPPOSITES):
        out += [(OPPOSITE_QUESTIONS, "The opposite of {0} is {1}.", *two, "") for two in ((a, b), (b, a))]
    for names, kind in ((DAYS, "day"), (MONTHS, "month")):
        for at, name in enumerate(names):
            after, before = names[(at + 1) % len(names)], names[at - 1]
            out.append((AFTER_QUESTIONS, "After {0} comes {1}.", name, after, kind))
            out.append((BEFORE_QUESTIONS, "Before {0} comes {1}.", name, before, kind))
    return out
