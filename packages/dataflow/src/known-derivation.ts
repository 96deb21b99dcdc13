/**
 * Derivations: the chain of definitions that a known content rests on, or the one that ends where it gets lost.
 *
 * Merges only say that ways meet, so they are seen through: behind each definition stand the definitions, results of calls and tests that reach
 * it over any number of merges. Of a content that is not known, only the first way to a reason is followed.
 */
import { ContentKind, type Content } from "./content.js";
import { isAnything, type Known } from "./known-values.js";

export interface DerivationStep {
  /** 0 for what the question asked about last; a step rests on the deeper ones that follow it. */
  readonly depth: number;
  readonly kind: "defined" | "returned" | "tested" | "unknown";
  /** Row of the instruction. */
  readonly instruction: number;
  /** Register or slot (content.ts). */
  readonly place: number;
  readonly value: Known;
  readonly reason: Content["reason"];
  /** Stands above already, with what it rests on. */
  readonly repeated: boolean;
}

const NAMES: Readonly<Partial<Record<Content["kind"], DerivationStep["kind"]>>> = {
  [ContentKind.defined]: "defined",
  [ContentKind.returned]: "returned",
  [ContentKind.tested]: "tested",
};

/** Merges and variables: behind them stands what ways bring, and what code stores. */
const isTransparent = ({ kind }: Content): boolean => kind === ContentKind.merged || kind === ContentKind.variable;

/** At most `most` steps; a derivation that is longer is cut. */
export function derive(content: Content, isKnown: boolean, most = 40): DerivationStep[] {
  const steps: DerivationStep[] = [];
  const told = new Set<Content>();
  const work: { readonly of: Content; readonly depth: number }[] = [];
  const push = (contents: readonly Content[], depth: number): void => {
    const chosen = isKnown ? contents : contents.filter(({ value }) => isAnything(value)).slice(0, 1);
    for (const of of (chosen.length > 0 ? chosen : contents).toReversed()) work.push({ of, depth });
  };
  push(sources([content], isKnown), 0);
  for (let next = work.pop(); next !== undefined && steps.length < most; next = work.pop()) {
    const { of, depth } = next;
    const repeated = told.has(of);
    told.add(of);
    const kind = NAMES[of.kind] ?? "unknown";
    steps.push({
      depth,
      kind,
      instruction: of.instruction,
      place: of.place,
      value: of.value,
      reason: of.reason,
      repeated,
    });
    if (!repeated) push(sources(of.inputs, isKnown), depth + 1);
  }
  return steps;
}

/** The contents behind merges, each once; those that no path brings are left out. */
function sources(contents: readonly Content[], isKnown: boolean): Content[] {
  const found: Content[] = [];
  const seen = new Set<Content>();
  const work = contents.toReversed();
  for (let content = work.pop(); content !== undefined; content = work.pop()) {
    if (seen.has(content)) continue;
    seen.add(content);
    if (content.value.values?.length === 0) continue;
    if (!isTransparent(content)) found.push(content);
    else for (const input of content.inputs.toReversed()) if (isKnown || input.value.known !== -1) work.push(input);
  }
  return found;
}
