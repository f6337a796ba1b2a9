"""JSON Schema's grammars beside an independent validator: the schemas here, those of agents.json, and JSON-Schema-Test-Suite.

For each schema, what a model makes up to which every allowed token is as likely is valid (`--draws` answers in all), and so is
what comes out of the grammar by chance. The suite is looked for where JSON_SCHEMA_TEST_SUITE says (a checkout of it): what it
calls invalid is not in the grammar, and what it calls valid is, but for the reasons that docs/structured.md gives."""
import argparse
import collections
import decimal
import glob
import json
import os
import random
import re
import subprocess
import sys

DRAFTS = {"draft7": "http://json-schema.org/draft-07/schema#",
          "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
          "draft2020-12": "https://json-schema.org/draft/2020-12/schema"}
HERE = os.path.dirname(os.path.abspath(__file__))
FORMATS = ("date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")  # others are remarks

# Spellings of formats, with a pattern that tells them.
LEFT_OUT = [("time", ":60", "leap seconds"), ("date-time", ":60", "leap seconds"), ("date-time", r"\.\d{10}", "more than 9 digits of a second"),
            ("duration", r"\d{10}", "more than 9 digits"), ("hostname", "xn--", "names in Punycode"), ("hostname", r"\b[^.]{2}--", "hyphens as Punycode has them"),
            ("email", r'\\"|\[', "quotes and IP addresses")]

# What people send: each keyword and format with an eye to how they meet.
SCHEMAS = [
    {"type": "object", "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 40}, "age": {"type": "integer", "minimum": 0, "maximum": 130},
                                      "email": {"type": "string", "format": "email"}}, "required": ["name", "age"], "additionalProperties": False},
    {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 1, "maxItems": 4,
     "$defs": {"step": {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}, "cost": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01},
                                                         "then": {"anyOf": [{"$ref": "#/$defs/step"}, {"type": "null"}]}}, "required": ["at"], "additionalProperties": False}}},
    {"oneOf": [{"type": "object", "properties": {"kind": {"const": "circle"}, "radius": {"type": "number", "minimum": 0}}, "required": ["kind", "radius"]},
               {"type": "object", "properties": {"kind": {"const": "square"}, "side": {"type": "number", "maximum": 1000}}, "required": ["kind"]}]},
    {"type": "object", "patternProperties": {"^x-": {"type": "string"}, "^[0-9]+$": {"type": "integer"}}, "additionalProperties": False, "minProperties": 1},
    {"type": "object", "properties": {"country": {"enum": ["DE", "US"]}}, "required": ["country"], "if": {"properties": {"country": {"const": "US"}}},
     "then": {"properties": {"zip": {"pattern": "^[0-9]{5}$"}}, "required": ["zip"]}, "else": {"properties": {"plz": {"pattern": "^[0-9]{4,5}$"}}}},
    {"type": "object", "propertyNames": {"pattern": "^[a-z_]{1,8}$"}, "additionalProperties": {"type": ["integer", "boolean"]}, "maxProperties": 4},
    {"type": "array", "contains": {"type": "integer", "minimum": 10}, "minContains": 1, "maxContains": 2, "items": {"type": ["integer", "string"]}},
    {"type": "array", "prefixItems": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}, {"type": "string", "format": "uuid"}], "items": False, "minItems": 3},
    {"type": "array", "prefixItems": [{"type": "string", "format": name} for name in ("date", "time", "hostname", "duration", "email", "date-time")], "minItems": 6,
     "items": False},
    {"type": "integer", "minimum": -1000, "maximum": 99999, "multipleOf": 7, "not": {"enum": [0, 7, 14]}},
    {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"required": ["a"]}}},
    {"type": "object", "not": {"additionalProperties": {"type": "string"}}},
    {"type": "array", "not": {"items": {"type": "integer"}}, "maxItems": 4},
    {"anyOf": [{"type": "string", "not": {"pattern": "[aeiou]"}, "maxLength": 6}, {"type": "number", "not": {"type": "integer"}}]},
    {"enum": ["red", "green", 3, None, {"a": [1, 2.5]}, ["x"]]},
    True,
]


