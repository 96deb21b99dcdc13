/**
 * The slow, obviously right liveness: a location is live behind an instruction if walking on from there, along every
 * branch, into calls and out of them again, meets an instruction that reads it before one that surely writes it.
 */
import { Flow, type Program } from "@pv/x86-ir";

interface Place {
  readonly instruction: number;
  /** Instructions to go on with after the returns still to come. */
  readonly returns: readonly number[];
}

/** Location words live behind `from`, where a return with nowhere to go reads everything. */
export function liveBehind(program: Program, from: number): { parts: number; rest: number } {
  const live = { parts: 0, rest: 0 };
  for (let bit = 0; bit < 64; bit++) {
    const word = bit < 32 ? "parts" : "rest";
    if (isLive(program, from, word, 1 << (bit & 31))) live[word] |= 1 << (bit & 31);
  }
  return live;
}

function isLive({ instructions }: Program, from: number, word: "parts" | "rest", bit: number): boolean {
  const { effect, effects, flow, target } = instructions;
  const uses = word === "parts" ? effects.useParts : effects.useRest;
  const kills = word === "parts" ? effects.killParts : effects.killRest;
  const seen = new Set<string>();
  const work: Place[] = [];
  const goOn = ({ instruction: i, returns }: Place): boolean => {
    const next: Place[] = [];
    switch (flow[i]) {
      case Flow.jump:
        next.push({ instruction: instructions.at(target[i]), returns });
        break;
      case Flow.conditional:
        next.push({ instruction: instructions.at(target[i]), returns }, { instruction: i + 1, returns });
        break;
      case Flow.call:
        next.push({ instruction: instructions.at(target[i]), returns: [...returns, i + 1] });
        break;
      case Flow.return:
        if (returns.length === 0) return true;
        next.push({ instruction: returns.at(-1)!, returns: returns.slice(0, -1) });
        break;
      default:
        next.push({ instruction: i + 1, returns });
    }
    for (const place of next) {
      const key = `${place.instruction}/${place.returns.join()}`;
      if (seen.has(key)) continue;
      seen.add(key);
      work.push(place);
    }
    return false;
  };
  if (goOn({ instruction: from, returns: [] })) return true;
  for (let place = work.pop(); place !== undefined; place = work.pop()) {
    const e = effect[place.instruction];
    if (uses[e] & bit) return true;
    if (kills[e] & bit) continue;
    if (goOn(place)) return true;
  }
  return false;
}
