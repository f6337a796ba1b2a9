"""One exercise: its turns, the text that trains on it, and whether it belongs to the held-out set."""

import dataclasses
import hashlib

HELD_OUT = 0.08  # share of keys that are never trained on


@dataclasses.dataclass
class Item:
    task: str  # the name under which it is scored
    key: str  # what makes it the same exercise: equal keys are trained on or held out together
    turns: list  # [(what is given, what must follow)]; the last one is scored
    chat: bool = True  # turns of a conversation, or text to continue
    think: str = "off"  # "off", "fake" (empty thoughts) or "on"
    exact: bool = True  # False: no single right answer, so it is trained on but never scored
    system: str = ""

    @property
    def held_out(self):
        """Depends on the key alone, so that no seed or order can leak a held-out exercise into training."""
        digest = hashlib.sha256(self.key.encode()).digest()
        return self.exact and int.from_bytes(digest[:4], "little") < HELD_OUT * 2**32

    def segments(self):
        """[(text, is it to be learned)] laid out as the server's chat template does; the text ends there."""
        if not self.chat:
            return [part for given, wanted in self.turns for part in ((given, False), (wanted, True))]
        parts = []
        before = f"System: {self.system}\n\n" if self.system else ""
        for number, (given, wanted) in enumerate(self.turns):
            opening = f"{before}User: {given}\n\nAssistant:"
            last = number == len(self.turns) - 1
            if last and self.think == "fake":
                parts += [(opening + " <think>\n</think", False), (">\n" + wanted, True)]
            elif last and self.think == "on":
                parts += [(opening + " <think", False), (wanted, True)]
            else:
                parts += [(opening, False), (" " + wanted, True)]
            before = "\n\n"
        return parts

    def messages(self):
        """The conversation up to the question that is scored, for POST /v1/chat/completions."""
        out = [{"role": "system", "content": self.system}] if self.system else []
        for given, wanted in self.turns:
            out += [{"role": "user", "content": given}, {"role": "assistant", "content": wanted}]
        return out[:-1]