def names_in(schema):
    """What may be missing in an object, as it is written there."""
    if isinstance(schema, list):
        return set().union(*map(names_in, schema))
    if not isinstance(schema, dict):
        return set()
    required = schema.get("required")
    own = {json.dumps(name, ensure_ascii=False) for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    return own.union(*map(names_in, schema.values()))


class Driver:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, schema, texts=(), walks=0, draws=0, seed=1):
        line = {"schema": json.dumps(schema, ensure_ascii=False), "texts": list(texts), "walks": walks, "draws": draws,
                "words": sorted(names_in(schema)), "seed": seed}
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "fault" in answer:
            raise SystemExit(f"driver: {answer['fault']} on {line['schema']}")
        return answer


def validators():
    import jsonschema
    return {"draft7": jsonschema.Draft7Validator, "draft2019-09": jsonschema.Draft201909Validator,
            "draft2020-12": jsonschema.Draft202012Validator}


def exact(text):
    """Numbers as they are written: 4.28 is a multiple of 0.01."""
    decimal.getcontext().prec = 1000  # for 1e308
    return json.loads(text, parse_float=decimal.Decimal)


def jsonschema_errors():
    import referencing.exceptions
    import urllib.error
    return (referencing.exceptions.Unresolvable, urllib.error.URLError)


def validator_of(draft, schema, formats=FORMATS):
    import jsonschema
    checker = validators()[draft]
    # 1.00 is an integer, which the validator says of floats alone.
    types = checker.TYPE_CHECKER.redefine("integer", lambda _, value: checker.TYPE_CHECKER.is_type(value, "integer") or (
        isinstance(value, decimal.Decimal) and value == value.to_integral_value()))
    held = jsonschema.FormatChecker(formats=())
    held.checkers = {name: check for name, check in checker.FORMAT_CHECKER.checkers.items() if name in formats}
    return jsonschema.validators.extend(checker, type_checker=types)(exact(json.dumps(schema)), format_checker=held)


def judge(validator, answer, where, count):
    """What is wrong with the texts that the driver made up; `count` counts them."""
    bad = []
    for kind in ("walks", "drawn"):
        for text in answer[kind]:
            count[kind] += 1
            try:
                valid = validator.is_valid(exact(text))
            except ValueError as error:
                bad.append(f"{kind}: no JSON {where}: {error}: {text}")
                continue
            if not valid:
                bad.append(f"{kind}: made up though invalid {where}: {text}")
    count["tokens drawn"] += answer["tokens"]
    count["draws that came to no end"] += answer["endless"]
    return bad


def why_not(file, data):
    """Why a valid instance is not in the grammar, in the words of docs/structured.md; None where there is no reason."""
    spelled = json.dumps(data)
    if file == "vocabulary":
        return "all keywords are read, whatever vocabulary a $schema of one's own leaves out"
    if file == "format":
        return "a format is held to, where the suite takes it for a remark"
    if file.startswith("optional/format/"):
        for name, left_out, what in LEFT_OUT:
            if file.endswith("/" + name) and re.search(left_out, spelled):
                return f"{name}: without {what}"
    if re.search(r"\d\.0\b|-0\b", spelled):
        return "whole numbers are written without a point, and 0 without a sign"
    if re.search(r"\d[eE]\+?\d{2}", spelled) or re.search(r"\d{21}", spelled):
        return "numbers beside bounds are written without an exponent, with 20 digits at most"
    return None


def suite_groups(folder):
    for draft in DRAFTS:
        files = sorted(glob.glob(os.path.join(folder, "tests", draft, "*.json")))
        files += sorted(glob.glob(os.path.join(folder, "tests", draft, "optional", "format", "*.json")))
        files += [path for name in ("bignum", "non-bmp-regex", "unknownKeyword", "dependencies-compatibility", "float-overflow")
                  if os.path.exists(path := os.path.join(folder, "tests", draft, "optional", name + ".json"))]
        for path in files:
            with open(path, encoding="utf-8") as f:
                for group in json.load(f):
                    yield draft, os.path.relpath(path, os.path.join(folder, "tests", draft))[:-5], group


