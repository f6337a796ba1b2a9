"""Sentences of a small controlled grammar, made at once in English, Chinese, French and Spanish."""

import lexicon as lx
from items import Item

THINGS, BEINGS = lx.rows(lx.THINGS), lx.rows(lx.BEINGS)
QUALITIES, VERBS = lx.rows(lx.QUALITIES), lx.rows(lx.VERBS)
TIMES, PLACES = lx.rows(lx.TIMES, "|"), lx.rows(lx.PLACES, "|")


def french_verb(stem, person):
    if stem == "vend":  # the one verb of the table that is not regular in -er
        return ("vends", "vends", "vend", "vendons", "vendez", "vendent")[person]
    ending = lx.FRENCH_ENDINGS[person]
    return stem + ending


def noun_phrase(rng, noun, quality=None):
    """The four phrases for a noun: a determiner, perhaps a quality."""
    en, zh, measure, fr, fr_gender, es, es_gender = noun
    det_en, det_zh, measured, fr_m, fr_f, es_m, es_f = rng.choice(lx.DETERMINERS)
    fr_det = fr_m if fr_gender == "m" else fr_f
    es_det = es_m if es_gender == "m" else es_f
    words_en, words_zh = [det_en], det_zh + (measure if measured else "")
    words_fr, words_es = [fr_det, fr], [es_det, es]
    if quality:
        q_en, q_zh, _, q_fr_m, q_fr_f, q_es_m, q_es_f = quality
        words_en.append(q_en)
        words_zh += q_zh
        words_fr.append(q_fr_m if fr_gender == "m" else q_fr_f)
        words_es.append(q_es_m if es_gender == "m" else q_es_f)
    words_en.append(en)
    return " ".join(words_en), words_zh + zh, " ".join(words_fr), " ".join(words_es)


def sentence(rng):
    """One sentence as a tuple in the order of lexicon.LANGUAGES."""
    some_quality = lambda: rng.choice(QUALITIES) if rng.random() < 0.5 else None
    shape = rng.random()
    if shape < 0.25:  # somebody or something is so
        noun, quality = rng.choice(THINGS + BEINGS), rng.choice(QUALITIES)
        en, zh, fr, es = noun_phrase(rng, noun)
        _, _, q_zh, fr_m, fr_f, es_m, es_f = quality
        parts = (
            f"{en} is {quality[0]}",
            zh + q_zh,
            f"{fr} est {fr_m if noun[4] == 'm' else fr_f}",
            f"{es} es {es_m if noun[6] == 'm' else es_f}",
        )
    elif shape < 0.45:  # somebody or something is somewhere
        place = rng.choice(PLACES)
        en, zh, fr, es = noun_phrase(rng, rng.choice(THINGS + BEINGS), some_quality())
        parts = (f"{en} is {place[0]}", zh + place[1], f"{fr} est {place[2]}", f"{es} está {place[3]}")
    else:  # somebody does something to something
        if rng.random() < 0.5:
            s_en, s_zh, s_fr, s_es, person = rng.choice(lx.PRONOUNS)
        else:
            s_en, s_zh, s_fr, s_es = noun_phrase(rng, rng.choice(BEINGS), None)
            person = 2
        plain, third, v_zh, v_fr, v_es, es_class = rng.choice(VERBS)
        o_en, o_zh, o_fr, o_es = noun_phrase(rng, rng.choice(THINGS), some_quality())
        fr_verb, es_verb = french_verb(v_fr, person), v_es + lx.SPANISH_ENDINGS[es_class][person]
        en_not = fr_ne = fr_pas = es_no = zh_not = ""
        en_verb = third if person == 2 else plain
        if rng.random() < 0.2:
            en_verb = plain
            en_not = "does not " if person == 2 else "do not "
            fr_ne, fr_pas, es_no, zh_not = ("n'" if fr_verb[0] in "aeé" else "ne "), " pas", "no ", "不"
        if s_fr == "Je" and not fr_ne and fr_verb[0] in "aeé":
            s_fr, fr_ne = "J'", ""
        gap = "" if s_fr == "J'" else " "
        when = rng.choice(TIMES) if rng.random() < 0.4 else ("", "", "", "")
        tail = [" " + w if w else "" for w in when]
        parts = (
            f"{s_en} {en_not}{en_verb} {o_en}{tail[0]}",
            f"{s_zh}{when[1]}{zh_not}{v_zh}{o_zh}",
            f"{s_fr}{gap}{fr_ne}{fr_verb}{fr_pas} {o_fr}{tail[2]}",
            f"{s_es} {es_no}{es_verb} {o_es}{tail[3]}",
        )
    en, zh, fr, es = parts
    en, fr, es = (text[0].upper() + text[1:] + "." for text in (en, fr, es))
    return en, zh + "。", fr, es


def translation(rng):
    texts = sentence(rng)
    source, target = rng.sample(range(4), 2)
    names = lx.LANGUAGES
    return Item(
        f"translate {names[source]} to {names[target]}",
        "translate:" + texts[0],
        [(f"{names[source]}: {texts[source]}\n\n{names[target]}:", " " + texts[target])],
        chat=False,
    )