def run_suite(driver, groups, each, verbose):
    count = collections.Counter()
    refused, over, bad = collections.Counter(), collections.Counter(), []
    for number, (draft, file, group) in enumerate(groups):
        schema = group["schema"]
        if draft == "draft7" and isinstance(schema, dict) and "$schema" not in schema:
            schema = {"$schema": DRAFTS[draft], **schema}
        texts = [json.dumps(test["data"], ensure_ascii=False) for test in group["tests"]]
        answer = driver.ask(schema, texts, each, each, number)
        where = f"{draft} {file}: {group['description']}"
        if "error" in answer:
            unsatisfiable = "allows no value" in answer["error"] and not any(test["valid"] for test in group["tests"])
            if unsatisfiable:
                count["schemas that no value satisfies, refused as such"] += 1
                continue
            count["refused"] += 1
            refused[re.sub(r"^schema\S*?\.?(\$?\w+): ", r"\1: ", answer["error"])[:90]] += 1
            if verbose:
                print(f"refused {where}: {answer['error']}")
            continue
        count["compiled"] += 1
        remark = isinstance(schema, dict) and schema.get("format", FORMATS[0]) not in FORMATS
        for test, text, accepted in zip(group["tests"], texts, answer["accepted"]):
            if test["valid"]:
                count["valid, accepted" if accepted else "valid, not accepted"] += 1
                if not accepted:
                    reason = why_not(file, test["data"])
                    over[reason or "NO REASON"] += 1
                    if reason is None or verbose:
                        print(f"over-restricted {where} / {test['description']}: {text} ({reason})")
                    if reason is None:
                        count["without a reason"] += 1
            else:
                if accepted and remark:
                    count["invalid by a format that is a remark here"] += 1
                    continue
                count["invalid, accepted" if accepted else "invalid, rejected"] += 1
                if accepted:
                    bad.append(f"accepted though invalid {where} / {test['description']}: {text}")
        try:
            plain = validator_of(draft, schema, formats=())
            if not file.startswith("optional/format/") and any(plain.is_valid(exact(json.dumps(test["data"]))) != test["valid"] for test in group["tests"]):
                count["schemas that the validator and the suite disagree on"] += 1
                continue
            bad += judge(validator_of(draft, schema), answer, f"{where}: {json.dumps(schema)}", count)
        except jsonschema_errors() as error:  # a reference that the validator would fetch
            count["schemas that the validator cannot read"] += 1
            if verbose:
                print(f"unread {where}: {error!r}"[:200])
    print(dict(count))
    for title, counter in (("refused", refused), ("valid but not accepted", over)):
        print(title)
        for reason, times in counter.most_common():
            print(f"  {times:5} {reason}")
    return bad, count


def run_own(driver, schemas, each):
    bad, count = [], collections.Counter()
    for number, (name, schema) in enumerate(schemas):
        answer = driver.ask(schema, walks=each, draws=each, seed=number)
        if "error" in answer:
            bad.append(f"{name}: {answer['error']}")
            continue
        bad += judge(validator_of("draft2020-12", schema), answer, name, count)
        if len(answer["drawn"]) < each:
            bad.append(f"{name}: only {len(answer['drawn'])} of {each} answers came to an end")
    print(f"{len(schemas)} schemas: {dict(count)}")
    return bad


def own_schemas():
    with open(os.path.join(HERE, "agents.json"), encoding="utf-8") as file:
        agents = [(one["name"], one["schema"]) for one in json.load(file)]
    return agents + [(json.dumps(schema), schema) for schema in SCHEMAS]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--draws", type=int, default=1000, help="answers to make up, of all schemas together")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--python", help="the one that has the package jsonschema")
    args = parser.parse_args()
    if args.python and os.path.exists(args.python) and os.path.abspath(args.python) != os.path.abspath(sys.executable):
        os.execv(args.python, [args.python, *sys.argv])
    try:
        import jsonschema
    except ImportError:
        print("the package jsonschema is not there")
        sys.exit(77)
    missing = set(FORMATS) - set(jsonschema.FormatChecker.checkers)
    if missing:
        print(f"the validator does not know the formats {', '.join(sorted(missing))}: pip install jsonschema[format]")
        sys.exit(77)
    driver = Driver(args.driver)
    own = own_schemas()
    folder = os.environ.get("JSON_SCHEMA_TEST_SUITE")
    groups = list(suite_groups(folder)) if folder else []
    bad, judged = [], 0
    if folder:  # half of the answers, and what the validator cannot judge is made up for below
        bad, count = run_suite(driver, groups, -(-args.draws // 2 // len(groups)), args.verbose)
        judged = count["drawn"]
        if count["without a reason"]:
            bad.append(f"{count['without a reason']} valid instances are not accepted without a reason")
    else:
        print("JSON_SCHEMA_TEST_SUITE is not set: its schemas are skipped")
    bad += run_own(driver, own, max(5, -(-(args.draws - judged) // len(own))))
    for line in bad[:40]:
        print(line)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
